"""Targets in the form and dtype of NumPy outputs, and the mean that most formulas end with."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from fittool.engines.target_arrays import check_one_hot, in_output_shape
from fittool.kernels import arithmetic

Floats = NDArray[Any]


def shaped_like(targets: NDArray[Any], outputs: Floats) -> Floats:
    """Targets in the shape (N, …, K) and dtype of the outputs, see `in_output_shape`."""
    return in_output_shape(targets, outputs.shape).astype(outputs.dtype, copy=False)


def one_hot_like(targets: NDArray[Any], outputs: Floats) -> Floats:
    """One-hot targets (N, …, K) in the dtype of the outputs, see `check_one_hot`."""
    check_one_hot(targets, outputs.shape)
    return targets.astype(outputs.dtype, copy=False)


def last_mean(values: Floats) -> Floats:
    """The mean of (N, …, K) over the last axis, (N, …)."""
    result: Floats = arithmetic.sum(values, axis=-1)
    result /= values.shape[-1]
    return result
