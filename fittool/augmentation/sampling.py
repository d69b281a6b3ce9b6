"""Read source pixels at folded coordinates and mix them: the arithmetic of the batch warp.

A sampler lays out a block of images once (`prepare`) and then fills tiles of the output (`sample`). Images are laid out
with one more row and column, which repeat the first, so that each pixel has a right and a lower neighbour; behind the
last image comes a tail of fill values, to which the pixels outside of an image point.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.coordinates import BITS, HALF, ONE
from fittool.augmentation.workspace import WORKSPACE, Tile

_TWO_BYTES = 0x00FF00FF
_FRACTION = ONE - 1
_HIGHEST_BYTE = slice(3, None, 4) if sys.byteorder == "little" else slice(0, None, 4)


class Sampler(Protocol):
    """The way one kind of image is read."""

    def prepare(self, images: NDArray[Any]) -> None:
        """Lay out a block of images (B, H, W, C)."""

    def sample(self, tile: Tile, out: NDArray[Any]) -> None:
        """Fill `out` (pixels, C) with what lies at the tile's coordinates; they are overwritten."""


def _point(tile: Tile, height: int, width: int) -> None:
    """Set `tile.index` to the cell of each pixel's upper left source pixel, or to the tail where it lies outside."""
    count, area = len(tile.x), (height + 1) * (width + 1)
    column = tile.left.view(np.int32).reshape(tile.x.shape)
    np.right_shift(tile.x, BITS, out=column)
    np.right_shift(tile.y, BITS, out=tile.cell)
    np.multiply(tile.cell, width + 1, out=tile.cell)
    np.add(tile.cell, column, out=tile.cell)
    by_image = tile.cell.reshape(count, -1)
    np.add(by_image, np.arange(0, count * area, area, dtype=np.int32)[:, None], out=by_image)
    np.copyto(tile.index, tile.cell.reshape(-1))
    if tile.outside is not None:
        np.copyto(tile.index, count * area, where=tile.outside.reshape(-1))


def _lay_out(cells: NDArray[Any], images: NDArray[Any], fill: float) -> None:
    """Write a block of images (B, H, W, …) with its added row, column and tail to `cells` (cells, …)."""
    count, height, width = images.shape[:3]
    area = (height + 1) * (width + 1)
    padded = cells[: count * area].reshape(count, height + 1, width + 1, *images.shape[3:])
    padded[:, :height, :width] = images
    padded[:, :height, width] = images[:, :, 0]
    padded[:, height] = padded[:, 0]
    cells[count * area :] = fill


def _cells_of(images: NDArray[Any]) -> int:
    """The number of cells that a block of images (B, H, W, C) takes; the tail has the four neighbours of its first cell."""
    count, height, width = images.shape[:3]
    return int(count * (height + 1) * (width + 1) + width + 3)


class ByteSampler:
    """Bilinear interpolation of uint8 images, one channel at a time.

    A cell holds a pixel and its lower, right and lower right neighbour in the four bytes of a uint32, so that one read
    gets all four. Upper and lower pixels are mixed two at a time inside the uint32 with 8-bit weights (255 * 256 fits
    into 16 bits), the two 16-bit results with 16-bit weights; nothing but the last result is rounded. It is within 1
    grey level of exact interpolation.

    Args:
        fill: The value of pixels that come from outside, a whole number.
    """

    def __init__(self, fill: float) -> None:
        self._fill = int(fill)

    def prepare(self, images: NDArray[np.uint8]) -> None:
        """Lay out a block of images (B, H, W, C)."""
        cells, stride = _cells_of(images), images.shape[2] + 1
        self._height, self._width = images.shape[1:3]
        self._quads = WORKSPACE.array("quads", (images.shape[3], cells), np.uint32)
        plane = WORKSPACE.array("plane", (cells,), np.uint32)
        for channel, quads in enumerate(self._quads):
            _lay_out(plane, images[..., channel], self._fill)
            np.left_shift(plane[1:], 16, out=quads[:-1])
            np.bitwise_or(quads[:-1], plane[:-1], out=quads[:-1])
            np.left_shift(quads[stride:], 8, out=plane[:-stride])
            np.bitwise_or(quads[:-stride], plane[:-stride], out=quads[:-stride])

    def sample(self, tile: Tile, out: NDArray[np.uint8]) -> None:
        """Fill `out` (pixels, C) with what lies at the tile's coordinates; they are overwritten."""
        np.add(tile.y, 1 << (BITS - 9), out=tile.y)  # so that cutting y to 8 fraction bits rounds it
        _point(tile, self._height, self._width)
        np.right_shift(tile.y, BITS - 8, out=tile.y)
        np.bitwise_and(tile.y, 0xFF, out=tile.y)
        np.bitwise_and(tile.x, _FRACTION, out=tile.x)
        right, lower = tile.x.reshape(-1).view(np.uint32), tile.y.reshape(-1).view(np.uint32)
        np.subtract(ONE, right, out=tile.left)
        np.subtract(1 << 8, lower, out=tile.upper)
        result = tile.mixed.view(np.uint8)[_HIGHEST_BYTE]
        for channel, quads in enumerate(self._quads):
            quads.take(tile.index, out=tile.other, mode="wrap")  # every index is valid; "wrap" is the fastest mode
            _mix_bytes(tile, right, lower)
            out[:, channel] = result


def _mix_bytes(tile: Tile, right: NDArray[np.uint32], lower: NDArray[np.uint32]) -> None:
    """Mix the quads in `tile.other`; the result is the highest byte of each number in `tile.mixed`."""
    mixed, other = tile.mixed, tile.other
    np.bitwise_and(other, _TWO_BYTES, out=mixed)
    np.right_shift(other, 8, out=other)
    np.bitwise_and(other, _TWO_BYTES, out=other)
    np.multiply(mixed, tile.upper, out=mixed)
    np.multiply(other, lower, out=other)
    np.add(mixed, other, out=mixed)
    np.right_shift(mixed, 16, out=other)
    np.bitwise_and(mixed, 0xFFFF, out=mixed)
    np.multiply(mixed, tile.left, out=mixed)
    np.multiply(other, right, out=other)
    np.add(mixed, other, out=mixed)
    np.add(mixed, 1 << 23, out=mixed)


class FloatSampler:
    """Bilinear interpolation of float32 images, one channel at a time, with weights of 16 bits.

    Args:
        fill: The value of pixels that come from outside.
    """

    def __init__(self, fill: float) -> None:
        self._fill = fill

    def prepare(self, images: NDArray[np.float32]) -> None:
        """Lay out a block of images (B, H, W, C)."""
        self._height, self._width = images.shape[1:3]
        self._planes = WORKSPACE.array("planes", (images.shape[3], _cells_of(images)), np.float32)
        for channel, plane in enumerate(self._planes):
            _lay_out(plane, images[..., channel], self._fill)

    def sample(self, tile: Tile, out: NDArray[np.float32]) -> None:
        """Fill `out` (pixels, C) with what lies at the tile's coordinates; they are overwritten."""
        _point(tile, self._height, self._width)
        right, lower = tile.left.view(np.float32), tile.upper.view(np.float32)
        for coordinate, weight in ((tile.x, right), (tile.y, lower)):
            np.bitwise_and(coordinate, _FRACTION, out=coordinate)
            np.copyto(weight, coordinate.reshape(-1), casting="same_kind")
            np.multiply(weight, np.float32(1 / ONE), out=weight)
        above, beside = tile.mixed.view(np.float32), tile.other.view(np.float32)
        below, diagonal = tile.x.reshape(-1).view(np.float32), tile.y.reshape(-1).view(np.float32)
        for channel, plane in enumerate(self._planes):
            for offset, values in ((0, above), (1, beside), (self._width + 1, below), (self._width + 2, diagonal)):
                plane[offset:].take(tile.index, out=values, mode="wrap")
            _mix_floats(above, beside, right)
            _mix_floats(below, diagonal, right)
            _mix_floats(above, below, lower)
            out[:, channel] = above


def _mix_floats(first: NDArray[np.float32], second: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
    """Set `first` to `first + (second - first) * weight`; overwrites `second`."""
    np.subtract(second, first, out=second)
    np.multiply(second, weight, out=second)
    np.add(first, second, out=first)


class NearestSampler:
    """The nearest source pixel, of images of any type.

    Args:
        fill: The value of pixels that come from outside; a whole number for uint8 images.
    """

    def __init__(self, fill: float) -> None:
        self._fill = fill

    def prepare(self, images: NDArray[Any]) -> None:
        """Lay out a block of images (B, H, W, C)."""
        self._height, self._width = images.shape[1:3]
        self._cells = WORKSPACE.array("pixels", (_cells_of(images), images.shape[3]), images.dtype)
        _lay_out(self._cells, images, self._fill)

    def sample(self, tile: Tile, out: NDArray[Any]) -> None:
        """Fill `out` (pixels, C) with what lies at the tile's coordinates; they are overwritten."""
        np.add(tile.x, HALF, out=tile.x)
        np.add(tile.y, HALF, out=tile.y)
        _point(tile, self._height, self._width)
        self._cells.take(tile.index, axis=0, out=out, mode="wrap")
