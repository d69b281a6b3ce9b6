"""What the rows of the fault matrix share: small runs, ways to start and to stop them, and what must hold after every fault."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fittool.config.experiment_file import load_experiment
from fittool.engines.numpy_engine import NumpyEngine
from fittool.errors import CheckpointError
from fittool.experiment.train import TrainOptions, train_experiment
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
FOREVER = 1_000_000
"""Epochs of a run that lives until it is stopped, however busy the machine is."""
TWO_PROCESSES = ("--set", "train.use_multiprocessing=true", "--set", "train.workers=2")
HANGING = 200.0
"""Seconds after which something hangs for certain. It is no promise of fittool's: a busy machine must not trip it."""
_TRAIN = ("train", "e.yaml", "--verbose", "0", "--run-dir")
_started: list[subprocess.Popen[str]] = []
_PACE = ("seconds", "examples_per_second", "data_seconds")


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

    @property
    def run(self) -> Path:
        """The run directory that the fault hits."""
        return self.folder / "run"

    @property
    def last(self) -> Path:
        """Its last checkpoint."""
        return self.run / "checkpoints" / "last.safetensors"

    @property
    def calls(self) -> Path:
        """The calls that strace saw."""
        return self.folder / "strace.txt"

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


def environment(folder: Path, **more: str) -> dict[str, str]:
    """As bare as cron's."""
    bare = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    bare |= {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}  # they decide the last digits
    bare["FITTOOL_VIEW_METRICS"] = "false"  # no page at the end, which would draw for a second where the extra is there
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
    _started.append(subprocess.Popen(line, cwd=folder, text=True, errors="backslashreplace", **given))
    return _started[-1]


def finished(process: subprocess.Popen[str]) -> Done:
    """Wait for a process; one that hangs is a failure."""
    try:
        out, err = process.communicate(timeout=HANGING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError(f"it did not end within {HANGING:g} s") from None
    return Done(process.returncode, out or "", err or "")


def until(holds: Callable[[], object]) -> None:
    """Wait for something that comes for certain, unless fittool hangs or has ended."""
    deadline = time.monotonic() + HANGING
    while not holds():
        assert time.monotonic() < deadline, f"it did not come within {HANGING:g} s"
        time.sleep(0.005)


def run(folder: Path, *arguments: object, wrapped: Sequence[str] = (), **options: Any) -> Done:
    """Run fittool to its end."""
    return finished(start(folder, [*wrapped, *command(*arguments)], **options))


def train(folder: Path, directory: Path | str = "run", **options: Any) -> Done:
    """Train the experiment as cron does: go on, or start."""
    return run(folder, *_TRAIN, directory, "--resume", **options)


def training(folder: Path, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """A process that trains the experiment into `run`."""
    return start(folder, command(*_TRAIN, "run", *arguments), **options)


def saving(folder: Path, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """A process that trains the experiment, and has saved a first checkpoint."""
    process = training(folder, *arguments, **options)
    until(lambda: (folder / "run" / "checkpoints" / "last.safetensors").exists() or process.poll() is not None)
    return process


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process and close its streams."""
    process.kill()
    process.communicate()


def kill_started() -> None:
    """Kill every process that still runs."""
    while _started:
        kill(_started.pop())


def children(parent: int, count: int = 2) -> list[int]:
    """The processes that a process has started, once they are so many."""
    found: list[str] = []

    def enough() -> bool:
        found[:] = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False).stdout.split()
        return len(found) >= count

    until(enough)
    return [int(number) for number in found]


def alive(number: int) -> bool:
    """Whether a process still runs."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except FileNotFoundError:
        return False


@contextmanager
def forked(folder: Path, *arguments: object, sabotage: Callable[[], object] | None = None) -> Iterator[int]:
    """fittool in a copy of this process, which starts in no time; gives its process number, and kills it in the end.

    Args:
        folder: The working directory.
        arguments: Of the command line.
        sabotage: Called in the copy first; it may replace parts of fittool.
    """
    _get_ready()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: those of this process are idle, the copy needs none
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


@functools.cache
def _get_ready() -> None:
    """Train once in this process: copies of it find everything imported."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        path = Bench(Path(folder)).experiment(1)
        train_experiment(load_experiment(path), TrainOptions(Path("run"), quiet=True))


def become_fittool(folder: Path, arguments: Sequence[object]) -> None:
    try:
        os.chdir(folder)
        for descriptor, name in ((0, os.devnull), (1, "out.txt"), (2, "err.txt")):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), descriptor)
        sys.stdout = open(1, "w", errors="surrogateescape", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115
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
    with forked(folder, *arguments, sabotage=sabotage) as number:
        return result(folder, number)


def result(folder: Path, number: int) -> Done:
    """Wait for the copy that runs in this folder."""
    code = ended(number)
    out, err = ((folder / name).read_text(errors="backslashreplace") for name in ("out.txt", "err.txt"))
    return Done(code, out, err)


def train_copy(
    folder: Path, directory: Path | str = "run", *arguments: object, sabotage: Callable[[], object] | None = None
) -> Done:
    """As `train`, in a copy of this process."""
    return sabotaged(folder, *_TRAIN, directory, "--resume", *arguments, sabotage=sabotage)


@contextmanager
def training_copy(folder: Path, *arguments: object, sabotage: Callable[[], object] | None = None) -> Iterator[int]:
    """A copy of this process while it goes on with `run`, or starts it."""
    with forked(folder, *_TRAIN, "run", "--resume", *arguments, sabotage=sabotage) as number:
        yield number


def ended(number: int) -> int:
    """The code of a copy that ends by itself: minus the signal where one killed it."""
    state: list[tuple[int, int]] = []

    def over() -> bool:
        state[:] = [os.waitpid(number, os.WNOHANG)]
        return bool(state[0][0])

    until(over)
    return os.waitstatus_to_exitcode(state[0][1])


def signalled(step: int, number: signal.Signals = signal.SIGKILL) -> Callable[[], None]:
    """A sabotage: the copy sends itself a signal in the training step of that number, counted from 1 in its life."""

    def sabotage() -> None:
        plain, steps = NumpyEngine.train_step, iter(range(step, 0, -1))

        def train_step(self: NumpyEngine, batch: Any) -> None:
            plain(self, batch)
            if next(steps, None) == 1:
                os.kill(os.getpid(), number)

        NumpyEngine.train_step = train_step  # type: ignore[method-assign]

    return sabotage


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
    done = train_copy(bench.folder, "reference")
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
    done = train_copy(bench.folder, directory)
    assert done.code == 0, done.err[-600:]
    assert digest(bench.folder / directory) == expected, "the final weights or rows are other ones"
    assert not list((bench.folder / directory).rglob("*.tmp")), "temporary files are left"


def stop_over_and_over(bench: Bench, epochs: int, count: int, number: signal.Signals) -> tuple[int, float]:
    """Train, send a signal at a random instant, look, go on; a run that gets through is compared and begun anew.

    Returns:
        How many runs got through, and the most seconds between a signal and the end of its process.
    """
    expected = reference(bench, epochs)
    length, longest, stopped, through = 0.5, 0.0, 0, 1
    while stopped < count:
        begun = time.monotonic()
        with training_copy(bench.folder) as process:
            time.sleep(bench.chance.uniform(0, length))
            os.kill(process, number)
            sent = time.monotonic()
            code = ended(process)
            took = time.monotonic() - sent
        told = bench.folder / "err.txt"
        said = told.read_text() if told.exists() else ""  # the first signal may come before the copy has its streams
        assert code in (-number, 0), f"ended with {code} after signal {number}: {said[-500:]}"
        assert "Traceback" not in said, said[-500:]
        if bench.run.exists():
            check_whole(bench.run)
        if code:
            stopped, longest = stopped + 1, max(longest, took)
        else:
            through, length = through + 1, time.monotonic() - begun
            assert digest(bench.run) == expected, "the final weights or rows are other ones"
            shutil.rmtree(bench.run)
    check_goes_on(bench, expected)
    return through, longest
