"""Shapes without the batch axis, and the size arithmetic that convolutions, poolings and engines share.

Padding follows Keras: `same` gives ceil(size / stride) positions and pads more at the end than at the start.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Shape = tuple[int, ...]


class ShapeError(ValueError):
    """A layer cannot take the shapes it is given; the text says what it expects and what it got."""


def size_of(shape: Shape) -> int:
    """The number of elements in one sample of this shape."""
    return math.prod(shape)


def single(shapes: Sequence[Shape]) -> Shape:
    """The shape of the only input.

    Raises:
        ShapeError: There are several inputs, or none.
    """
    if len(shapes) != 1:
        raise ShapeError(f"expected one input, got {len(shapes)}.")
    return shapes[0]


def image(shapes: Sequence[Shape]) -> tuple[int, int, int]:
    """The shape of the only input as (height, width, channels).

    Raises:
        ShapeError: It is not an image.
    """
    shape = single(shapes)
    if len(shape) != 3:
        raise ShapeError(f"expected images (height, width, channels), got shape {shape}.")
    return shape[0], shape[1], shape[2]


def sequence(shapes: Sequence[Shape]) -> tuple[int, int]:
    """The shape of the only input as (steps, channels).

    Raises:
        ShapeError: It is not a sequence.
    """
    shape = single(shapes)
    if len(shape) != 2:
        raise ShapeError(f"expected sequences (steps, channels), got shape {shape}.")
    return shape[0], shape[1]


def volume(shapes: Sequence[Shape]) -> tuple[int, int, int, int]:
    """The shape of the only input as (depth, height, width, channels).

    Raises:
        ShapeError: It is not a volume.
    """
    shape = single(shapes)
    if len(shape) != 4:
        raise ShapeError(f"expected volumes (depth, height, width, channels), got shape {shape}.")
    return shape[0], shape[1], shape[2], shape[3]


def spread(kernel: int, dilation: int) -> int:
    """The number of positions that a dilated kernel spans."""
    return (kernel - 1) * dilation + 1


def window_count(size: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> int:
    """The number of positions that a sliding window takes along one axis.

    Raises:
        ShapeError: The window does not fit (padding `valid` only).
    """
    if padding in ("same", "causal"):
        return -(-size // stride)
    count = (size - spread(kernel, dilation)) // stride + 1
    if count < 1:
        raise ShapeError(f"a window of {spread(kernel, dilation)} does not fit into {size} without padding.")
    return count


def window_padding(size: int, kernel: int, stride: int, padding: str, dilation: int = 1) -> tuple[int, int]:
    """The numbers of zeros (before, after) along one axis; with `same` the odd one goes after, with `causal` all go before."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return spread(kernel, dilation) - 1, 0
    covered = (window_count(size, kernel, stride, padding, dilation) - 1) * stride + spread(kernel, dilation)
    total = max(covered - size, 0)
    return total // 2, total - total // 2


def transposed_count(
    size: int, kernel: int, stride: int, padding: str, dilation: int = 1, output_padding: int | None = None
) -> int:
    """The number of positions that a transposed convolution gives along one axis, as Keras counts them.

    Raises:
        ShapeError: There would be none.
    """
    reach = spread(kernel, dilation)
    if output_padding is None:
        return size * stride + (max(reach - stride, 0) if padding == "valid" else 0)
    count = (size - 1) * stride + (reach if padding == "valid" else reach % 2) + output_padding
    if count < 1:
        raise ShapeError(f"{size} positions and output_padding {output_padding} leave no output.")
    return count


def transposed_padding(size: int, kernel: int, stride: int, padding: str, dilation: int, count: int) -> tuple[int, int]:
    """The lengths cut off (before, after) what all windows together cover, so that `count` positions are left."""
    covered = (size - 1) * stride + spread(kernel, dilation)
    before = max(covered - count, 0) // 2 if padding == "same" else 0
    return before, max(covered - before - count, 0)


def feature_axis(axis: int, shape: Shape) -> int:
    """The index into `shape` of an axis counted as Keras does, the batch axis being 0.

    Raises:
        ShapeError: It is the batch axis, or there is no such axis.
    """
    rank = len(shape) + 1
    if not -rank <= axis < rank:
        raise ShapeError(f"there is no axis {axis} in inputs of shape {shape}; use {-len(shape)} to {len(shape)} without 0.")
    if axis in (0, -rank):
        raise ShapeError(f"axis {axis} is the batch axis; use 1 to {len(shape)}, or -{len(shape)} to -1.")
    return axis % rank - 1
