"""W: the user's own generators and worker processes.

Those that only raise or give something wrong run in this process; those that hang, print or die run as children, once with
the generator in a thread and once in a process.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from faults.cases.runner import ANY, Case, Done

EXPERIMENT = """\
name: small
data:
  train: {python: {function: "my_data:batches", samples: 40}}
  timeout: 100s
model: {layers: [{Dense: {units: 1}}]}
compile: {loss: mean_squared_error}
train: {mode: fit_generator, epochs: 2, MORE verbose: 2, view_metrics: false}
"""
MODULE = """\
import ctypes, os, random, signal, sys, time
import numpy as np

X, Y = np.ones((8, 3), "f4"), np.ones(8, "f4")

def batches():
    for number in range(5):
        if number == 2:
            PART
        yield X + number, Y
"""
LINE = 9


def _training(module: str, experiment: str, *options: str) -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        (folder / "my_data.py").write_text(module)
        (folder / "e.yaml").write_text(experiment)
        return ("train", "e.yaml", "--run-dir", "run", *(options or ("--quiet",)))

    return make


def _part(text: str, more: str = "") -> Callable[[Path], Sequence[object]]:
    """A training whose generator does something at its third batch."""
    return _training(MODULE.replace("PART", text), EXPERIMENT.replace("MORE", more))


def _body(text: str, experiment: str = EXPERIMENT) -> Callable[[Path], Sequence[object]]:
    """A training on a function of some body."""
    return _training(MODULE[: MODULE.index("    for")] + f"    {text}\n", experiment.replace("MORE", ""))


def _status(done: Done) -> None:
    """The run says that it failed, and why."""
    status = json.loads((done.folder / "run" / "status.json").read_text())
    assert (status["state"], status["exit_code"]) == ("failed", 10), status


def _ends() -> Iterator[Case]:
    says = "my_data.py:batches gave 2 of 5 batches in pass 1"
    yield Case("W01", "it ends early", _part("return"), 10, [says])
    later = _training(
        MODULE.replace("def batches():", "CALLS = []\n\ndef batches():\n    CALLS.append(1)").replace(
            "number == 2:\n            PART", "number == 2 and len(CALLS) > 1:\n            return"
        ),
        EXPERIMENT.replace("MORE", ""),
    )
    yield Case("W01", "it ends early in the second pass", later, 10, ["gave 2 of 5 batches in pass 2"])
    raises = _part('raise ValueError("the file is\\n not there")')
    yield Case(
        "W02", "it raises", raises, 10, [f"my_data.py:{LINE}: ", "failed in batch 3 of pass 1: ValueError: the file is not there"]
    )
    for name, text in {
        "KeyError": "{}['a']", "recursion": "f = lambda: f(); f()", "StopIteration": "next(iter(()))", "no text": "raise RuntimeError()",
        "MemoryError": "raise MemoryError()", "an escape": 'raise ValueError("\\x1b[31m")', "an assertion": "assert False",
        "its own error": "class Odd(Exception): __str__ = lambda self: 1 / 0\n            raise Odd()",
    }.items():  # fmt: skip
        row = "W08" if name in ("recursion", "StopIteration", "MemoryError") else "W02"
        yield Case(row, f"it raises: {name}", _part(text), 10, ["my_data.py:", "failed in batch 3 of pass 1: "])
    broken = _training("def batches(:\n", EXPERIMENT.replace("MORE", ""))
    yield Case("W02", "it is no Python", broken, 10, ["my_data.py:1: ", "cannot be loaded: SyntaxError"])
    at_import = _training("import nothing_like_that\n", EXPERIMENT.replace("MORE", ""))
    yield Case("W02", "it cannot be imported", at_import, 10, ["my_data.py:1: ", "cannot be loaded: ModuleNotFoundError"])


def _wrong() -> Iterator[Case]:
    table = {
        "None": ("None", "is nothing (None); expected (inputs, targets) or"),
        "a number": ("5", "is an int; expected (inputs, targets) or"),
        "an array alone": ("X", "; expected (inputs, targets) or"),
        "four parts": ("(X, Y, Y, Y)", "is a tuple of 4; expected (inputs, targets) or"),
        "one part": ("(X,)", "is a tuple of 1; expected (inputs, targets) or"),
        "text": ('("a", "b")', ""),
        "another shape": ("(X[:, :2], Y)", "inputs are float32 (2,) a sample, but those of the first batch were float32 (3,)."),
        "another type": (
            "(X.astype('u1'), Y)",
            "inputs are uint8 (3,) a sample, but those of the first batch were float32 (3,).",
        ),
        "other lengths": ("(X, Y[:5])", "holds arrays of shapes (8, 3), (5,); the same number of samples"),
        "no samples": ("(X[:0], Y[:0])", "holds arrays of shapes (0, 3), (0,); the same number of samples, at least one"),
        "NaN": ("(X * np.nan, Y)", "holds 24 values that are NaN or infinite"),
        "weights at once": ("(X, Y, Y)", "has some sample_weights, but the first batch had no"),
        "objects": ("(np.array([object()] * 8), Y)", "holds Python objects; numbers were expected"),
        "ragged lists": ("([[1], [2, 3]], Y)", ""),
    }
    for name, (value, says) in table.items():
        make = _part(f"yield {value}; continue")
        yield Case("W03", f"{name}, third", make, 10, ["my_data.py:batches, batch 3", says], ANY)
        if "first batch" not in says and "weights" not in name:
            first = _training(
                MODULE.replace("number == 2", "number == 0").replace("PART", f"yield {value}; continue"),
                EXPERIMENT.replace("MORE", ""),
            )
            yield Case("W03", f"{name}, first", first, 10, ["my_data.py:batches, batch 1", says], ANY)
    yield Case("W03", "no generator", _body("return 5"), 10, ["my_data.py:batches gave an int; expected a generator or list"])
    yield Case("W03", "nothing", _body("pass"), 10, ["my_data.py:batches gave nothing (None); expected a generator or list"])
    yield Case("W03", "an empty list", _body("return []"), 10, ["my_data.py:batches gave no batches."])


def _infinite() -> Iterator[Case]:
    endless = "while True: yield X, Y"
    unknown = EXPERIMENT.replace(", samples: 40", "").replace("epochs: 2,", "epochs: 2, steps_per_epoch: 3,")
    yield Case("W05", "without end, with steps", _body(endless, unknown))
    no_steps = EXPERIMENT.replace(", samples: 40", "")
    limited = no_steps.replace("epochs: 2,", "epochs: 1,")
    yield Case(
        "W05",
        "without end, without steps, until the time is up",
        _training(MODULE[: MODULE.index("    for")] + f"    {endless}\n", limited.replace("MORE", ""), "--timeout", "0.2s"),
        75,
        child=True,
    )
    once = "import numpy as np\nX, Y = np.ones((8, 3), 'f4'), np.ones(8)\nMADE = iter([(X, Y)] * 5)\n\ndef batches():\n    return MADE\n"
    says = "gave no batches in pass 2. Return a new generator at each call: one pass is one call."
    yield Case("W06", "the same iterator twice", _training(once, EXPERIMENT.replace("MORE", "")), 10, [says])
    yield Case("W06", "the same iterator twice, of unknown length", _training(once, no_steps.replace("MORE", "")), 10, [says])


def _said_at_start(done: Done) -> None:
    assert "is called again" in done.err, done.err


def _resumed(folder: Path) -> Sequence[object]:
    from faults.cases.runner import here

    make = _part("pass")
    first = here([str(argument) for argument in (*make(folder), "--set", "train.epochs=1")])
    assert first.code == 0, first.err
    return ("resume", "run", "--epochs", "3", "--experiment", "e.yaml")


def _dying() -> Iterator[Case]:
    for processes in (False, True):
        more, where = f"use_multiprocessing: {str(processes).lower()},", "in a process" if processes else "in a thread"
        hanging = EXPERIMENT.replace("100s", "2s").replace("MORE", more)
        hangs = _training(MODULE.replace("PART", "time.sleep(1000)"), hanging)
        says = ["within 2 s", "my_data.py", str(LINE), "raise data.timeout"]
        yield Case("W04", f"it hangs, {where}", hangs, 10, says, child=True, long=True)
        yield Case("W08", f"sys.exit, {where}", _part("sys.exit('enough')", more), 10, ["SystemExit: enough"], child=True)
        yield Case(
            "W08", f"KeyboardInterrupt, {where}", _part("raise KeyboardInterrupt", more), 10, ["KeyboardInterrupt"], child=True
        )
    table = {
        "W08 os._exit": ("os._exit(5)", "ended by itself with exit code 5"),
        "W08 a segmentation fault": ("ctypes.string_at(0)", "was killed by signal 11 (SIGSEGV)"),
        "W08 an abort": ("os.abort()", "was killed by signal 6 (SIGABRT)"),
        "W11 a kill": ("os.kill(os.getpid(), 9)", "was killed by signal 9 (SIGKILL; out of memory?)"),
    }
    for name, (text, says) in table.items():
        row, _, title = name.partition(" ")
        make = _part(text, "use_multiprocessing: true,")
        yield Case(
            row,
            title,
            make,
            10,
            ["Worker 0 (process ", f"{says} while it made batch 3 of pass 1 of my_data.py:batches"],
            child=True,
            long=title != "an abort",
        )


DISTURBANCES = {
    "prints": "print('x' * 100); sys.stdout.flush()",
    "changes folder": "os.chdir('/')",
    "seeds the global generators": "np.random.seed(0); random.seed(0)",
    "sets the environment": "os.environ['HOME'] = '/'; os.environ.pop('PATH', None)",
    "warns": "import warnings; warnings.warn('odd')",
    "sets NumPy to raise": "np.seterr(all='raise')",
}


@functools.cache
def _undisturbed_loss(processes: bool) -> str:
    """The last loss of a run whose generator does nothing else."""
    import contextlib
    import tempfile

    from faults.cases.runner import here

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        make = _part("pass", f"use_multiprocessing: {str(processes).lower()},")
        done = here([str(argument) for argument in make(Path(folder))])
        assert done.code == 0, done.err
        return _last_loss(Path("run"))


def _last_loss(run: Path) -> str:
    return str(json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["loss"])


def _same_loss(done: Done) -> None:
    assert _last_loss(done.folder / "run") == _undisturbed_loss(False)
    assert done.out == done.err == ""


def _disturbing() -> Iterator[Case]:
    for name, text in DISTURBANCES.items():
        for processes in (False, True):
            more, where = f"use_multiprocessing: {str(processes).lower()},", "in a process" if processes else "in a thread"
            long = (name, processes) not in (("prints", True), ("seeds the global generators", False))
            yield Case("W10", f"it {name}, {where}", _part(text, more), check=_same_loss, child=True, long=long)


_LEAKING = """\
import numpy as np

KEPT = []

def batches():
    for number in range(5):
        KEPT.append(KEEP)
        yield np.ones((8, 3), "f4"), np.ones(8, "f4")
"""


def _leaks() -> Iterator[Case]:
    longer = EXPERIMENT.replace("epochs: 2, MORE", "epochs: 12,")
    for name, keep in {"Memory": "np.ones(3 << 20)", "The number of open files": "open(__file__)"}.items():
        # Batches are made ahead: an epoch may open more, the next none. Memory for as many epochs would be too much.
        epochs = "24" if keep.startswith("open") else "12"
        make = _training(_LEAKING.replace("KEEP", keep), longer.replace("epochs: 12", f"epochs: {epochs}"), "--verbose", "2")
        says = [f"warning: {name} grew from "]
        yield Case("W09", f"it leaks: {name}", make, says=says, child=True, long=name == "Memory")
    yield Case("W09", "it leaks nothing", _training(_LEAKING.replace("KEEP", "1"), longer), child=True, check=_silent)


def _silent(done: Done) -> None:
    assert done.err == "", done.err


CASES = [
    *_leaks(),
    *_ends(),
    *_wrong(),
    *_infinite(),
    Case("W07", "what going on needs of it is said", _resumed, check=_said_at_start),
    *_dying(),
    *_disturbing(),
    Case(
        "W12",
        "workers are started afresh, with BLAS at work",
        _part("X @ X.T", "use_multiprocessing: true, workers: 2,"),
        check=_same_loss,
        child=True,
    ),
]
