"""What the tests of commands share: commands run as the console script runs them, and small experiments on small data.

Most tests run a command in their own process, which takes milliseconds; those about signals and streams start one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fittool.cli import group
from fittool.cli.exit import run_and_leave
from fittool.runs.directory import RunDirectory

SMALL = """\
name: small
seed: 7
data:
  train: {npz: {path: small.npz}}
model:
  layers:
    - Rescaling: {scale: 1/255}
    - Conv2D: {filters: 4, kernel_size: 3, activation: relu}
    - Flatten
    - Dropout: {rate: 0.25}
    - Dense: {units: 3, activation: softmax}
compile:
  optimizer: adam
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
train:
  epochs: 2
  batch_size: 8
  validation_split: 0.25
"""
"""48 grey images of three classes: 36 to train, in 5 steps, and 12 to validate."""

GENERATOR = """\
import numpy as np

def batches(count=5, classes=3):
    chance = np.random.default_rng(1)
    for _ in range(count):
        yield chance.integers(0, 256, (8, 6, 6, 1)).astype("float32"), np.arange(8) % classes
"""


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def run(self) -> RunDirectory:
        """The run directory that the last line names."""
        return RunDirectory.open(Path(self.out.splitlines()[-1]))


LIMIT = 100.0
"""Seconds after which a process hangs for certain: a busy machine must not trip it."""


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Until it holds; the process that is to make it hold must not end before."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert process is None or process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)


Fittool = Callable[..., Done]
Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without wishes."""
    monkeypatch.chdir(tmp_path)
    for name in ("FITTOOL_VERBOSE", "NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def fittool(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fittool:
    """Run a command in this process."""

    def fittool(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["fittool", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit, match=r"^\d*$") as end:
            run_and_leave(group)
        return Done(end.value.code, *capsys.readouterr())  # type: ignore[arg-type]

    return fittool


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command in a process of its own; whatever still lives at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", "-m", "fittool", *map(str, arguments)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment(), **options}
        started.append(subprocess.Popen(command, **options))  # type: ignore[call-overload]
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def environment(**more: str) -> dict[str, str]:
    """The environment of a child that finds this very package."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | more


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a file, by default the small experiment with its data, changed by pairs of old and new text."""

    def write(*changes: tuple[str, str], text: str = SMALL, name: str = "e.yaml") -> Path:
        if not (folder / "small.npz").exists():
            images = np.random.default_rng(0).integers(0, 256, (48, 6, 6, 1), dtype=np.uint8)
            np.savez(folder / "small.npz", x=images, y=np.arange(48) % 3)
        for old, new in changes:
            assert old in text, f"{old} is not in the experiment"
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
        return Path(name)

    return write


@pytest.fixture
def small(write: Write) -> Path:
    """The small experiment."""
    return write()


@pytest.fixture
def pictures(folder: Path) -> Path:
    """A folder of 12 grey images of two classes, `cat` and `dog`."""
    for name, grey in (("cat", 60), ("dog", 190)):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(number).integers(grey - 50, grey + 50, (6, 6), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / name / f"{number}.png")
    return Path("pictures")


WORSE_AT_THE_END = (
    ("epochs: 2", "epochs: 5"),
    ("adam", "{SGD: {learning_rate: {PiecewiseConstantDecay: {boundaries: [19], values: [0.01, 3.0]}}}}"),
)
"""Changes the small experiment to one whose last epoch is not its best: its steps are far too long."""

DIVERGING = (
    "--set", "compile.optimizer={SGD: {learning_rate: 1e30}}", "--set", "model.layers.1.Conv2D.activation=linear",
)  # fmt: skip
"""Options with which the small experiment's loss is NaN in the second step; without rectifiers, which could all be dead."""

FROM_PICTURES = (
    ("npz: {path: small.npz}}", "folder: {path: pictures}}\n  image: {color_mode: grayscale}"),
    ("units: 3", "units: 2"),
)
"""Changes the small experiment to one on the pictures."""

FROM_GENERATOR = (
    ("npz: {path: small.npz}", 'python: {function: "mine:batches"}'),
    ("  validation_split: 0.25\n", "  mode: fit_generator\n"),
)
"""Changes the small experiment to one on batches of a function in mine.py."""


def weights(run: RunDirectory, which: str = "last") -> dict[str, bytes]:
    """The bytes of all tensors of a checkpoint, weights and optimizer."""
    checkpoint = run.checkpoints.load(f"{which}.safetensors")
    return {name: array.tobytes() for name, array in checkpoint.tensors.items()}


__all__ = [
    "DIVERGING", "FROM_GENERATOR", "FROM_PICTURES", "GENERATOR", "LIMIT", "SMALL", "WORSE_AT_THE_END", "Done", "Fittool", "Write",
    "environment", "fittool", "folder", "pictures", "small", "start", "wait_for", "weights", "write",
]  # fmt: skip
