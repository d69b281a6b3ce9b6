"""Targets in the form and dtype of NumPy outputs, and the mean that most formulas end with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines import target_arrays

Floats = NDArray[Any]


def class_numbers(
    targets: NDArray[Any], outputs: Floats, ignored: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Class numbers for outputs (N, …, K) as a row, see `target_arrays.class_numbers`."""
    return target_arrays.class_numbers(targets, outputs.shape, ignored)


def shaped_like(targets: NDArray[Any], outputs: Floats) -> Floats:
    """Targets in the shape (N, …, K) and dtype of the outputs, see `target_arrays.in_output_shape`."""
    return target_arrays.in_output_shape(targets, outputs.shape).astype(outputs.dtype, copy=False)


def one_hot_like(targets: NDArray[Any], outputs: Floats) -> Floats:
    """One-hot targets (N, …, K) in the dtype of the outputs, see `target_arrays.check_one_hot`."""
    target_arrays.check_one_hot(targets, outputs.shape)
    return targets.astype(outputs.dtype, copy=False)


def last_mean(values: Floats) -> Floats:
    """The mean of (N, …, K) over the last axis, (N, …)."""
    result: Floats = np.add.reduce(values, axis=-1)
    result /= values.shape[-1]
    return result
