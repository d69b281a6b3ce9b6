"""Crossentropies, other losses of probabilities and counts, and their gradients with respect to the outputs.

Probabilities are divided by their row's sum (categorical), then kept between 1e-7 and 1 - 1e-7, where the gradient is 0;
with logits the stable forms are used. Where the network has made probabilities of the logits already (`squashed`), these spare
the exponentials; only where one is too small to have a logarithm, the logits are asked.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses.common import Floats, last_mean, one_hot_like, shaped_like
from fittool.engines.target_arrays import class_numbers
from fittool.kernels import arithmetic
from fittool.nn.activations import sigmoid
from fittool.nn.losses import (
    EPSILON,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    Loss,
    SparseCategoricalCrossentropy,
)

_SMALLEST = 1e-30
"""Smaller probabilities are asked of the logits; float32 still has the logarithm of this one to all its digits."""


def _smooth_labels(loss: Any, targets: Floats, classes: int) -> Floats:
    """Targets moved towards `1 / classes`."""
    return targets * (1 - loss.label_smoothing) + loss.label_smoothing / classes if loss.label_smoothing else targets


def sparse(
    loss: SparseCategoricalCrossentropy,
    targets: NDArray[Any],
    outputs: Floats,
    gradient: Floats | None,
    squashed: Floats | None = None,
) -> Floats:
    """`-log p` of the true class: (N, …, K) outputs give (N, …)."""
    numbers, counted = class_numbers(targets, outputs.shape, loss.ignore_class)
    rows = outputs.reshape(-1, outputs.shape[-1])
    slopes = None if gradient is None else gradient.reshape(rows.shape)
    if squashed is not None:
        values = _sparse_squashed(numbers, rows, squashed.reshape(rows.shape), slopes)
    else:
        values = (_sparse_logits if loss.from_logits else _sparse_probabilities)(numbers, rows, slopes)
    if counted is not None:
        over_all = loss.divisor(weighted=True) == "positions"
        share = rows.dtype.type(counted.size / max(int(counted.sum()), 1) if over_all else 1)
        values = np.where(counted, values * share, 0)
        if slopes is not None:
            slopes[...] = np.where(counted[:, None], slopes * share, 0)
    return values.reshape(outputs.shape[:-1])


def _sparse_probabilities(numbers: NDArray[np.int64], rows: Floats, slopes: Floats | None) -> Floats:
    at = np.arange(len(rows))
    total, chosen = arithmetic.sum(rows, axis=-1), rows[at, numbers]
    raw = chosen / total
    probability = np.clip(raw, EPSILON, 1 - EPSILON)
    if slopes is not None:
        # d(-log(x_t / Σx)) is 1 / Σx for all, less 1 / x_t for the true class; where p is at a bound it is constant.
        inside = raw == probability
        slopes[...] = (inside / total)[:, None]
        slopes[at, numbers] -= np.divide(1, chosen, np.zeros_like(chosen), where=inside)
    result: Floats = -arithmetic.log(probability)
    return result


def _sparse_logits(numbers: NDArray[np.int64], rows: Floats, slopes: Floats | None) -> Floats:
    at = np.arange(len(rows))
    shifted = rows - rows.max(axis=-1, keepdims=True)
    powers = arithmetic.exp(shifted)
    total = arithmetic.sum(powers, axis=-1)
    if slopes is not None:
        np.divide(powers, total[:, None], slopes)
        slopes[at, numbers] -= 1
    result: Floats = arithmetic.log(total) - shifted[at, numbers]
    return result


def _sparse_squashed(numbers: NDArray[np.int64], rows: Floats, squashed: Floats, slopes: Floats | None) -> Floats:
    """`-log p` of the true class from probabilities (rows, K) that are known, (rows,)."""
    # Few calls, as a small network feels each: the true class's places are found once, and nothing is asked of the logits.
    at = np.add(_starts(*squashed.shape), numbers)
    chosen = squashed.reshape(-1).take(at)
    if slopes is not None:
        np.copyto(slopes, squashed)
        slopes.reshape(-1)[at] = chosen - 1
    if not np.minimum.reduce(chosen, initial=1) < _SMALLEST:
        negative: Floats = arithmetic.log(chosen)
        return np.negative(negative, negative)
    result: Floats = -arithmetic.log(np.maximum(chosen, _SMALLEST))
    far = np.flatnonzero(chosen < _SMALLEST)
    result[far] = rows[far].max(axis=-1) - rows[far, numbers[far]] - arithmetic.log(squashed[far].max(axis=-1))
    return result


@lru_cache(maxsize=64)
def _starts(rows: int, classes: int) -> NDArray[np.int64]:
    """(rows,): where each row of a matrix begins in memory."""
    starts = np.arange(rows, dtype=np.int64) * classes
    starts.flags.writeable = False
    return starts


def categorical(
    loss: CategoricalCrossentropy,
    targets: NDArray[Any],
    outputs: Floats,
    gradient: Floats | None,
    squashed: Floats | None = None,
) -> Floats:
    """`-Σ y log p`: (N, …, K) outputs, and a gradient like them, give (N, …)."""
    y = _smooth_labels(loss, one_hot_like(targets, outputs), outputs.shape[-1])
    if squashed is not None:
        return _categorical_squashed(y, outputs, squashed, gradient)
    if loss.from_logits:
        return _categorical_logits(y, outputs, gradient)
    total = arithmetic.sum(outputs, -1, keepdims=True)
    raw = outputs / total
    probability = np.clip(raw, EPSILON, 1 - EPSILON)
    if gradient is not None:
        slope = np.where(raw == probability, y / probability, 0)
        np.subtract(arithmetic.sum(slope * raw, -1, keepdims=True), slope, gradient)
        np.divide(gradient, total, gradient)
    result: Floats = -arithmetic.sum(y * arithmetic.log(probability), axis=-1)
    return result


def _categorical_logits(y: Floats, outputs: Floats, gradient: Floats | None) -> Floats:
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    powers = arithmetic.exp(shifted)
    total, weight = arithmetic.sum(powers, -1, keepdims=True), arithmetic.sum(y, -1, keepdims=True)
    if gradient is not None:
        np.multiply(powers, weight / total, gradient)
        np.subtract(gradient, y, gradient)
    result: Floats = arithmetic.sum(y * (arithmetic.log(total) - shifted), axis=-1)
    return result


def _categorical_squashed(y: Floats, outputs: Floats, squashed: Floats, gradient: Floats | None) -> Floats:
    """`-Σ y log p` from probabilities that are known: (N, …, K) outputs give (N, …)."""
    if gradient is not None:
        np.multiply(squashed, arithmetic.sum(y, -1, keepdims=True), gradient)
        np.subtract(gradient, y, gradient)
    if not np.minimum.reduce(squashed, None, initial=1) < _SMALLEST:
        logarithms = arithmetic.log(squashed)
    else:
        logarithms = arithmetic.log(np.maximum(squashed, _SMALLEST))
        stable = outputs - outputs.max(axis=-1, keepdims=True) + arithmetic.log(squashed.max(axis=-1, keepdims=True))
        np.copyto(logarithms, stable, where=squashed < _SMALLEST)
    result: Floats = arithmetic.sum(np.multiply(y, logarithms, logarithms), axis=-1)
    np.negative(result, result)
    return result


def binary(
    loss: BinaryCrossentropy,
    targets: NDArray[Any],
    outputs: Floats,
    gradient: Floats | None,
    squashed: Floats | None = None,
) -> Floats:
    """The mean of `-y log p - (1 - y) log(1 - p)`: (N, …, K) outputs, and a gradient like them, give (N, …)."""
    y = _smooth_labels(loss, shaped_like(targets, outputs), 2)
    if loss.from_logits:
        # -y log p - (1 - y) log(1 - p) with p = sigmoid(x), so written that no power is above 1.
        if gradient is not None:
            np.divide((sigmoid(outputs) if squashed is None else squashed) - y, outputs.shape[-1], gradient)
        return last_mean(np.maximum(outputs, 0) - outputs * y + arithmetic.log1p(arithmetic.exp(-np.abs(outputs))))
    p = np.clip(outputs, EPSILON, 1 - EPSILON)
    if gradient is not None:
        gradient[...] = np.where(p == outputs, (p - y) / (p * (1 - p) * outputs.shape[-1]), 0)
    return last_mean(-(y * arithmetic.log(p) + (1 - y) * arithmetic.log(1 - p)))


def categorical_focal(
    loss: CategoricalFocalCrossentropy, targets: NDArray[Any], outputs: Floats, gradient: Floats | None
) -> Floats:
    """`-Σ alpha (1 - p)^gamma y log p`: (N, …, K) outputs give (N, …)."""
    y = _smooth_labels(loss, one_hot_like(targets, outputs), outputs.shape[-1])
    rows = arithmetic.exp(outputs - outputs.max(axis=-1, keepdims=True)) if loss.from_logits else outputs
    total = arithmetic.sum(rows, -1, keepdims=True)
    raw = rows / total
    p = np.clip(raw, EPSILON, 1 - EPSILON)
    weight, logarithm = loss.alpha * y, arithmetic.log(p)
    if gradient is not None:
        steepness = loss.gamma * arithmetic.power(1 - p, loss.gamma - 1)
        slope = weight * (steepness * logarithm - arithmetic.power(1 - p, loss.gamma) / p)
        slope = np.where(raw == p, slope, 0)
        np.subtract(slope, arithmetic.sum(slope * raw, -1, keepdims=True), gradient)
        np.multiply(gradient, raw if loss.from_logits else 1 / total, gradient)
    result: Floats = -arithmetic.sum(weight * arithmetic.power(1 - p, loss.gamma) * logarithm, axis=-1)
    return result


def binary_focal(loss: BinaryFocalCrossentropy, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """Binary crossentropy times `(1 - q)^gamma`; q is not kept from 0 and 1, as in Keras: (N, …, K) outputs give (N, …)."""
    y = _smooth_labels(loss, shaped_like(targets, outputs), 2)
    raw = sigmoid(outputs) if loss.from_logits else outputs
    p = np.clip(raw, EPSILON, 1 - EPSILON)
    entropy = -(y * arithmetic.log(p) + (1 - y) * arithmetic.log(1 - p))
    wrong = 1 - (y * raw + (1 - y) * (1 - raw))
    factor = arithmetic.power(wrong, loss.gamma)
    weight = y * loss.alpha + (1 - y) * (1 - loss.alpha) if loss.apply_class_balancing else np.ones_like(y)
    if gradient is not None:
        # With a gamma below 1 the power is infinite at 0, where the slope counts as 0.
        steepness = np.where(wrong > 0, loss.gamma * arithmetic.power(np.maximum(wrong, EPSILON**2), loss.gamma - 1), 0)
        slope = factor * np.where(raw == p, (p - y) / (p * (1 - p)), 0) + steepness * (1 - 2 * y) * entropy
        np.divide(weight * slope * (raw * (1 - raw) if loss.from_logits else 1), outputs.shape[-1], gradient)
    return last_mean(weight * factor * entropy)


def divergence(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """`Σ y log(y / p)`, both kept between 1e-7 and 1: (N, …, K) outputs give (N, …)."""
    y, p = np.clip(shaped_like(targets, outputs), EPSILON, 1), np.clip(outputs, EPSILON, 1)
    if gradient is not None:
        np.multiply(y / p, -(p == outputs).astype(outputs.dtype), gradient)
    result: Floats = arithmetic.sum(y * arithmetic.log(y / p), axis=-1)
    return result


def poisson(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `p - y log p`: (N, …, K) outputs give (N, …)."""
    y, p = shaped_like(targets, outputs), outputs + outputs.dtype.type(EPSILON)
    if gradient is not None:
        np.divide(1 - y / p, outputs.shape[-1], gradient)
    return last_mean(outputs - y * arithmetic.log(p))
