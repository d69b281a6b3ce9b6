"""Targets and sample weights of a batch, checked and brought into the form of the outputs, on the host and for any engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.errors import DataError
from fittool.nn.shapes import Shape


def targets_and_weights(
    targets: Sequence[Array], sample_weight: Array | None, outputs: int
) -> tuple[Sequence[Array], list[Array | None]]:
    """The target and the weights of each output.

    Args:
        targets: One for each output, each (N, …); further ones belong to no output.
        sample_weight: (N,) for all outputs, (N, outputs), or None.
        outputs: How many the network has.

    Returns:
        The targets, and for each output (N,) weights, or None where all weigh 1.

    Raises:
        DataError: There are fewer targets than outputs, or weights for another number of them.
    """
    if len(targets) < outputs:
        raise DataError(f"the network has {outputs} outputs, but the data give {len(targets)} targets.")
    if sample_weight is None or sample_weight.ndim == 1:
        return targets, [sample_weight] * outputs
    if sample_weight.shape[1] != outputs:
        raise DataError(f"the network has {outputs} outputs, but the sample weights have the shape {sample_weight.shape}.")
    return targets, list(sample_weight.T)


def class_numbers(
    targets: NDArray[Any], output_shape: Shape, ignored: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None]:
    """Class numbers, checked, as a row.

    Args:
        targets: (N, …), or (N, …, 1).
        output_shape: (N, …, K).
        ignored: A class number that does not count.

    Returns:
        (positions,) class numbers, those to ignore replaced by 0; and (positions,) where they count, None for everywhere.

    Raises:
        DataError: Their count differs from the positions of the outputs, or one is not from 0 to K - 1.
    """
    numbers = targets.reshape(-1).astype(np.int64, copy=False)
    classes = output_shape[-1]
    if numbers.size * classes != math.prod(output_shape):
        mend = " If these are one-hot rows, use categorical_crossentropy." if targets.shape == output_shape else ""
        raise DataError(f"expected class numbers of the outputs' shape {output_shape[:-1]}, got {targets.shape}.{mend}")
    counted = None
    if ignored is not None:
        counted = numbers != ignored
        numbers = np.where(counted, numbers, 0)
    if numbers.size and np.maximum.reduce(numbers.view(np.uint64)) >= classes:  # a negative number is a huge one without its sign
        wrong, last = numbers[(numbers < 0) | (numbers >= classes)][0], classes - 1
        raise DataError(f"the targets hold class number {wrong}, but the network's output has places for 0 to {last} only.")
    return numbers, counted


def in_output_shape(targets: NDArray[Any], output_shape: Shape) -> NDArray[Any]:
    """Targets in the shape of the outputs, (N, …, K); an axis of size 1 may be missing or too many at the end.

    Raises:
        DataError: The shapes differ otherwise.
    """
    if targets.shape == output_shape:
        return targets
    if output_shape not in ((*targets.shape, 1), targets.shape[:-1]) or targets.size != math.prod(output_shape):
        raise DataError(f"expected targets of the outputs' shape {output_shape}, got {targets.shape}.")
    return targets.reshape(output_shape)


def of_target(targets: NDArray[Any], outputs: NDArray[Any], target: int | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Targets (N, …) and outputs (N, …, K) of one target alone, (N, …, 1) both, or as they are where `target` is None.

    Raises:
        DataError: Their shapes differ.
    """
    if target is None:
        return targets, outputs
    chosen = slice(target, target + 1)
    return in_output_shape(targets, outputs.shape)[..., chosen], outputs[..., chosen]


def check_one_hot(targets: NDArray[Any], output_shape: Shape) -> None:
    """Compare the shape of one-hot targets with that of the outputs, (N, …, K).

    Raises:
        DataError: They differ.
    """
    if targets.shape != output_shape:
        numbers = targets.size * output_shape[-1] == math.prod(output_shape)
        mend = " If these are class numbers, use sparse_categorical_crossentropy." if numbers else ""
        raise DataError(f"expected one-hot targets of the outputs' shape {output_shape}, got {targets.shape}.{mend}")
