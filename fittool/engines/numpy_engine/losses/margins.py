"""Losses between distributions, counts and margins, and their gradients with respect to the outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses.common import EPSILON, Floats, last_mean, one_hot_like, shaped_like
from fittool.nn.losses import Loss


def divergence(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """`Σ y log(y / p)`, both kept between 1e-7 and 1."""
    y, p = np.clip(shaped_like(targets, outputs), EPSILON, 1), np.clip(outputs, EPSILON, 1)
    if gradient is not None:
        np.multiply(y / p, -(p == outputs).astype(outputs.dtype), gradient)
    result: Floats = np.add.reduce(y * np.log(y / p), axis=-1)
    return result


def poisson(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `p - y log p`."""
    y, p = shaped_like(targets, outputs), outputs + outputs.dtype.type(EPSILON)
    if gradient is not None:
        np.divide(1 - y / p, outputs.shape[-1], gradient)
    return last_mean(outputs - y * np.log(p))


def hinge(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `max(1 - y p, 0)`."""
    y = _signs(shaped_like(targets, outputs))
    missing = 1 - y * outputs
    if gradient is not None:
        np.divide(-y * (missing > 0), outputs.shape[-1], gradient)
    return last_mean(np.maximum(missing, 0))


def squared_hinge(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """The mean of `max(1 - y p, 0)²`."""
    y = _signs(shaped_like(targets, outputs))
    missing = np.maximum(1 - y * outputs, 0)
    if gradient is not None:
        np.multiply(-y * missing, 2 / outputs.shape[-1], gradient)
    return last_mean(missing * missing)


def _signs(targets: Floats) -> Floats:
    """Targets as -1 and 1, where all are 0 or 1; Keras decides so batch by batch."""
    return 2 * targets - 1 if ((targets == 0) | (targets == 1)).all() else targets


def categorical_hinge(loss: Loss, targets: NDArray[Any], outputs: Floats, gradient: Floats | None) -> Floats:
    """`max(1 + the largest wrong output - the right output, 0)`; outputs that tie share the gradient."""
    y = one_hot_like(targets, outputs)
    wrong = (1 - y) * outputs
    largest = wrong.max(axis=-1, keepdims=True)
    missing = largest - np.add.reduce(y * outputs, axis=-1, keepdims=True) + 1
    if gradient is not None:
        ties = wrong == largest
        np.multiply((1 - y) * ties / ties.sum(axis=-1, keepdims=True) - y, missing > 0, gradient)
    result: Floats = np.maximum(missing, 0)[..., 0]
    return result
