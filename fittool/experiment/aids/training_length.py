"""The length of a training in epochs and steps, for schedules that are written in parts of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from fittool.config.experiment_file import LoadedExperiment
from fittool.config.sections import Train
from fittool.errors import ExperimentError
from fittool.nn.schedules.lengths import TrainingLength


def training_length(loaded: LoadedExperiment, steps_per_pass: Callable[[Train], int | None]) -> TrainingLength:
    """The epochs and steps of all stages.

    Args:
        loaded: The experiment.
        steps_per_pass: Gives the batches of a pass over the data of a stage; None where nobody knows.

    Raises:
        ExperimentError: Nobody knows how many steps an epoch has; at the setting that asks for it.
    """
    stages = []
    for stage in loaded.experiment.stages:
        asked = stage.steps_per_epoch
        steps = asked if isinstance(asked, int) else steps_per_pass(stage)
        if steps is None:
            by_warmup = loaded.experiment.first.warmup_epochs > 0
            what, place = ("warmup_epochs", ("train",)) if by_warmup else (_what_lasts(loaded), ("compile", "optimizer"))
            text = f"{what} needs to know how many batches an epoch has, but data.train is a generator without an end."
            raise ExperimentError(loaded.problem(f"{text} Give train.steps_per_epoch.", *place))
        stages.append((cast("int", stage.epochs) - stage.initial_epoch, steps))
    return TrainingLength(stages)


def _what_lasts(loaded: LoadedExperiment) -> str:
    """The form in which the schedule asks for the length of the training."""
    rate = loaded.experiment.compile.optimizer.learning_rate
    return "total: auto" if getattr(rate, "total", None) is not None else "a length in epochs or a share"
