"""Sample weights as every metric counts them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.nn.shapes import Shape


def spread(weights: NDArray[Any] | None, shape: Shape) -> NDArray[np.float64]:
    """The weight of every position: that of its sample, or its own; 1 where there are none.

    Args:
        weights: (N,) or more axes of `shape`, or None.
        shape: (N, …).
    """
    if weights is None:
        return np.ones(shape)
    weights = weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim))
    return np.broadcast_to(weights.astype(np.float64), shape)
