"""Metrics that are means: of a loss's values, or of right answers.

Their state is [weighted total, sum of weights].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import Floats, class_numbers, loss_function, one_hot_like, shaped_like
from fittool.engines.numpy_engine.metrics.weights import spread
from fittool.nn import losses, metrics

Values = Callable[[NDArray[Any], Floats], NDArray[Any]]


@dataclass(frozen=True)
class MeanMetric:
    """A weighted mean of one value a position.

    Attributes:
        values: `(targets, outputs) -> (N, …)` numbers or truth values.
        finish: Applied to the mean.
        ignored: Class number that does not count, or None.
        size: Length of the accumulator.
    """

    values: Values
    finish: Callable[[float], float] = float
    ignored: int | None = None
    size: int = 2

    def update(
        self, accumulator: NDArray[np.float64], targets: NDArray[Any], outputs: Floats, weights: NDArray[Any] | None
    ) -> None:
        """Add a batch."""
        values = self.values(targets, outputs)
        if weights is not None and len(values) != len(weights):
            weights = None  # a function of the user's gave one number for the whole batch
        if weights is None and self.ignored is None:
            accumulator[0] += np.count_nonzero(values) if values.dtype == bool else values.sum(dtype=np.float64)
            accumulator[1] += values.size
            return
        counted = spread(weights, values.shape)
        if self.ignored is not None:
            counted = np.where(targets.reshape(values.shape) == self.ignored, 0, counted)
        accumulator += ((values * counted).sum(), counted.sum())

    def result(self, accumulator: NDArray[np.float64]) -> float:
        """The metric of everything added so far; 0 before anything was."""
        return self.finish(float(accumulator[0] / accumulator[1])) if accumulator[1] else 0.0


def mean_of_loss(metric: metrics.LossMean) -> MeanMetric:
    """The running mean of a loss's values."""
    loss = metric.loss()
    values, ignored = _masked(loss), loss.ignored()
    if isinstance(metric, metrics.RootMeanSquaredError):
        return MeanMetric(values, math.sqrt)
    return MeanMetric(values, _negated if isinstance(metric, metrics.CosineSimilarity) else float, ignored)


def _negated(value: float) -> float:
    return -value


def _masked(loss: losses.Loss) -> Values:
    """The loss's values; those of ignored class numbers are 0 and the others as if there were none such."""
    if isinstance(loss, losses.SparseCategoricalCrossentropy) and loss.ignore_class is not None:
        ignored, counting_all = loss.ignore_class, _masked(losses.SparseCategoricalCrossentropy(loss.from_logits))
        return lambda targets, outputs: counting_all(np.where(targets == ignored, 0, targets), outputs)
    function = loss_function(loss)
    return lambda targets, outputs: function(targets, outputs, None)


def share_of_right(measure: Any) -> MeanMetric:
    """The running share of right answers, for one of the accuracies."""
    return MeanMetric(_answers(measure))


def _answers(measure: Any) -> Values:
    """Which answers are right, for one of the accuracies."""
    if isinstance(measure, metrics.BinaryAccuracy):
        return lambda targets, outputs: (outputs > measure.threshold) == shaped_like(targets, outputs)
    if isinstance(measure, metrics.SparseCategoricalAccuracy):
        return lambda targets, outputs: outputs.argmax(axis=-1) == _numbers(targets, outputs)
    if isinstance(measure, metrics.CategoricalAccuracy):
        return lambda targets, outputs: outputs.argmax(axis=-1) == _largest(targets, outputs)
    if isinstance(measure, metrics.SparseTopKCategoricalAccuracy):
        return lambda targets, outputs: _among_largest(_numbers(targets, outputs), outputs, measure.k)
    return lambda targets, outputs: _among_largest(_largest(targets, outputs), outputs, measure.k)


def _numbers(targets: NDArray[Any], outputs: Floats) -> NDArray[np.int64]:
    return class_numbers(targets, outputs)[0].reshape(outputs.shape[:-1])


def _largest(targets: NDArray[Any], outputs: Floats) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = one_hot_like(targets, outputs).argmax(axis=-1)
    return numbers


def _among_largest(numbers: NDArray[np.int64], outputs: Floats, k: int) -> NDArray[np.bool_]:
    """Whether fewer than k outputs are larger than the one at the class number; an output that is no number is not."""
    chosen = np.take_along_axis(outputs, numbers[..., None], -1)
    found: NDArray[np.bool_] = ((outputs > chosen).sum(axis=-1) < k) & np.isfinite(chosen[..., 0])
    return found
