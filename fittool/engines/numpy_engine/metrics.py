"""The sums of the metrics: what a batch adds to each, by `fittool.nn.accumulators`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import Floats, loss_function, one_hot_like, shaped_like
from fittool.engines.target_arrays import class_numbers
from fittool.kernels import arithmetic
from fittool.nn import losses, metrics
from fittool.nn.accumulators import Accumulator, ColumnAccumulator, MeanAccumulator, Sums, ThresholdAccumulator
from fittool.nn.activations import sigmoid
from fittool.nn.shapes import Shape

Update = Callable[[Sums, NDArray[Any], Floats, NDArray[Any] | None], None]
"""`update(sums, targets, outputs, weights)` adds a batch.

sums: (size,) float64, changed in place. targets: (N, …), as the data give them. outputs: (N, …, K), float32 or float64.
weights: (N,) or more axes of the outputs, or None where all samples weigh 1. Raises DataError where targets do not fit.
"""
Values = Callable[[NDArray[Any], Floats], NDArray[Any]]
"""`values(targets, outputs)` gives one number or truth value for each position, (N, …)."""


def metric_update(accumulator: Accumulator) -> Update:
    """The function that adds a batch to the sums of a metric."""
    if isinstance(accumulator, ThresholdAccumulator):
        return partial(_add_counts, accumulator)
    if isinstance(accumulator, ColumnAccumulator):
        return partial(_add_columns, accumulator, _f1_parts if isinstance(accumulator.measure, metrics.F1Score) else _r2_parts)
    assert isinstance(accumulator, MeanAccumulator) and accumulator.measure is not None
    return partial(_add_mean, _values(accumulator.measure), accumulator.measure.ignored())


def _position_weights(weights: NDArray[Any] | None, shape: Shape) -> NDArray[np.float64]:
    """(N, …) of the given shape: the weight of every position, that of its sample or its own; 1 where there are none."""
    if weights is None:
        return np.ones(shape)
    weights = weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim))
    return np.broadcast_to(weights.astype(np.float64), shape)


def _add_mean(
    values_of: Values, ignored: int | None, sums: Sums, targets: NDArray[Any], outputs: Floats, weights: NDArray[Any] | None
) -> None:
    values = values_of(targets, outputs)
    if weights is not None and len(values) != len(weights):
        weights = None  # a function of the user's gave one number for the whole batch
    if weights is None and ignored is None:
        # Without weights nothing has to be multiplied, and right answers are counted several times faster than summed.
        sums[0] += np.count_nonzero(values) if values.dtype == bool else arithmetic.sum(values, None, np.float64)
        sums[1] += values.size
        return
    counted = _position_weights(weights, values.shape)
    if ignored is not None:
        counted = np.where(targets.reshape(values.shape) == ignored, 0, counted)
    sums += (arithmetic.sum(values * counted), arithmetic.sum(counted))


def _values(measure: Any) -> Values:
    """The values of a loss, or which answers are right."""
    if isinstance(measure, metrics.LossMean):
        return _loss_values(measure.loss())
    if isinstance(measure, metrics.FunctionMetric):
        return measure.values
    if isinstance(measure, metrics.BinaryAccuracy):
        return lambda targets, outputs: (outputs > measure.threshold) == shaped_like(targets, outputs)
    if isinstance(measure, metrics.SparseCategoricalAccuracy):
        return lambda targets, outputs: outputs.argmax(axis=-1) == _numbers(targets, outputs)
    if isinstance(measure, metrics.CategoricalAccuracy):
        return lambda targets, outputs: outputs.argmax(axis=-1) == _largest(targets, outputs)
    if isinstance(measure, metrics.SparseTopKCategoricalAccuracy):
        return lambda targets, outputs: _among_largest(_numbers(targets, outputs), outputs, measure.k)
    return lambda targets, outputs: _among_largest(_largest(targets, outputs), outputs, measure.k)


def _loss_values(loss: losses.Loss) -> Values:
    """The loss's values; those of ignored class numbers are of no meaning, and the others as if there were none such."""
    if isinstance(loss, losses.SparseCategoricalCrossentropy) and loss.ignore_class is not None:
        # The loss itself scales the values that count, so that its mean over all positions is theirs; the sum of the weights,
        # which divides a metric, leaves ignored positions out already.
        ignored, counting_all = loss.ignore_class, _loss_values(losses.SparseCategoricalCrossentropy(loss.from_logits))
        return lambda targets, outputs: counting_all(np.where(targets == ignored, 0, targets), outputs)
    function = loss_function(loss)
    return lambda targets, outputs: function(targets, outputs, None)


def _numbers(targets: NDArray[Any], outputs: Floats) -> NDArray[np.int64]:
    return class_numbers(targets, outputs.shape)[0].reshape(outputs.shape[:-1])


def _largest(targets: NDArray[Any], outputs: Floats) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = one_hot_like(targets, outputs).argmax(axis=-1)
    return numbers


def _among_largest(numbers: NDArray[np.int64], outputs: Floats, k: int) -> NDArray[np.bool_]:
    """True where fewer than k outputs are larger than the one at the class number, and that one is a number."""
    # Only larger outputs count against it: among equal ones the class number is found, as in Keras.
    chosen = np.take_along_axis(outputs, numbers[..., None], -1)
    found: NDArray[np.bool_] = ((outputs > chosen).sum(axis=-1) < k) & np.isfinite(chosen[..., 0])
    return found


def _add_counts(
    accumulator: ThresholdAccumulator, sums: Sums, targets: NDArray[Any], outputs: Floats, weights: NDArray[Any] | None
) -> None:
    truth, outputs = _choose(accumulator.measure, shaped_like(targets, outputs) != 0, outputs)
    bins = _bins(accumulator, outputs)
    bins += (len(accumulator.thresholds) + 1) * (np.arange(outputs.shape[-1]) % accumulator.labels)
    bins = np.where(truth, bins, bins + accumulator.size // 2)
    counted = None if weights is None else _position_weights(weights, outputs.shape).reshape(-1)
    sums += np.bincount(bins.reshape(-1), counted, minlength=accumulator.size)


def _choose(measure: Any, truth: NDArray[np.bool_], outputs: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Truth and outputs, (N, …, K) both, as the metric looks at them; with a `class_id`, (N, …, 1)."""
    if isinstance(measure, metrics.AUC):
        return truth, sigmoid(outputs) if measure.from_logits else outputs
    if isinstance(measure, metrics.Precision | metrics.Recall):
        if measure.top_k is not None:
            outputs = _largest_only(outputs, measure.top_k)
        if measure.class_id is not None:
            return truth[..., measure.class_id, None], outputs[..., measure.class_id, None]
    return truth, outputs


def _largest_only(outputs: Floats, k: int) -> Floats:
    """All but the k largest outputs of a row set to minus infinity."""
    order = np.argsort(-outputs, axis=-1, kind="stable")[..., :k]
    kept = np.full_like(outputs, -np.inf)
    np.put_along_axis(kept, order, np.take_along_axis(outputs, order, -1), -1)
    return kept


def _bins(accumulator: ThresholdAccumulator, outputs: Floats) -> NDArray[np.int64]:
    """(N, …, K): how many thresholds lie below each output; none below one that is no number."""
    outputs = np.nan_to_num(outputs.astype(np.float32, copy=False), nan=-np.inf)
    if not accumulator.even:
        return np.searchsorted(accumulator.thresholds, outputs, side="left").astype(np.int64)
    # Even thresholds need no search; float32, because Keras decides at a threshold with that rounding.
    steps = np.float32(len(accumulator.thresholds) - 1)
    return np.maximum(np.ceil(np.clip(outputs, 0, 1) * steps), 1).astype(np.int64)


def _add_columns(
    accumulator: ColumnAccumulator,
    parts_of: Callable[[Any, NDArray[np.float64], Floats], tuple[NDArray[Any], ...]],
    sums: Sums,
    targets: NDArray[Any],
    outputs: Floats,
    weights: NDArray[Any] | None,
) -> None:
    y = shaped_like(targets, outputs).astype(np.float64)
    counted = _position_weights(weights, outputs.shape)
    columns = [
        arithmetic.sum((part * counted).reshape(-1, accumulator.columns), 0) for part in parts_of(accumulator.measure, y, outputs)
    ]
    sums[: 4 * accumulator.columns] += np.concatenate(columns)
    sums[4 * accumulator.columns :] += y.size


def _f1_parts(measure: metrics.F1Score, y: NDArray[np.float64], outputs: Floats) -> tuple[NDArray[Any], ...]:
    if measure.threshold is None:
        positive = (outputs >= outputs.max(axis=-1, keepdims=True)) & (np.abs(outputs) > 1e-9)
    else:
        positive = outputs > measure.threshold
    return positive * y, positive * (1 - y), ~positive * y, y


def _r2_parts(measure: metrics.R2Score, y: NDArray[np.float64], outputs: Floats) -> tuple[NDArray[Any], ...]:
    return y, y * y, (y - outputs) ** 2, np.ones_like(y)
