"""Where each output pixel comes from: fixed-point source coordinates of a whole tile, folded into the image.

A coordinate has 16 fraction bits. A fill mode is nothing but a folding of coordinates that lie outside of the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.workspace import Tile

BITS = 16
ONE = 1 << BITS
HALF = ONE >> 1
LARGEST_SIDE = 32_000
_NARROW_LIMIT = float(1 << 29)

IntegerArray = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Lines:
    """Source coordinates of the lines of a batch: that of pixel (row, column) is `columns[…, column] + rows[…, row]`.

    Attributes:
        columns: (N, 2, W), part that changes along a row, for x and y, fixed-point.
        rows: (N, 2, H), part that changes down a column.
    """

    columns: IntegerArray
    rows: IntegerArray

    @classmethod
    def of(cls, matrices: NDArray[np.float64], height: int, width: int) -> Lines:
        """The lines of output→input `matrices` (N, 2, 3); 64 bits wide only where a coordinate could leave 32 bits."""
        scaled = matrices * ONE
        columns = np.rint(scaled[:, :, 0:1] * np.arange(width) + scaled[:, :, 2:3])
        rows = np.rint(scaled[:, :, 1:2] * np.arange(height))
        reach = np.abs(columns).max() + np.abs(rows).max() + 2 * ONE * max(height, width)
        dtype = np.int32 if reach < _NARROW_LIMIT else np.int64
        return cls(columns.astype(dtype), rows.astype(dtype))

    def fill(self, tile: Tile, first_image: int, first_row: int, shape: tuple[int, int], fill_mode: str) -> None:
        """Set `tile.x` and `tile.y` to folded coordinates, and `tile.outside` where the fill mode is constant."""
        count, rows, _ = tile.x.shape
        images = slice(first_image, first_image + count)
        lines = slice(first_row, first_row + rows)
        height, width = shape
        for axis, (target, side) in enumerate(((tile.x, width), (tile.y, height))):
            columns, downward = self.columns[images, axis, None, :], self.rows[images, axis, lines, None]
            coordinate = target if columns.dtype == target.dtype else np.empty(target.shape, columns.dtype)
            np.add(columns, downward, out=coordinate)
            if fill_mode == "constant":
                _mark_outside(coordinate, side, tile.outside, first=axis == 0)
            scratch = tile.scratch if coordinate is target else np.empty_like(coordinate)
            fold(coordinate, side, fill_mode, scratch)
            if coordinate is not target:
                np.copyto(target, coordinate, casting="same_kind")


def _mark_outside(coordinate: IntegerArray, side: int, outside: NDArray[np.bool_], *, first: bool) -> None:
    """Mark pixels whose coordinate is below 0 or above side - 1; unsigned, negative ones are very large."""
    beyond = coordinate.view(np.dtype(f"u{coordinate.itemsize}")) > (side - 1) * ONE
    if first:
        np.copyto(outside, beyond)
    else:
        np.logical_or(outside, beyond, out=outside)


def fold(coordinate: IntegerArray, side: int, fill_mode: str, scratch: IntegerArray) -> None:
    """Fold coordinates into the image, in place.

    Linear interpolation of the folded coordinate, with the first pixel repeated behind the last for "wrap", equals
    interpolation in the endlessly continued image: nearest and constant stop at the border pixels, wrap has the period
    `side`, reflect the period `2 * side` with mirrors half a pixel outside of the border pixels.

    Args:
        coordinate: Fixed-point coordinates of one axis, any shape.
        side: Number of pixels along the axis.
        fill_mode: nearest, constant, reflect or wrap.
        scratch: Buffer of the same shape and type.
    """
    period = side * ONE
    if fill_mode == "wrap":
        _modulo(coordinate, period, scratch)
        return
    if fill_mode == "reflect":
        coordinate += HALF
        _modulo(coordinate, 2 * period, scratch)
        np.subtract(2 * period, coordinate, out=scratch)
        np.minimum(coordinate, scratch, out=coordinate)
        coordinate -= HALF
    np.clip(coordinate, 0, period - ONE, out=coordinate)


def _modulo(coordinate: IntegerArray, period: int, scratch: IntegerArray) -> None:
    """`coordinate %= period`, by division, which NumPy does for many numbers at once where its remainder does not."""
    np.floor_divide(coordinate, period, out=scratch)
    scratch *= period
    coordinate -= scratch
