"""The losses and their gradients with respect to the outputs: Keras's formulas, written out.

Probabilities are divided by their row's sum (categorical), then kept between 1e-7 and 1 - 1e-7, where the gradient is 0;
with logits the stable forms are used.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.activations import sigmoid
from fittool.errors import DataError
from fittool.nn.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

Floats = NDArray[Any]
LossFunction = Callable[[NDArray[Any], Floats, Floats | None], Floats]
"""`(targets, outputs, gradient) -> values`.

Args:
    targets: (N, …), as the data give them.
    outputs: (N, …, K), float32 or float64.
    gradient: Like outputs and contiguous, takes d(value) / d(outputs) of each position; None if not wanted.

Returns:
    (N, …), one value a position.

Raises:
    DataError: Targets have another shape, or a class number has no output.
"""

EPSILON = 1e-7


def loss_function(loss: Loss) -> LossFunction:
    """The function behind a loss's setting."""
    formula = next(_FORMULAS[kind] for kind in type(loss).__mro__ if kind in _FORMULAS)
    return partial(_quiet, formula, loss)


def _quiet(formula: Any, loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """Infinite and undefined values are results here, found by whoever reads the loss, not warnings."""
    with np.errstate(all="ignore"):
        values: Floats = formula(loss, targets, outputs, gradient)
    return values


def class_numbers(
    targets: NDArray[Any], outputs: Floats, ignored: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Class numbers, checked, as a row.

    Returns:
        The class numbers, those to ignore replaced by 0; and where they count (None: everywhere).

    Raises:
        DataError: Their count differs from the positions of the outputs, or one is not from 0 to K - 1.
    """
    numbers = targets.reshape(-1).astype(np.int64, copy=False)
    classes = outputs.shape[-1]
    if numbers.size * classes != outputs.size:
        raise DataError(f"expected class numbers of the outputs' shape {outputs.shape[:-1]}, got {targets.shape}.")
    counted = None
    if ignored is not None:
        counted = numbers != ignored
        numbers = np.where(counted, numbers, 0)
    if numbers.size and numbers.view(np.uint64).max() >= classes:  # a negative number is a huge one without its sign
        wrong, last = numbers[(numbers < 0) | (numbers >= classes)][0], classes - 1
        raise DataError(f"the targets hold class number {wrong}, but the network's output has places for 0 to {last} only.")
    return numbers, counted


def shaped_like(targets: NDArray[Any], outputs: Floats) -> Floats:
    """Targets in the shape and dtype of the outputs; an axis of size 1 may be missing or too many at the end.

    Raises:
        DataError: The shapes differ otherwise.
    """
    if targets.shape != outputs.shape:
        if outputs.shape not in ((*targets.shape, 1), targets.shape[:-1]) or targets.size != outputs.size:
            raise DataError(f"expected targets of the outputs' shape {outputs.shape}, got {targets.shape}.")
        targets = targets.reshape(outputs.shape)
    return targets.astype(outputs.dtype, copy=False)


def _last_mean(values: Floats) -> Floats:
    result: Floats = np.add.reduce(values, axis=-1)
    result /= values.shape[-1]
    return result


def _sparse(loss: SparseCategoricalCrossentropy, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    numbers, counted = class_numbers(targets, outputs, loss.ignore_class)
    rows = outputs.reshape(-1, outputs.shape[-1])
    slopes = None if gradient is None else gradient.reshape(rows.shape)
    values = (_sparse_logits if loss.from_logits else _sparse_probabilities)(numbers, rows, slopes)
    if counted is not None:  # the mean over all positions is then that over those which count
        share = rows.dtype.type(counted.size / max(int(counted.sum()), 1))
        values = np.where(counted, values * share, 0)
        if slopes is not None:
            slopes[...] = np.where(counted[:, None], slopes * share, 0)
    return values.reshape(outputs.shape[:-1])


def _sparse_probabilities(numbers: NDArray[np.int64], rows: Floats, slopes: Floats | None) -> Floats:
    at = np.arange(len(rows))
    total, chosen = np.add.reduce(rows, axis=-1), rows[at, numbers]
    raw = chosen / total
    probability = np.clip(raw, EPSILON, 1 - EPSILON)
    if slopes is not None:
        inside = raw == probability
        slopes[...] = (inside / total)[:, None]
        slopes[at, numbers] -= np.where(inside, 1 / chosen, 0)
    result: Floats = -np.log(probability)
    return result


def _sparse_logits(numbers: NDArray[np.int64], rows: Floats, slopes: Floats | None) -> Floats:
    at = np.arange(len(rows))
    shifted = rows - rows.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    total = np.add.reduce(powers, axis=-1)
    if slopes is not None:
        np.divide(powers, total[:, None], slopes)
        slopes[at, numbers] -= 1
    result: Floats = np.log(total) - shifted[at, numbers]
    return result


def _categorical(loss: CategoricalCrossentropy, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    if targets.shape != outputs.shape:
        raise DataError(f"expected one-hot targets of the outputs' shape {outputs.shape}, got {targets.shape}.")
    y = targets.astype(outputs.dtype, copy=False)
    if loss.label_smoothing:
        y = y * (1 - loss.label_smoothing) + loss.label_smoothing / outputs.shape[-1]
    if loss.from_logits:
        return _categorical_logits(y, outputs, gradient)
    total = outputs.sum(axis=-1, keepdims=True)
    raw = outputs / total
    probability = np.clip(raw, EPSILON, 1 - EPSILON)
    if gradient is not None:
        slope = np.where(raw == probability, y / probability, 0)
        np.subtract((slope * raw).sum(axis=-1, keepdims=True), slope, gradient)
        np.divide(gradient, total, gradient)
    result: Floats = -np.add.reduce(y * np.log(probability), axis=-1)
    return result


def _categorical_logits(y: Floats, outputs: Floats, gradient: Floats | None) -> Floats:
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    total, weight = powers.sum(axis=-1, keepdims=True), y.sum(axis=-1, keepdims=True)
    if gradient is not None:
        np.multiply(powers, weight / total, gradient)
        np.subtract(gradient, y, gradient)
    result: Floats = np.add.reduce(y * (np.log(total) - shifted), axis=-1)
    return result


def _binary(loss: BinaryCrossentropy, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    y = shaped_like(targets, outputs)
    if loss.label_smoothing:
        y = y * (1 - loss.label_smoothing) + 0.5 * loss.label_smoothing
    if loss.from_logits:
        if gradient is not None:
            np.divide(sigmoid(outputs) - y, outputs.shape[-1], gradient)
        return _last_mean(np.maximum(outputs, 0) - outputs * y + np.log1p(np.exp(-np.abs(outputs))))
    p = np.clip(outputs, EPSILON, 1 - EPSILON)
    if gradient is not None:
        gradient[...] = np.where(p == outputs, (p - y) / (p * (1 - p) * outputs.shape[-1]), 0)
    return _last_mean(-(y * np.log(p) + (1 - y) * np.log(1 - p)))


def _squared(loss: MeanSquaredError, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    difference = outputs - shaped_like(targets, outputs)
    if gradient is not None:
        np.multiply(difference, 2 / outputs.shape[-1], gradient)
    return _last_mean(difference * difference)


def _absolute(loss: MeanAbsoluteError, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    difference = outputs - shaped_like(targets, outputs)
    if gradient is not None:
        np.divide(np.sign(difference), outputs.shape[-1], gradient)
    return _last_mean(np.abs(difference))


def _huber(loss: Huber, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    difference = outputs - shaped_like(targets, outputs)
    kept = np.clip(difference, -loss.delta, loss.delta)
    if gradient is not None:
        np.divide(kept, outputs.shape[-1], gradient)
    return _last_mean(kept * (difference - 0.5 * kept))


_FORMULAS: dict[type, Any] = {
    SparseCategoricalCrossentropy: _sparse,
    CategoricalCrossentropy: _categorical,
    BinaryCrossentropy: _binary,
    MeanSquaredError: _squared,
    MeanAbsoluteError: _absolute,
    Huber: _huber,
}
