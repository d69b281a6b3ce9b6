"""Steps that the cases about runs share: small experiments, commands that must end so, trainings that are stopped."""

from __future__ import annotations

import contextlib
import io
import json
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from faults.cases.runner import Done, here

from fittool.config.experiment_file import load_experiment
from fittool.errors import Interrupted
from fittool.experiment.train import TrainOptions, train_experiment
from fittool.runs.verify import verify_run
from fittool.training.signals import StopSignals

EXPERIMENT = """\
name: small
seed: 3
engine: {numpy: {threads: 1}}
data: {train: {synthetic: {samples: 30, shape: [6], classes: 3}}}
model: {layers: [Dense: {units: 8, activation: relu}, Dropout: {rate: 0.4}, Dense: {units: 3, activation: softmax}]}
compile: {optimizer: {Adam: {learning_rate: 0.03}}, loss: sparse_categorical_crossentropy, metrics: [METRICS]}
train: {epochs: 4, batch_size: 8, validation_split: 0.2, view_metrics: false}
callbacks: [CALLBACKS]
"""
"""Three training steps and one validation step an epoch."""
STEPS = 3


def write(*callbacks: str, metrics: str = "accuracy", changes: Sequence[tuple[str, str]] = (), name: str = "e.yaml") -> None:
    """Write the experiment into the working directory."""
    text = EXPERIMENT.replace("CALLBACKS", ", ".join(callbacks)).replace("METRICS", metrics)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    Path(name).write_text(text)


def fittool(*arguments: object, code: int = 0, says: Sequence[str] = ()) -> Done:
    """Run a command that must end with this code and say these pieces."""
    done = here([str(argument) for argument in arguments])
    assert done.code == code, f"exit code {done.code}, expected {code}: {done.err}"
    for piece in says:
        assert piece in done.err + done.out, f"does not say {piece!r}: {done.err}"
    return done


def train(directory: str = "run", *arguments: object, **expected: object) -> Done:
    """Train the experiment into a directory, or go on there."""
    return fittool("train", "e.yaml", "--run-dir", directory, "--resume", "--verbose", "2", *arguments, **expected)  # type: ignore[arg-type]


def stopped(moments: int, directory: str = "run", experiment: str = "e.yaml") -> None:
    """Train, and stop as by SIGTERM after so many moments in which that can be: each step, each step of a validation."""
    left = iter(range(moments))
    with pytest.MonkeyPatch.context() as patch:
        stop = Interrupted(signal.SIGTERM)
        patch.setattr(StopSignals, "interruption", lambda _: None if next(left, None) is not None else stop)
        loaded = load_experiment(experiment)
        with contextlib.suppress(Interrupted), contextlib.redirect_stdout(io.StringIO()):
            train_experiment(loaded, TrainOptions(Path(directory), quiet=True, resume=True))


def rows(directory: str = "run") -> list[dict[str, float]]:
    """The rows of the epochs without times."""
    lines = Path(directory, "metrics.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if "second" not in key} for line in lines]


def epochs(directory: str = "run") -> list[int]:
    return [int(row["epoch"]) for row in rows(directory)]


def whole(directory: str = "run") -> None:
    """Nothing is wrong with a run."""
    problems = verify_run(Path(directory)).problems
    assert not problems, [str(problem) for problem in problems]


def tree(*folders: str) -> dict[str, bytes]:
    """The content of every file in some folders."""
    files = [path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    return {str(path): path.read_bytes() for path in files}
