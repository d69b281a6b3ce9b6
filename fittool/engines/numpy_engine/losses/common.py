"""What all loss formulas share: their form, and targets checked and brought into the outputs' form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import DataError

Floats = NDArray[Any]

EPSILON = 1e-7


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
        mend = " If these are one-hot rows, use categorical_crossentropy." if targets.shape == outputs.shape else ""
        raise DataError(f"expected class numbers of the outputs' shape {outputs.shape[:-1]}, got {targets.shape}.{mend}")
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


def one_hot_like(targets: NDArray[Any], outputs: Floats) -> Floats:
    """One-hot targets in the dtype of the outputs.

    Raises:
        DataError: Their shape is not the outputs'.
    """
    if targets.shape != outputs.shape:
        numbers = targets.size * outputs.shape[-1] == outputs.size
        mend = " If these are class numbers, use sparse_categorical_crossentropy." if numbers else ""
        raise DataError(f"expected one-hot targets of the outputs' shape {outputs.shape}, got {targets.shape}.{mend}")
    return targets.astype(outputs.dtype, copy=False)


def last_mean(values: Floats) -> Floats:
    """The mean over the last axis."""
    result: Floats = np.add.reduce(values, axis=-1)
    result /= values.shape[-1]
    return result
