"""Losses of differences and of margins between outputs and targets, and their gradients with respect to the outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses.common import Floats, last_mean, one_hot_like, shaped_like
from fittool.kernels import arithmetic
from fittool.nn.losses import EPSILON, Huber, Loss


def squared_error(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `d²`: (N, …, K) outputs give (N, …)."""
    difference = outputs - shaped_like(targets, outputs)
    if gradient is not None:
        np.multiply(difference, 2 / outputs.shape[-1], gradient)
    return last_mean(difference * difference)


def absolute_error(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `|d|`: (N, …, K) outputs give (N, …)."""
    difference = outputs - shaped_like(targets, outputs)
    if gradient is not None:
        np.divide(np.sign(difference), outputs.shape[-1], gradient)
    return last_mean(np.abs(difference))


def absolute_percentage_error(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `100 |d| / |y|`, where y is at least 1e-7: (N, …, K) outputs give (N, …)."""
    y = shaped_like(targets, outputs)
    difference, unit = outputs - y, np.maximum(np.abs(y), EPSILON) / 100
    if gradient is not None:
        np.divide(np.sign(difference), unit * outputs.shape[-1], gradient)
    return last_mean(np.abs(difference / unit))


def squared_logarithmic_error(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `(log(1 + p) - log(1 + y))²`, where p and y are at least 1e-7: (N, …, K) outputs give (N, …)."""
    kept = np.maximum(outputs, EPSILON)
    difference = arithmetic.log(kept + 1) - arithmetic.log(np.maximum(shaped_like(targets, outputs), EPSILON) + 1)
    if gradient is not None:
        np.multiply(difference, 2 / outputs.shape[-1], gradient)
        np.multiply(gradient, (outputs == kept) / (kept + 1), gradient)
    return last_mean(difference * difference)


def huber(loss: Huber, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `½ d²`, linear from delta: (N, …, K) outputs give (N, …)."""
    difference = outputs - shaped_like(targets, outputs)
    kept = np.clip(difference, -loss.delta, loss.delta)
    if gradient is not None:
        np.divide(kept, outputs.shape[-1], gradient)
    return last_mean(kept * (difference - 0.5 * kept))


def log_cosh(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `log(cosh(d))`, without overflow: (N, …, K) outputs give (N, …)."""
    difference = outputs - shaped_like(targets, outputs)
    if gradient is not None:
        np.divide(arithmetic.tanh(difference), outputs.shape[-1], gradient)
    size = np.abs(difference)
    return last_mean(size + arithmetic.log1p(arithmetic.exp(-2 * size)) - np.log(2).astype(outputs.dtype))


def cosine_similarity(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """Minus the cosine of the angle: (N, …, K) outputs give (N, …)."""
    y = shaped_like(targets, outputs)
    factor = _unit_factor(outputs)
    unit_y, unit = y * _unit_factor(y), outputs * factor
    cosine = arithmetic.sum(unit_y * unit, axis=-1, keepdims=True)
    if gradient is not None:
        long_enough = factor < 1 / EPSILON
        np.multiply(unit, np.where(long_enough, cosine, 0), gradient)
        np.subtract(gradient, unit_y, gradient)
        np.multiply(gradient, factor, gradient)
    result: Floats = -cosine[..., 0]
    return result


def _unit_factor(vectors: Floats) -> Floats:
    """The factors (N, …, 1) that make vectors along the last axis 1 long; at most 1e7."""
    result: Floats = 1 / np.maximum(np.sqrt(arithmetic.sum(vectors * vectors, axis=-1, keepdims=True)), EPSILON)
    return result


def hinge(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `max(1 - y p, 0)`: (N, …, K) outputs give (N, …)."""
    y = _signs(shaped_like(targets, outputs))
    missing = 1 - y * outputs
    if gradient is not None:
        np.divide(-y * (missing > 0), outputs.shape[-1], gradient)
    return last_mean(np.maximum(missing, 0))


def squared_hinge(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `max(1 - y p, 0)²`: (N, …, K) outputs give (N, …)."""
    y = _signs(shaped_like(targets, outputs))
    missing = np.maximum(1 - y * outputs, 0)
    if gradient is not None:
        np.multiply(-y * missing, 2 / outputs.shape[-1], gradient)
    return last_mean(missing * missing)


def _signs(targets: Floats) -> Floats:
    """Targets as -1 and 1, where all are 0 or 1; Keras decides so batch by batch."""
    return 2 * targets - 1 if ((targets == 0) | (targets == 1)).all() else targets


def categorical_hinge(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """`max(1 + the largest wrong output - the right output, 0)`, ties sharing the gradient: (N, …, K) outputs give (N, …)."""
    y = one_hot_like(targets, outputs)
    wrong = (1 - y) * outputs
    largest = wrong.max(axis=-1, keepdims=True)
    missing = largest - arithmetic.sum(y * outputs, axis=-1, keepdims=True) + 1
    if gradient is not None:
        ties = wrong == largest
        np.multiply((1 - y) * ties / ties.sum(axis=-1, keepdims=True) - y, missing > 0, gradient)
    result: Floats = np.maximum(missing, 0)[..., 0]
    return result
