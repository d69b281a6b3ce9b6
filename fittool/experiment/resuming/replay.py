"""Training some steps of a run again, to see whether they give what the run recorded, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.snapshot import snapshot_of
from fittool.config.experiment_file import LoadedExperiment
from fittool.engines.registry import kernels_in_use, with_kernels_of
from fittool.engines.settings import EngineSetting
from fittool.errors import CheckpointError, FittoolError, Interrupted, MachineError, Problem, shown
from fittool.experiment.building.consent import experiment_to_train
from fittool.experiment.building.prepare import Preparation, Prepared
from fittool.experiment.building.trial import without_disk_cache
from fittool.experiment.options import TrainOptions
from fittool.experiment.resuming.changes import refuse_other_data
from fittool.experiment.run_metadata import kernels_of, known_data, samples_of
from fittool.experiment.session import Session
from fittool.experiment.tables.kept_columns import encoder_to_go_on_with
from fittool.experiment.trained_run import targets_of
from fittool.nn.optimizers import FADED
from fittool.runs.checkpoint import Checkpoint
from fittool.runs.directory import RunDirectory
from fittool.runs.format import FIRST_FORMAT, OLDER_RELEASE, cause_of_other_numbers
from fittool.runs.paths import BEST, LAST, PREVIOUS
from fittool.training.display.progress import NullProgress
from fittool.training.signals import StopSignals
from fittool.training.trainer import Trainer

# Times are those of the machine, and differ between two runs that are equal to the bit.
_PACE = ("seconds", "examples_per_second", "data_seconds")
_SIGNAL = 15


@dataclass(frozen=True)
class Replay:
    """The result of training some steps again.

    Attributes:
        first, last: The steps before and behind it.
        checkpoint: The file that it was compared with.
        rows: How many epochs' rows were compared.
        problems: What is different.
    """

    first: int
    last: int
    checkpoint: str
    rows: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Task:
    """From where to where: None is the beginning."""

    start: Checkpoint | None
    end: Checkpoint

    @property
    def length(self) -> int:
        """The number of steps between them."""
        return self.end.facts.step - (0 if self.start is None else self.start.facts.step)


def replay(path: Path, steps: int, experiment: Path | None = None) -> Replay:
    """Train at least `steps` steps of a run again and compare: weights, optimizer and metrics of a checkpoint, and rows.

    It is the shortest way of so many steps between two of the run's checkpoints or its beginning; all of it if none is as long.

    Args:
        path: The run directory.
        steps: How many steps.
        experiment: The experiment file that the user names, as consent to the code in it.

    Raises:
        CheckpointError: It is no run, has no whole checkpoint, or names code without the user's consent.
        DataError: The data are not those of the run.
    """
    with ExitStack() as stack:
        stack.enter_context(StopSignals(starting=True))  # there is nothing to save, but a directory to remove
        run = stack.enter_context(RunDirectory.open(path))
        loaded = experiment_to_train(run, experiment)
        tasks = _tasks(run)
        engine = _engine_of(loaded, run)
        known = Preparation(encoder_to_go_on_with(run), targets_of(tasks[0].end, loaded), engine)
        session = Session.of(without_disk_cache(loaded), known=known)
        stack.callback(session.close)
        prepared = session.prepared
        now = {"data": prepared.fingerprints, "samples": samples_of(prepared)}
        refuse_other_data(loaded, known_data(run.read_environment()), now, mend="Put the old ones back.")
        task = _task(_with_todays_numbers(tasks, run, prepared), steps)
        session.begin()
        # Whatever training writes goes there; the run itself is only read.
        again = RunDirectory.temporary()
        stack.callback(again.discard)
        trainers: list[Trainer] = []
        # The trainer is made with the function that asks it for its position, so it comes into the list only afterwards.
        stop = _stop_at(task.end, trainers)
        rows = run.metrics.rows()
        before = rows[: task.start.facts.epoch] if task.start is not None else []
        trainers.append(session.trainer(again, NullProgress(), stop, TrainOptions(quiet=True), rows=before, replay=True))
        if task.start is not None:
            trainers[0].load_snapshot(snapshot_of(task.start), before)
        with suppress(Interrupted):
            trainers[0].run()
        made = again.checkpoints.load(LAST)
        new_rows = again.metrics.rows()
        problems = [*_different_tensors(task.end, made), *_different_rows(run.paths.metrics, rows[len(before) :], new_rows)]
        first = 0 if task.start is None else task.start.facts.step
        return Replay(first, made.facts.step, task.end.path.name, min(len(new_rows), len(rows) - len(before)), tuple(problems))


def _engine_of(loaded: LoadedExperiment, run: RunDirectory) -> EngineSetting:
    """The engine that computes as the run's did.

    Raises:
        MachineError: The run was trained with kernels that are not there, or without, and the experiment says otherwise.
    """
    before = kernels_of(run.read_environment()) or "numpy"
    engine = with_kernels_of(loaded.experiment.engine, before)
    now = kernels_in_use(engine)
    if now is not None and now != before:
        text = f"{shown(run.path)}: was trained with kernels: {before}, and here they are {now}, which gives other digits."
        raise MachineError(f"{text} Replay it where its kernels are; fittool doctor tells which there are.")
    return engine


def _tasks(run: RunDirectory) -> list[_Task]:
    """Every way from the beginning or a checkpoint to a later one; later ones first, as they are the nearest to the result."""
    found: list[Checkpoint] = []
    for name in (LAST, PREVIOUS, BEST):
        with suppress(CheckpointError):
            found.append(run.checkpoints.load(name))
    tasks = [task for end in found for start in (*found, None) if (task := _Task(start, end)).length > 0]
    if not tasks:
        raise CheckpointError("has no whole checkpoint of a step to compare with.", place=shown(run.path))
    return tasks


def _with_todays_numbers(tasks: Sequence[_Task], run: RunDirectory, prepared: Prepared) -> list[_Task]:
    """The ways whose steps were computed as they would be now.

    Raises:
        CheckpointError: There are none.
    """
    began = run.read_environment().get("format", FIRST_FORMAT)
    formats = [began if task.start is None else task.start.format for task in tasks]
    network = {
        "is_random": prepared.graph.is_random,
        "is_from_logits": prepared.is_from_logits,
        "has_late_layers": prepared.loaded.experiment.has_late_layers,
    }
    causes = [
        cause_of_other_numbers(number, **network, has_faded_moments=_has_faded_moments(task.end))
        for task, number in zip(tasks, formats, strict=True)
    ]
    same = [task for task, cause in zip(tasks, causes, strict=True) if cause is None]
    if not same:
        text = f"was trained by fittool 0.1.0, so it cannot be replayed: {causes[0]}."
        raise CheckpointError(f"{text} Replay it with that release ({OLDER_RELEASE}).", place=shown(run.path))
    return same


def _has_faded_moments(checkpoint: Checkpoint) -> bool:
    """True where an optimizer holds numbers that are next to nothing, which would be 0 now."""
    kept = (array for name, array in checkpoint.tensors.items() if name.startswith("optimizer/") and array.dtype.kind == "f")
    return any(bool(((array != 0) & (np.abs(array) < FADED)).any()) for array in kept)


def _task(tasks: Sequence[_Task], steps: int) -> _Task:
    """The shortest way of at least so many steps."""
    enough = [task for task in tasks if task.length >= steps]
    return min(enough, key=lambda task: task.length) if enough else max(tasks, key=lambda task: task.length)


def _stop_at(end: Checkpoint, trainers: Sequence[Trainer]) -> Callable[[], FittoolError | None]:
    """An interruption exactly where the checkpoint was saved."""
    facts = end.facts

    def stop() -> FittoolError | None:
        position = trainers[0].position
        there = (position.epoch, position.step_in_epoch, position.step) == (facts.epoch, facts.step_in_epoch, facts.step)
        return Interrupted(_SIGNAL, "The steps to be compared are done.") if there else None

    return stop


def _different_tensors(recorded: Checkpoint, made: Checkpoint) -> list[Problem]:
    place = shown(recorded.path)
    if recorded.facts.step != made.facts.step:
        return [Problem(f"Training ended at step {made.facts.step:,}, but the run was at {recorded.facts.step:,}.", place)]
    names = sorted(recorded.tensors.keys() ^ made.tensors.keys())
    if names:
        return [Problem(f"Only one of both has {names[0]}.", place)]
    in_validation = recorded.facts.training.get("train_logs") is not None
    for name, tensor in recorded.tensors.items():
        if in_validation and name.startswith("metrics/"):  # the validation's, which the steps do not lead to
            continue
        if tensor.tobytes() != made.tensors[name].tobytes():
            by = _distance(tensor, made.tensors[name])
            return [Problem(f"At step {made.facts.step:,} {name} is different, by up to {by}.", place)]
    return []


def _distance(first: NDArray[Any], second: NDArray[Any]) -> str:
    return f"{float(np.max(np.abs(first.astype(np.float64) - second.astype(np.float64)))):.3g}"


def _different_rows(path: Path, recorded: Sequence[Mapping[str, Any]], made: Sequence[Mapping[str, Any]]) -> list[Problem]:
    for old, new in zip(recorded, made, strict=False):
        for name in old.keys() | new.keys():
            if name not in _PACE and repr(old.get(name)) != repr(new.get(name)):
                text = f"In epoch {old.get('epoch')} {name} was {old.get(name)}, and is {new.get(name)} now."
                return [Problem(text, shown(path))]
    return []
