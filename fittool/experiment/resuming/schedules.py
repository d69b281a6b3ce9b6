"""Learning-rate schedules that end where a training was to end: with more epochs, the training they belong to is another one."""

from __future__ import annotations

from collections.abc import Iterator

from fittool.callbacks.learning_rate_scheduler import LearningRateScheduler
from fittool.config.experiment import Experiment
from fittool.nn.schedules import CosineDecay, OneCycle, PolynomialDecay, Schedule
from fittool.training.trainer import Trainer


def schedule_made_for(experiment: Experiment, epochs: int, trainer: Trainer) -> str | None:
    """A warning where a schedule ends within an epoch of the old end of training, so that it was made for it.

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
    """The step from which on the rate stays; None where it never does."""
    if isinstance(schedule, OneCycle):
        return schedule.total_steps
    if isinstance(schedule, CosineDecay):
        return schedule.decay_steps + (0 if schedule.warmup_target is None else schedule.warmup_steps)
    return schedule.decay_steps if isinstance(schedule, PolynomialDecay) and not schedule.cycle else None
