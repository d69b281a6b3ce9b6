"""The place each output pixel comes from: fixed-point source coordinates of a whole tile, folded into the image.

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
LARGEST_SIDE = 30_000
_NARROW_LIMIT = 1 << 30

IntegerArray = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class Lines:
    """Source coordinates of a batch in two parts: at (row, column) they are `columns[n, :, column] + rows[n, :, row]`.

    Attributes:
        columns: (N, 2, W) fixed-point x and y.
        rows: (N, 2, H) fixed-point x and y.
        fill_mode: How coordinates outside of the image are folded.
    """

    columns: IntegerArray
    rows: IntegerArray
    fill_mode: str

    @classmethod
    def of(cls, matrices: NDArray[np.float64], height: int, width: int, fill_mode: str) -> Lines:
        """The lines of output→input `matrices` (N, 2, 3); 64 bits wide only where 32 might not hold a coordinate."""
        scaled = matrices * ONE
        columns = np.rint(scaled[:, :, 0:1] * np.arange(width) + scaled[:, :, 2:3])
        rows = np.rint(scaled[:, :, 1:2] * np.arange(height))
        reach = np.abs(columns).max() + np.abs(rows).max() + 2 * ONE * max(height, width)
        dtype = np.int32 if reach < _NARROW_LIMIT else np.int64
        return cls(columns.astype(dtype), rows.astype(dtype), fill_mode)

    def fill(self, tile: Tile, first_image: int, first_row: int) -> None:
        """Set the tile's folded coordinates `x` and `y`, and its `outside` where it has one."""
        count, rows, _ = tile.x.shape
        images, lines = slice(first_image, first_image + count), slice(first_row, first_row + rows)
        for axis, target in enumerate((tile.x, tile.y)):
            side = (self.columns if axis == 0 else self.rows).shape[-1]
            narrow = self.columns.dtype == target.dtype
            coordinate: IntegerArray = target if narrow else np.empty(target.shape, self.columns.dtype)
            np.add(self.columns[images, axis, None, :], self.rows[images, axis, lines, None], out=coordinate)
            if tile.outside is not None:
                _mark_outside(coordinate, side, tile.outside, first=axis == 0)
            fold(coordinate, side, self.fill_mode, tile.cell if narrow else np.empty_like(coordinate))
            if not narrow:
                np.copyto(target, coordinate, casting="same_kind")


def _mark_outside(coordinate: IntegerArray, side: int, outside: NDArray[np.bool_], *, first: bool) -> None:
    """Mark coordinates below 0 or above side - 1; read as unsigned, negative ones are very large."""
    beyond = coordinate.view(f"u{coordinate.itemsize}") > (side - 1) * ONE
    if first:
        np.copyto(outside, beyond)
    else:
        np.logical_or(outside, beyond, out=outside)


def fold(coordinate: IntegerArray, side: int, fill_mode: str, scratch: IntegerArray) -> None:
    """Fold coordinates (…) into the image, in place.

    Linear interpolation at the folded coordinate, where the first pixel is repeated behind the last, equals
    interpolation in the endlessly continued image: "nearest" and "constant" stop at the border pixels, "wrap" has the
    period `side`, "reflect" the period `2 * side` with mirrors half a pixel outside of the border pixels.

    Args:
        coordinate: Fixed-point coordinates along one axis, of any shape.
        side: The number of pixels along the axis.
        fill_mode: nearest, constant, reflect or wrap.
        scratch: A buffer of the same shape and type.
    """
    period = side * ONE
    if fill_mode == "wrap":
        _modulo(coordinate, period, scratch)
        return
    if fill_mode == "reflect":
        np.add(coordinate, HALF, out=coordinate)
        _modulo(coordinate, 2 * period, scratch)
        np.subtract(2 * period, coordinate, out=scratch)
        np.minimum(coordinate, scratch, out=coordinate)
        np.subtract(coordinate, HALF, out=coordinate)
    np.clip(coordinate, 0, period - ONE, out=coordinate)


def _modulo(coordinate: IntegerArray, period: int, scratch: IntegerArray) -> None:
    """`coordinate %= period` by division, which NumPy computes for many numbers at a time, other than the remainder."""
    np.floor_divide(coordinate, period, out=scratch)
    np.multiply(scratch, period, out=scratch)
    np.subtract(coordinate, scratch, out=coordinate)
