"""The range test of the learning rate (Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3).

A network is trained for a while with a rate that rises exponentially from step to step. Where the rate is too small the loss
stays; where it is right the loss falls; where it is too large the loss rises again. Nothing of it is kept.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.base import CallbackContext
from fittool.config.experiment_file import LoadedExperiment
from fittool.data.batch import Batch
from fittool.data.user_code.functions import load_function
from fittool.engines.base import Engine
from fittool.errors import ExperimentError
from fittool.experiment.building.loading_progress import Loading, silent
from fittool.experiment.building.stages import stages_of
from fittool.experiment.building.trial import Replaying, without_disk_cache
from fittool.experiment.session import Session
from fittool.nn.schedules import Schedule
from fittool.training.display.progress import NullProgress, Progress
from fittool.training.display.view import View
from fittool.training.monitoring.throughput import Throughput
from fittool.training.stages import Stage

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 100
RULE = "the rate at which the smoothed loss falls fastest, at most a tenth of that at which it is least"
_LEAST_STEPS = 10
_KEPT = 0.9  # of the moving mean that tells when the loss has risen for good
_TOO_MUCH = 3.0
_SMOOTHED_OVER = 8  # of all steps, the half width of the window: a twelfth of the way, about half a decade
_SHARE_OF_LEAST = 10.0
_HIGHEST = ("max_learning_rate", "warmup_target", "initial_learning_rate")
"""What schedules call the highest rate."""


@dataclass(frozen=True)
class RateTest:
    """The course of a range test.

    Attributes:
        rates: (S,) the rate of each step.
        losses: (S,) the loss of each step's batch, before the step.
        smoothed: (S,) the same as weighted means over neighbouring steps.
        suggestion: The rate to begin with, by `RULE`; None where the loss never fell.
        diverged: Whether the test ended early because the loss had risen too far.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float | None
    diverged: bool

    @classmethod
    def of(cls, rates: Sequence[float], losses: Sequence[float], *, diverged: bool = False) -> RateTest:
        """The test of steps with these rates and losses, each (S,)."""
        smoothed = smooth(np.array(losses))
        return cls(np.array(rates), np.array(losses), smoothed, suggestion_of(np.array(rates), smoothed), diverged)


def smooth(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) means over neighbouring steps, whose weights fall in a line to both sides; a moving mean would lag behind."""
    half = max(1, len(losses) // _SMOOTHED_OVER)
    window = np.concatenate([np.arange(1, half + 1), np.arange(half - 1, 0, -1)]).astype(np.float64)
    sums, weights = np.convolve(losses, window, "same"), np.convolve(np.ones(len(losses)), window, "same")
    # `same` is as long as the longer one, which is the window for very few steps.
    return np.asarray((sums / weights)[: len(losses)])


def suggestion_of(rates: NDArray[np.float64], smoothed: NDArray[np.float64]) -> float | None:
    """The rate to begin with, by `RULE`, rounded to two digits; None where the loss never fell.

    Args:
        rates: (S,) rising.
        smoothed: (S,) the loss at each.
    """
    if len(smoothed) < _LEAST_STEPS:
        return None
    least = int(smoothed.argmin())
    slopes = np.gradient(smoothed, np.log(rates))[: least + 1]
    if least == 0 or slopes.min() >= 0:
        return None
    return float(f"{min(rates[int(slopes.argmin())], rates[least] / _SHARE_OF_LEAST):.1e}")


def setting_for(loaded: LoadedExperiment) -> str:
    """The key of the setting that takes the rate.

    It is that of the first stage where that has a rate of its own; else the optimizer's, or where there is a schedule, its
    highest.
    """
    experiment = loaded.experiment
    if isinstance(experiment.train, list) and experiment.train[0].learning_rate is not None:
        return "train.0.learning_rate"
    if experiment.fine_tune is not None and not experiment.fine_tune.head_epochs:
        return "fine_tune.learning_rate"
    optimizer = experiment.compile.optimizer
    key, rate = f"compile.optimizer.{optimizer.public_name()}.learning_rate", optimizer.learning_rate
    if not isinstance(rate, Schedule):
        return key
    highest = next((name for name in _HIGHEST if getattr(rate, name, None) is not None), None)
    return key if highest is None else f"{key}.{rate.public_name()}.{highest}"


def find_rate(
    loaded: LoadedExperiment,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    loading: Loading = silent,
    progress: Progress | None = None,
) -> RateTest:
    """Test the rates of an experiment; its network and data are as training would begin with them.

    Where training has stages it is the first one; the batches of a user's own loop are trained on without the loop.

    Args:
        loaded: The experiment.
        lowest, highest: The rates of the first and the last step.
        steps: The number of steps.
        loading: Shows how far reading into memory is.
        progress: Shows how far the test is; by default nobody.

    Raises:
        DataError, ExperimentError: What training would raise.
    """
    session = Session.of(_with_number(without_disk_cache(loaded), lowest, steps), loading)
    with closing(session):
        session.begin()
        stage = _first_stage(session)
        rates = [lowest * (highest / lowest) ** (step / (steps - 1)) for step in range(steps)]
        return _walk(session.engine, stage, rates, progress or NullProgress())


def _with_number(loaded: LoadedExperiment, rate: float, steps: int) -> LoadedExperiment:
    """The experiment with a number for a rate, that nothing but the test changes."""
    experiment = loaded.experiment
    compile_ = replace(experiment.compile, optimizer=replace(experiment.compile.optimizer, learning_rate=rate))
    # The user's function of batches is asked for as many as the training needs, so that has to be as long as the test.
    train = experiment.train
    if isinstance(train, list):
        train = [replace(stage, warmup_epochs=0.0) for stage in train]
    else:
        train = replace(train, warmup_epochs=0.0, epochs=train.initial_epoch + max(train.epochs or 1, steps))
    return replace(loaded, experiment=replace(experiment, compile=compile_, train=train))


def _first_stage(session: Session) -> Stage:
    """The first part of the training, its layers learning as it says."""
    place = Path(session.prepared.loaded.experiment.output.dir).absolute()
    context = CallbackContext(place, lambda reference: load_function(reference, Path()), Replaying())
    stage = stages_of(session.prepared, context, session.engine)[0]
    stage.prepare()
    stage.begin(0)
    return stage


def _walk(engine: Engine, stage: Stage, rates: Sequence[float], progress: Progress) -> RateTest:
    losses: list[float] = []
    pace, course = Throughput(), _Course()
    batches = _batches(stage)
    with closing(batches):
        for rate, batch in zip(rates, batches, strict=False):
            losses.append(_step(engine, batch, rate))
            pace.stepped(batch.size)
            if course.is_over(losses[-1]):
                break
            if progress.due():
                seen = View(
                    1, 1, len(losses), len(rates), pace.seconds, pace.examples, {"loss": losses[-1]}, title="trying rates"
                )
                progress.look(seen)
    known = len(losses) - (not math.isfinite(losses[-1]))
    return RateTest.of(rates[:known], losses[:known], diverged=course.over)


def _batches(stage: Stage) -> Generator[Batch, None, None]:
    """Batches to train on, pass after pass; ends where a pass has none."""
    step, before = 0, -1
    while step > before:
        before = step
        walk = stage.train.batches(step)
        try:
            for batch in walk:
                step += 1
                yield batch
        finally:
            if (close := getattr(walk, "close", None)) is not None:
                close()


def _step(engine: Engine, batch: Batch, rate: float) -> float:
    """A training step; gives the loss of its batch."""
    try:
        engine.learning_rate = rate
    except ExperimentError as error:
        raise AssertionError("the rate of a range test is a number") from error
    engine.reset_metrics()
    engine.train_step(batch)
    return engine.metrics()["loss"]


class _Course:
    """The course of the loss, which is over once it is not finite, or has risen far above where it began and where it was best.

    Attributes:
        over: Whether it is.
    """

    def __init__(self) -> None:
        self.over = False
        self._mean: float | None = None
        self._first = self._best = 0.0

    def is_over(self, loss: float) -> bool:
        """Take a loss; True from the step on that ends the test."""
        if self._mean is None:
            self._mean = self._first = self._best = loss
        self._mean = _KEPT * self._mean + (1 - _KEPT) * loss
        self._best = min(self._best, self._mean)
        limit = self._best + _TOO_MUCH * max(abs(self._best), abs(self._first))
        self.over = not math.isfinite(loss) or self._mean > limit
        return self.over
