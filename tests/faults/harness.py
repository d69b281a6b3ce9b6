"""What the rows of the fault matrix share: small runs, ways to start and to stop them, and what must hold after every fault."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fittool.errors import CheckpointError
from fittool.runs.checkpoint import load_checkpoint
from fittool.runs.verify import verify_run

ROOT = Path(__file__).parents[2]
EXPERIMENT = """\
name: faults
seed: 3
engine: {numpy: {threads: 1}}
data: {train: {synthetic: {samples: 60, shape: [4, 4, 1], classes: 3}}}
augmentation: {rotation_range: 20, horizontal_flip: true}
model: {layers: [Flatten, Dense: {units: 12, activation: relu}, Dropout: {rate: 0.2}, Dense: {units: 3, activation: softmax}]}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
train: {mode: fit_generator, epochs: EPOCHS, batch_size: 16, validation_split: 0.2, workers: 1, view_metrics: false}
callbacks: [ReduceLROnPlateau: {patience: 2}, CSVLogger: {filename: log.csv}]
output: {checkpoint: {every: {steps: 2}}}
"""
KNOWN_CODES = {0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 75}
_PACE = ("seconds", "examples_per_second", "data_seconds")


class Unavailable(Exception):
    """This machine cannot inject the fault; the text says what is missing."""


@dataclass
class Bench:
    """Where a row works, and how much.

    Attributes:
        folder: Empty, for this row alone.
        level: 0 for the quick set, 1 for the numbers of a release, 2 for a night.
        chance: Draws the instants; its seed is printed.
    """

    folder: Path
    level: int = 0
    chance: random.Random = field(default_factory=random.Random)

    def many(self, quick: int, release: int) -> int:
        """How often: a night does ten times as much as a release."""
        return (quick, release, 10 * release)[self.level]

    def experiment(self, epochs: int = 4) -> Path:
        """Write the small experiment."""
        path = self.folder / "e.yaml"
        path.write_text(EXPERIMENT.replace("EPOCHS", str(epochs)))
        return path


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    code: int
    out: str
    err: str
    seconds: float


def environment(folder: Path, **more: str) -> dict[str, str]:
    """As bare as cron's."""
    bare = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    bare |= {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}  # they decide the last digits
    return bare | {"PYTHONDONTWRITEBYTECODE": "1"} | more


def command(*arguments: object) -> list[str]:
    """The command line of fittool."""
    return [sys.executable, "-m", "fittool", *map(str, arguments)]


def start(folder: Path, line: Sequence[str], **options: Any) -> subprocess.Popen[str]:
    """A process in a folder; its output is kept."""
    given = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "env": environment(folder),
    } | options
    return subprocess.Popen(line, cwd=folder, text=True, errors="backslashreplace", **given)


def finished(process: subprocess.Popen[str], limit: float = 60) -> Done:
    """Wait for a process; one that hangs is a failure."""
    begun = time.monotonic()
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError(f"it did not end within {limit:g} s") from None
    return Done(process.returncode, out or "", err or "", time.monotonic() - begun)


def run(folder: Path, *arguments: object, wrapped: Sequence[str] = (), limit: float = 60, **options: Any) -> Done:
    """Run fittool to its end."""
    return finished(start(folder, [*wrapped, *command(*arguments)], **options), limit)


def train(folder: Path, directory: Path | str = "run", **options: Any) -> Done:
    """Train the experiment as cron does: go on, or start."""
    return run(folder, "train", "e.yaml", "--run-dir", directory, "--resume", "--verbose", "0", **options)


@contextmanager
def forked(folder: Path, *arguments: object, sabotage: Callable[[], object] | None = None) -> Iterator[int]:
    """fittool in a copy of this process, which starts in no time; gives its process number, and kills it in the end.

    Args:
        folder: The working directory.
        arguments: Of the command line.
        sabotage: Called in the copy first; it may replace parts of fittool.
    """
    number = os.fork()
    if number == 0:  # pragma: no cover - the copy
        if sabotage is not None:
            sabotage()
        become_fittool(folder, arguments)
    try:
        yield number
    finally:
        try:
            os.kill(number, signal.SIGKILL)
            os.waitpid(number, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def become_fittool(folder: Path, arguments: Sequence[object]) -> None:
    try:
        os.chdir(folder)
        for descriptor, name in ((0, os.devnull), (1, "out.txt"), (2, "err.txt")):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), descriptor)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.argv = ["fittool", *map(str, arguments)]
        from fittool.cli import main

        main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except SystemExit as left:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(left.code if isinstance(left.code, int) else 0)
    finally:
        os._exit(97)


def sabotaged(folder: Path, *arguments: object, sabotage: Callable[[], object] | None = None) -> Done:
    """Run a copy with changed parts to its end."""
    begun = time.monotonic()
    with forked(folder, *arguments, sabotage=sabotage) as number:
        code = ended(number, 60)
    out, err = ((folder / name).read_text(errors="backslashreplace") for name in ("out.txt", "err.txt"))
    return Done(code, out, err, time.monotonic() - begun)


def ended(number: int, limit: float = 30) -> int:
    """The code of a copy that ends by itself: minus the signal where one killed it."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    raise AssertionError(f"it did not end within {limit:g} s")


def digest(directory: Path) -> str:
    """What a run must come to: the last checkpoint's tensors, and all rows without times."""
    tensors = load_checkpoint(directory / "checkpoints" / "last.safetensors").tensors
    summed = hashlib.sha256()
    for name in sorted(tensors):
        summed.update(name.encode() + tensors[name].tobytes())
    for line in (directory / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        summed.update(json.dumps({key: value for key, value in row.items() if key not in _PACE}).encode())
    return summed.hexdigest()


def reference(bench: Bench, epochs: int = 4) -> str:
    """The digest of the run that nothing disturbs."""
    bench.experiment(epochs)
    done = train(bench.folder, "reference")
    assert done.code == 0, done.err
    return digest(bench.folder / "reference")


def check_whole(directory: Path) -> None:
    """Whatever happened, the run is readable, or it never began and has nothing to lose."""
    try:
        problems = verify_run(directory).problems
    except CheckpointError:
        assert not list(directory.glob("checkpoints/*.safetensors")), "a run with a checkpoint is not readable"
        return
    assert not problems, [str(problem) for problem in problems]


def check_said(done: Done, codes: Sequence[int]) -> None:
    """One of the documented codes, a sentence, and no traceback."""
    assert done.code in codes, f"exit code {done.code}, expected one of {tuple(codes)}: {done.err[-600:]}"
    assert "Traceback" not in done.err, done.err[-600:]
    assert done.code == 0 or done.err.strip(), "it failed in silence"
    assert not re.search(r"\x1b|\r", done.err + done.out), "control characters"


def check_goes_on(bench: Bench, expected: str, directory: str = "run") -> None:
    """Undisturbed, the run comes to the same end, and leaves nothing behind."""
    done = train(bench.folder, directory)
    assert done.code == 0, done.err[-600:]
    assert digest(bench.folder / directory) == expected, "the final weights or rows are other ones"
    assert not list((bench.folder / directory).rglob("*.tmp")), "temporary files are left"


def need(*tools: str) -> None:
    """Leave the row out where a tool is missing."""
    import shutil

    for tool in tools:
        if shutil.which(tool) is None:
            raise Unavailable(f"{tool} is not installed")


def need_root() -> None:
    """Leave the row out where this is not root."""
    if os.geteuid() != 0:
        raise Unavailable("needs root")


@dataclass(frozen=True)
class Row:
    """A row of the matrix.

    Attributes:
        id: As in `K01`.
        fault: What happens.
        play: Injects the fault, asserts what must hold and that the fault fired; gives the figures.
    """

    id: str
    fault: str
    play: Callable[[Bench], str]


ROWS: dict[str, Row] = {}


def row(number: str, fault: str) -> Callable[[Callable[[Bench], str]], Callable[[Bench], str]]:
    """Put a function into the matrix."""

    def put(play: Callable[[Bench], str]) -> Callable[[Bench], str]:
        assert number not in ROWS, number
        ROWS[number] = Row(number, fault, play)
        return play

    return put
