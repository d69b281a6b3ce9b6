"""What the tests of many processes share: a small experiment, ways to start it, and faults of one process at a set moment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fittool.runs.checkpoint import Checkpoint
from fittool.runs.directory import RunDirectory

ROOT = Path(__file__).parents[2]
LIMIT = 150.0
"""Seconds after which processes hang for certain; a busy machine must not trip it."""
EXPERIMENT = """\
name: many
seed: 3
engine: {torch: {device: cpu}}
data: {train: {synthetic: {samples: 404, shape: [4, 4, 1], classes: 3}}}
model:
  layers:
    - Rescaling: {scale: 1/255}
    - Flatten
    - Dense: {units: 12, activation: relu}
    - Dropout: {rate: 0.2}
    - Dense: {units: 3, activation: softmax, kernel_regularizer: {L2: {l2: 0.001}}}
compile: {optimizer: {SGD: {learning_rate: 0.05}}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {mode: fit, epochs: 4, batch_size: 20, validation_split: 0.25, view_metrics: false}
"""
"""303 samples to train, in 16 steps of which the last has 3, and 101 to validate, in 6 steps of which the last has 1."""
STEPS = 16
FAULTS = '''\
"""Faults of one process: FAULT is rank:hook:number:what, and each comes once, however often the processes are started."""

import os
import signal
import threading
import time

RANK, FIRED = os.environ.get("RANK", "0"), "fired"
who, hook, number, what = os.environ.get("FAULT", "-:-:0:-").split(":")
calls = {}


def strike():
    if os.path.exists(FIRED):
        return
    with open(FIRED, "w") as file:
        file.write(f"{time.time()} {os.getpid()}")
    if what.startswith("SIG"):
        os.kill(os.getppid() if who == "launcher" else os.getpid(), getattr(signal, what))
    elif what == "full":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
    else:
        raise ValueError("this process has had enough")


def at(name):
    def call(*arguments):
        calls[name] = calls.get(name, -1) + 1
        mine = RANK == ("0" if who == "launcher" else who)
        if mine and hook == "saving" and name == "on_epoch_end" and calls[name] == int(number):
            threading.Thread(target=strike_while_saving, daemon=True).start()
        if mine and hook == name and calls[name] == int(number):
            strike()
    return call


def strike_while_saving():
    """The moment may pass unseen on a busy machine; then in the next epoch, as behind the last there is nothing to stop."""
    begun = calls.get("on_train_batch_begin", -1)
    while not any(".tmp" in name for _, _, names in os.walk("run/checkpoints") for name in names):
        if calls.get("on_train_batch_begin", -1) > begun + 4:
            break
        time.sleep(0.0005)
    strike()


on_train_batch_begin = at("on_train_batch_begin")
on_train_batch_end = at("on_train_batch_end")
on_test_batch_end = at("on_test_batch_end")
on_epoch_end = at("on_epoch_end")


def batches(rows=20, given=16):
    import numpy as np

    chance = np.random.default_rng(1)
    mine = RANK == who and not os.path.exists(FIRED)
    for step in range(given):
        if mine and hook == "batches" and step == int(number):
            if what == "end":
                return
            strike()
        yield chance.standard_normal((rows, 4)).astype("float32"), chance.integers(0, 3, rows)
'''
HOOKS = "callbacks: [LambdaCallback: {" + ", ".join(
    f'{hook}: "faults:{hook}"' for hook in ("on_train_batch_begin", "on_train_batch_end", "on_test_batch_end", "on_epoch_end")
) + "}]\n"  # fmt: skip
GENERATED = ("{synthetic: {samples: 404, shape: [4, 4, 1], classes: 3}}", '{python: {function: "faults:batches", samples: 320}}')
"""What changes the experiment to one on batches of the user's own function."""


@dataclass(frozen=True)
class Job:
    """A folder with the experiment, in which commands are run.

    Attributes:
        folder: Where.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path, *changes: tuple[str, str], hooks: bool = False) -> Job:
        """Write the experiment, changed by pairs of old and new text; with `hooks` a fault may strike."""
        text = EXPERIMENT
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        (folder / "faults.py").write_text(FAULTS)
        (folder / "e.yaml").write_text(text + (HOOKS if hooks else ""))
        return cls(folder)

    @property
    def run(self) -> Path:
        """The run directory."""
        return self.folder / "run"

    @contextmanager
    def started(
        self, *arguments: str, fault: str = "", program: Sequence[str] = ("-m", "fittool")
    ) -> Iterator[subprocess.Popen[str]]:
        """A command at work; none of its processes outlives this context."""
        process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=self.folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(fault),
        )  # fmt: skip
        try:
            yield process
        finally:
            for number in [*ranks(process.pid).values(), process.pid]:
                try:
                    os.kill(number, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            process.communicate()

    def ended(self, *arguments: str, fault: str = "", program: Sequence[str] = ("-m", "fittool")) -> Ended:
        """A command, run to its end."""
        with self.started(*arguments, fault=fault, program=program) as process:
            out, err = process.communicate(timeout=LIMIT)
        done = time.time()
        fired = self.folder / "fired"
        since = done - float(fired.read_text().split()[0]) if fired.exists() else 0.0
        return Ended(process.returncode, out, err, since)

    def train(self, *arguments: str, fault: str = "") -> Ended:
        """Train into `run`."""
        return self.ended("train", "e.yaml", "--run-dir", "run", *arguments, fault=fault)

    def fresh(self) -> None:
        """Forget the run and the fault."""
        shutil.rmtree(self.run, ignore_errors=True)
        (self.folder / "fired").unlink(missing_ok=True)

    def status(self) -> dict[str, Any]:
        """The content of status.json."""
        status: dict[str, Any] = json.loads((self.run / "status.json").read_text())
        return status

    def rows(self) -> list[dict[str, Any]]:
        """The rows of the finished epochs."""
        return [json.loads(line) for line in (self.run / "metrics.jsonl").read_text().splitlines()]

    def last(self) -> Checkpoint:
        """The last checkpoint; it must be whole."""
        return RunDirectory.open(self.run).checkpoints.load("last.safetensors")


@dataclass(frozen=True)
class Ended:
    """The end of a command.

    Attributes:
        code: Its exit code; minus the signal where one ended it.
        out, err: What it said.
        since: Seconds since the fault struck.
    """

    code: int
    out: str
    err: str
    since: float


def environment(fault: str = "") -> dict[str, str]:
    """The environment of a command that finds this very package, computes with one thread and is hit by a fault."""
    kept = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    return kept | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "FITTOOL_VIEW_METRICS": "false", "FAULT": fault or "-:-:0:-"}


def ranks(launcher: int) -> dict[int, int]:
    """The processes that a launcher has started, by rank."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == launcher:
                variables = (folder / "environ").read_bytes().split(b"\0")
                found |= {int(one[5:]): int(folder.name) for one in variables if one.startswith(b"RANK=")}
        except (OSError, ValueError):
            continue
    return found


def difference(one: Checkpoint, other: Checkpoint) -> float:
    """The largest difference of any weight."""
    assert set(one.tensors) == set(other.tensors)
    return max(
        float(np.abs(one.tensors[name] - other.tensors[name]).max()) for name in one.tensors if name.startswith("weights/")
    )
