"""Scores of whole columns of outputs: F1 and R²."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import Floats, shaped_like
from fittool.engines.numpy_engine.losses.common import EPSILON
from fittool.engines.numpy_engine.metrics.weights import spread
from fittool.nn import metrics

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class FScore:
    """F1; its state is (4, classes) flat: true positives, false positives, false negatives, weights of the ones.

    Attributes:
        setting: The metric.
        classes: Size of the outputs' last axis.
    """

    setting: metrics.F1Score
    classes: int

    @property
    def size(self) -> int:
        """Length of the accumulator."""
        return 4 * self.classes

    def update(self, accumulator: Numbers, targets: NDArray[Any], outputs: Floats, weights: NDArray[Any] | None) -> None:
        """Add a batch."""
        truth = shaped_like(targets, outputs).astype(np.float64)
        if self.setting.threshold is None:
            positive = (outputs >= outputs.max(axis=-1, keepdims=True)) & (np.abs(outputs) > 1e-9)
        else:
            positive = outputs > self.setting.threshold
        counted = spread(weights, outputs.shape)
        parts = (positive * truth, positive * (1 - truth), ~positive * truth, truth)
        accumulator += np.concatenate([(part * counted).reshape(-1, self.classes).sum(axis=0) for part in parts])

    def result(self, accumulator: Numbers) -> float:
        """F1 of everything added so far."""
        counts = accumulator.reshape(4, -1)
        if self.setting.average == "micro":
            counts = counts.sum(axis=1, keepdims=True)
        hits, false_positives, false_negatives, ones = counts
        precision = hits / (hits + false_positives + EPSILON)
        recall = hits / (hits + false_negatives + EPSILON)
        scores = 2 * precision * recall / (precision + recall + EPSILON)
        if self.setting.average == "weighted":
            return float((scores * ones / (ones.sum() + EPSILON)).sum())
        return float(scores.mean())


@dataclass(frozen=True)
class Determination:
    """R²; its state is (4, columns) flat and a number: Σy, Σy², Σd², Σw of each column, and how many values there were.

    Attributes:
        setting: The metric.
        columns: Size of the outputs' last axis.
    """

    setting: metrics.R2Score
    columns: int

    @property
    def size(self) -> int:
        """Length of the accumulator."""
        return 4 * self.columns + 1

    def update(self, accumulator: Numbers, targets: NDArray[Any], outputs: Floats, weights: NDArray[Any] | None) -> None:
        """Add a batch."""
        y = shaped_like(targets, outputs).astype(np.float64)
        counted = spread(weights, outputs.shape)
        parts = (y * counted, y * y * counted, (y - outputs) ** 2 * counted, counted)
        accumulator[:-1] += np.concatenate([part.reshape(-1, self.columns).sum(axis=0) for part in parts])
        accumulator[-1] += y.size

    def result(self, accumulator: Numbers) -> float:
        """R² of everything added so far; 0 before anything was."""
        total, squares, residual, count = accumulator[:-1].reshape(4, -1)
        if not count.any():
            return 0.0
        with np.errstate(all="ignore"):
            spread_of_targets = squares - total * (total / count)
            scores = 1 - residual / spread_of_targets
            scores = np.where(np.isinf(scores), 0, scores)
            if self.setting.class_aggregation == "uniform_average":
                score = scores.mean()
            else:
                score = (spread_of_targets * scores).sum() / spread_of_targets.sum()
        return self._adjusted(float(score), float(accumulator[-1]))

    def _adjusted(self, score: float, number: float) -> float:
        """With several independent variables, the adjusted R² (Theil 1961), where there are values enough."""
        variables = self.setting.num_regressors
        if not variables or variables >= number - 1:
            return score
        return 1 - (1 - score) * (number - 1) / (number - variables - 1)
