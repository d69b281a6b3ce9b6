"""The state that a run goes on from, with accepted changes of the optimizer and of what is measured.

A schedule that ends where a training was to end is told: with more epochs, the training it belongs to is another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.learning_rate_scheduler import LearningRateScheduler
from fittool.callbacks.snapshot import Snapshot
from fittool.config.experiment import Experiment
from fittool.engines.update_counts import COUNTS, counts_of_beginners
from fittool.experiment.resuming.changes import Change
from fittool.nn.optimizers import Optimizer
from fittool.nn.schedules import CosineDecay, OneCycle, PolynomialDecay, Schedule
from fittool.training.trainer import Trainer

_OPTIMIZER = ("compile", "optimizer")
_MEASURED = (("compile", "loss"), ("compile", "loss_weights"), ("compile", "metrics"), ("compile", "weighted_metrics"))
_RATE, _STEPS, _AVERAGE = "optimizer/learning_rate", "optimizer/iterations", "optimizer/average/"
State = Mapping[str, NDArray[np.generic]]


def with_accepted_changes(
    snapshot: Snapshot, changes: Sequence[Change], fresh: State, optimizer: Optimizer
) -> tuple[Snapshot, list[str]]:
    """The snapshot as the changed experiment wants to go on from it; without such a change it is what it was.

    Running values of changed losses and metrics begin anew. A changed learning rate counts from now on. Arrays that a changed
    setting asks for begin at zero, averages of the weights at the weights. Another optimizer begins anew, but for the count of
    steps, on which order, dropout and schedules depend.

    Args:
        snapshot: Where the run stands.
        changes: What is different between its experiment and the one that it goes on with.
        fresh: The state of an engine that was made for the latter, before its first step.
        optimizer: The latter's.

    Returns:
        The snapshot, and what to say about it.
    """
    of_optimizer = [change for change in changes if change.path[:2] == _OPTIMIZER]
    tensors, told = dict(snapshot.tensors), []
    if of_optimizer:
        if _is_another(of_optimizer):
            tensors = {name: array for name, array in tensors.items() if not name.startswith("optimizer/") or name == _STEPS}
            told.append("The optimizer is another one and begins anew.")
        else:
            kinds = {_kind(name) for name in fresh} | ({_kind(COUNTS)} if optimizer.counts_updates else set())
            tensors = {name: array for name, array in tensors.items() if _kind(name) in kinds}
        slots = {name: array for name, array in fresh.items() if name.startswith("optimizer/")}
        if _is_another(of_optimizer):
            tensors |= counts_of_beginners(optimizer, int(tensors[_STEPS]), slots)
        tensors = {**slots, **_averages(slots, tensors), **tensors}
    if any(change.path[:2] in _MEASURED for change in changes):
        tensors = {name: array for name, array in tensors.items() if not name.startswith("metrics/")}
        tensors |= {name: array for name, array in fresh.items() if name.startswith("metrics/")}
        told.append("What is measured is another, so the values of this epoch begin anew.")
    rate = _change_rate(of_optimizer, changes, snapshot, fresh)
    if rate is not None:
        tensors[_RATE] = rate
        told.append(f"The learning rate is {float(rate):g} from now on.")
    return replace(snapshot, tensors=tensors), told


def _averages(slots: State, tensors: State) -> dict[str, NDArray[np.generic]]:
    """The averages of weights, which begin as the weights are: one that rose from 0 would replace them by next to nothing."""
    names = {name: f"weights/{name.removeprefix(_AVERAGE)}" for name in slots if name.startswith(_AVERAGE)}
    return {name: tensors[weights] for name, weights in names.items() if weights in tensors}


def with_new_values(snapshot: Snapshot, fresh: State) -> Snapshot:
    """The snapshot of an older release, with the values that it did not measure yet; they begin with the steps to come.

    Args:
        snapshot: Where the run stands.
        fresh: The state of an engine before its first step.
    """
    new = {name: array for name, array in fresh.items() if name.startswith("metrics/") and name not in snapshot.tensors}
    return replace(snapshot, tensors={**snapshot.tensors, **new}) if new else snapshot


def _is_another(changes: Sequence[Change]) -> bool:
    """True where it has another name: then all settings below the old one are gone."""
    before, now = ({change.path[2:3] for change in changes if value(change) is not None} for value in (_old, _new))
    return bool(before and now) and before.isdisjoint(now)


def _old(change: Change) -> Any:
    return change.old


def _new(change: Change) -> Any:
    return change.new


def _kind(name: str) -> str:
    """`optimizer/velocity` of `optimizer/velocity/dense/kernel`; other names have no kind."""
    return "/".join(name.split("/")[:2]) if name.startswith("optimizer/") else ""


def _change_rate(
    of_optimizer: Sequence[Change], changes: Sequence[Change], snapshot: Snapshot, fresh: State
) -> NDArray[np.generic] | None:
    """The rate that was changed to, of the stage at work or of all; None where it is as it was, or a schedule's."""
    stage = ("train", snapshot.training.get("stage", {}).get("number", 0), "learning_rate")
    own = [change.new for change in changes if change.path == stage and isinstance(change.new, int | float)]
    if own:
        return np.array(own[0], np.float64)
    if any("learning_rate" in change.path for change in of_optimizer):
        return fresh.get(_RATE)
    return None


def schedule_made_for(experiment: Experiment, epochs: int, trainer: Trainer) -> str | None:
    """A message if a schedule ends within an epoch of the old end of training, so that it was made for it; else None.

    Args:
        experiment: The run's.
        epochs: The number of the old last epoch.
        trainer: Knows how many steps an epoch has.
    """
    steps = trainer.plan.steps(trainer.train)
    rate = getattr(experiment.compile.optimizer, "learning_rate", None)
    if (
        isinstance(rate, Schedule)
        and steps is not None
        and (end := _end(rate)) is not None
        and abs(end - epochs * steps) <= steps
    ):
        return f"{rate.public_name()} of the optimizer ends at step {end:,}, where {epochs} epochs end"
    for callback in _callbacks(experiment):
        schedule = callback.schedule
        if isinstance(schedule, Schedule) and (end := _end(schedule)) is not None and abs(end - epochs) <= 1:
            return f"{schedule.public_name()} of LearningRateScheduler ends at epoch {end}, where the run was to end"
    return None


def _callbacks(experiment: Experiment) -> Iterator[LearningRateScheduler]:
    every = [*experiment.callbacks, *(one for stage in experiment.stages for one in experiment.callbacks_of(stage))]
    return (callback for callback in every if isinstance(callback, LearningRateScheduler))


def _end(schedule: Schedule) -> int | None:
    """The step from which on the rate stays; None where it never does, or where it is the end of any training."""
    if schedule.lasts_as_training:
        return None
    if isinstance(schedule, OneCycle):
        return schedule.steps
    if isinstance(schedule, CosineDecay):
        return schedule.steps + schedule.before
    return schedule.steps if isinstance(schedule, PolynomialDecay) and not schedule.cycle else None
