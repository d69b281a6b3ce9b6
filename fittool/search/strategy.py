"""What chooses the values of trials, and may end them early."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import median
from typing import Any, Protocol

from fittool.config.sweeping.section import MedianPruner, Sweep
from fittool.search.record import Trial
from fittool.search.space import Space


class Strategy(Protocol):
    """Chooses values. All methods are called by one process, in turn."""

    def values(self, number: int) -> dict[str, Any] | None:
        """The values of a trial that has not begun; None where there are no more. Asked twice, it answers the same."""

    def go_on(self, trial: Trial, curve: Mapping[int, float]) -> None:
        """Take over a trial that was begun before this process, with the metric of its epochs so far."""

    def reported(self, trial: Trial, epoch: int, value: float) -> bool:
        """Take the metric of an epoch (from 1); True where the trial is to end."""

    def ended(self, trial: Trial, curve: Mapping[int, float]) -> None:
        """Take the end of a trial, with the metric of its epochs; also of those that ended before this process."""

    def close(self) -> None:
        """Give back what is held."""


class OwnStrategy:
    """Grid and random search: values are functions of the number of the trial, so nothing has to be remembered.

    Args:
        sweep: The search.
        space: Its parameters.
        less_is_better: Of the metric.
    """

    def __init__(self, sweep: Sweep, space: Space, less_is_better: bool) -> None:
        self._is_grid, self._space, self._combinations = sweep.method == "grid", space, sweep.combinations
        self._rule = MedianRule(sweep.pruner, less_is_better) if isinstance(sweep.pruner, MedianPruner) else None

    def values(self, number: int) -> dict[str, Any] | None:
        """The combination of that number, or what is drawn for it."""
        if not self._is_grid:
            return self._space.drawn(number)
        size = self._combinations
        return self._space.combination(number) if size is not None and number < size else None

    def go_on(self, trial: Trial, curve: Mapping[int, float]) -> None:
        """Remember the best value so far."""
        for value in curve.values() if self._rule is not None else ():
            assert self._rule is not None
            self._rule.remember(trial.number, value)

    def reported(self, trial: Trial, epoch: int, value: float) -> bool:
        """As the median rule says, if there is one."""
        return self._rule is not None and self._rule.reported(trial.number, epoch, value)

    def ended(self, trial: Trial, curve: Mapping[int, float]) -> None:
        """Others are held against a finished trial."""
        if self._rule is not None and trial.end == "finished":
            self._rule.finished(curve)

    def close(self) -> None:
        """Nothing."""


class MedianRule:
    """A trial ends when its best value so far is worse than the median of the finished trials in the same epoch.

    It is Optuna's MedianPruner (Golovin et al. 2017, "Google Vizier", section 3.2.2, the median automated stopping rule).

    Args:
        setting: When it begins.
        less_is_better: Of the metric.
    """

    def __init__(self, setting: MedianPruner, less_is_better: bool) -> None:
        self._setting, self._sign = setting, 1.0 if less_is_better else -1.0
        self._best: dict[int, float] = {}
        self._finished: list[Mapping[int, float]] = []

    def finished(self, curve: Mapping[int, float]) -> None:
        """Take the curve of a finished trial, by epoch."""
        self._finished.append({epoch: self._sign * value for epoch, value in curve.items()})

    def remember(self, number: int, value: float) -> None:
        """Take a value of a trial at work; what is no number is worse than any."""
        if not math.isnan(value):
            self._best[number] = min(self._sign * value, self._best.get(number, math.inf))

    def reported(self, number: int, epoch: int, value: float) -> bool:
        """Take a value; True where the trial is to end."""
        self.remember(number, value)
        if len(self._finished) < self._setting.startup_trials or epoch <= self._setting.warmup_epochs:
            return False
        others = [curve[epoch] for curve in self._finished if not math.isnan(curve.get(epoch, math.nan))]
        return bool(others) and self._best.get(number, math.inf) > median(others)
