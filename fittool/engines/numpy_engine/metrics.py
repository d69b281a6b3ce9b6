"""The metrics as running sums: what a batch adds, and what the sums give.

The state of a metric is a float64 vector [weighted total, sum of weights], the same for every engine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import Floats, class_numbers, loss_function, shaped_like
from fittool.errors import DataError
from fittool.nn import losses, metrics
from fittool.nn.metrics import Metric
from fittool.nn.shapes import Shape

Values = Callable[[NDArray[Any], Floats], NDArray[Any]]


@dataclass(frozen=True)
class MeanMetric:
    """A weighted mean of one value a sample (the mean of its positions).

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
        """Add a batch.

        Args:
            accumulator: (2,) sums, changed in place.
            targets: (N, …).
            outputs: (N, …, K).
            weights: (N,), or None where all samples weigh 1.

        Raises:
            DataError: Targets do not fit the outputs.
        """
        values = self.values(targets, outputs)
        if self.ignored is not None:
            counted = (targets.reshape(values.shape) != self.ignored).astype(np.float64)
            counted *= 1 if weights is None else weights.reshape(-1, *(1,) * (values.ndim - 1))
            accumulator += (float((values * counted).sum()), float(counted.sum()))
        elif weights is None:
            accumulator[0] += np.count_nonzero(values) if values.dtype == bool else values.sum(dtype=np.float64)
            accumulator[1] += values.size
        else:
            means = values.reshape(len(values), -1).mean(axis=1, dtype=np.float64)
            accumulator += (float(means @ weights), float(weights.sum(dtype=np.float64)))

    def result(self, accumulator: NDArray[np.float64]) -> float:
        """The metric of everything added so far; 0 before anything was."""
        return self.finish(float(accumulator[0] / accumulator[1])) if accumulator[1] else 0.0


def metric_function(metric: Metric, target_shape: Shape, output_shape: Shape) -> MeanMetric:
    """The running sums behind a metric's setting.

    Args:
        metric: The setting.
        target_shape: Shape of the targets without the batch axis; decides what `accuracy` means.
        output_shape: Shape of the outputs without the batch axis.
    """
    measure = metric.resolved(target_shape, output_shape)
    if isinstance(measure, losses.SparseCategoricalCrossentropy):
        counting_all = losses.SparseCategoricalCrossentropy(measure.from_logits)
        return MeanMetric(_masked(counting_all, measure.ignore_class), ignored=measure.ignore_class)
    if isinstance(measure, losses.Loss):
        return MeanMetric(_loss_values(measure))
    if isinstance(measure, metrics.RootMeanSquaredError):
        return MeanMetric(_loss_values(losses.MeanSquaredError()), math.sqrt)
    return MeanMetric(_answers(measure))


def _loss_values(loss: losses.Loss) -> Values:
    function = loss_function(loss)
    return lambda targets, outputs: function(targets, outputs, None)


def _masked(loss: losses.Loss, ignored: int | None) -> Values:
    """The loss's values with ignored class numbers replaced, so that their weights of 0 decide."""
    values = _loss_values(loss)
    if ignored is None:
        return values
    return lambda targets, outputs: values(np.where(targets == ignored, 0, targets), outputs)


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
    if targets.shape != outputs.shape:
        raise DataError(f"expected one-hot targets of the outputs' shape {outputs.shape}, got {targets.shape}.")
    numbers: NDArray[np.int64] = targets.argmax(axis=-1)
    return numbers


def _among_largest(numbers: NDArray[np.int64], outputs: Floats, k: int) -> NDArray[np.bool_]:
    """Whether fewer than k outputs are larger than the one at the class number; an output that is no number is not."""
    chosen = np.take_along_axis(outputs, numbers[..., None], -1)
    found: NDArray[np.bool_] = ((outputs > chosen).sum(axis=-1) < k) & np.isfinite(chosen[..., 0])
    return found
