"""Read source pixels at folded coordinates and mix them: the arithmetic of the batch warp.

A sampler lays out a block of images once (`prepare`) and then fills tiles of the output (`sample`). Images are laid out
with one more row and column, which repeat the first, so that each pixel has a right and a lower neighbour; behind the
last image comes a tail of fill values, to which the pixels outside of an image point.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.coordinates import BITS, HALF, ONE
from fittool.augmentation.workspace import Tile, Workspace

_WORKSPACE = Workspace()
_TWO_BYTES = 0x00FF00FF
_LOW = 0xFFFF


class Sampler(Protocol):
    """How one kind of image is read."""

    def prepare(self, images: NDArray[Any]) -> None:
        """Lay out a block of images (B, H, W, C)."""

    def sample(self, tile: Tile, out: NDArray[Any]) -> None:
        """Fill `out` (pixels, C) with what lies at the tile's coordinates."""


def point(tile: Tile, height: int, width: int, *, constant: bool) -> None:
    """Set `tile.index` to the cell of each upper left pixel; leaves `tile.x` and `tile.y` as they are."""
    count = len(tile.x)
    stride, area = width + 1, (height + 1) * (width + 1)
    right = tile.left.view(np.int32).reshape(tile.x.shape)
    np.right_shift(tile.y, BITS, out=tile.scratch)
    np.multiply(tile.scratch, stride, out=tile.scratch)
    np.right_shift(tile.x, BITS, out=right)
    np.add(tile.scratch, right, out=tile.scratch)
    if count > 1:
        flat = tile.scratch.reshape(count, -1)
        np.add(flat, np.arange(0, count * area, area, dtype=np.int32)[:, None], out=flat)
    np.copyto(tile.index, tile.scratch.reshape(-1))
    if constant:
        np.copyto(tile.index, count * area, where=tile.outside.reshape(-1))


def pad(cells: NDArray[Any], image: NDArray[Any], fill: float) -> None:
    """Lay out one block of images (B, H, W, …) in `cells` ((B * (H + 1) * (W + 1) + tail), …)."""
    count, height, width = image.shape[:3]
    area = (height + 1) * (width + 1)
    block = cells[: count * area].reshape(count, height + 1, width + 1, *image.shape[3:])
    block[:, :height, :width] = image
    block[:, :height, width] = image[:, :, 0]
    block[:, height] = block[:, 0]
    cells[count * area :] = fill


def cells_of(images: NDArray[Any]) -> int:
    """How many cells a block of images (B, H, W, C) takes, with its tail."""
    count, height, width = images.shape[:3]
    return int(count * (height + 1) * (width + 1) + width + 3)


class ByteSampler:
    """Bilinear interpolation of uint8 images, one channel at a time.

    A cell holds a pixel and its lower, right and lower right neighbour in the four bytes of a uint32, so that one read
    gets all four. Lower and upper pixels are mixed two at a time inside the uint32 with 8-bit weights (255 * 256 fits
    into 16 bits), the two 16-bit results with 16-bit weights; the only rounding is the last. The result is within 1 grey
    level of exact interpolation.
    """

    def __init__(self, fill: float) -> None:
        self.fill = int(np.clip(np.rint(fill), 0, 255))

    def prepare(self, images: NDArray[np.uint8]) -> None:
        """Lay out a block of images (B, H, W, C)."""
        cells, stride = cells_of(images), images.shape[2] + 1
        plane = _WORKSPACE.array("plane", (cells,), np.uint32)
        self.quads = _WORKSPACE.array("quads", (images.shape[3], cells), np.uint32)
        for channel, quads in enumerate(self.quads):
            pad(plane, images[..., channel], self.fill)
            np.left_shift(plane[1:], 16, out=quads[:-1])
            quads[:-1] |= plane[:-1]
            np.left_shift(quads[stride:], 8, out=plane[:-stride])
            quads[:-stride] |= plane[:-stride]
        self.height, self.width = images.shape[1:3]

    def sample(self, tile: Tile, out: NDArray[np.uint8], *, constant: bool) -> None:
        """Fill `out` (pixels, C) with what lies at the tile's coordinates."""
        np.add(tile.y, 1 << 7, out=tile.y)
        point(tile, self.height, self.width, constant=constant)
        np.right_shift(tile.y, 8, out=tile.y)
        np.bitwise_and(tile.y, 0xFF, out=tile.y)
        np.bitwise_and(tile.x, _LOW, out=tile.x)
        lower, right = tile.y.reshape(-1).view(np.uint32), tile.x.reshape(-1).view(np.uint32)
        np.subtract(1 << 8, lower, out=tile.upper)
        np.subtract(ONE, right, out=tile.left)
        mixed, other = tile.mixed, tile.other
        top_bytes = mixed.view(np.uint8)[3::4]
        for channel, quads in enumerate(self.quads):
            quads.take(tile.index, out=other, mode="wrap")
            np.bitwise_and(other, _TWO_BYTES, out=mixed)
            np.right_shift(other, 8, out=other)
            np.bitwise_and(other, _TWO_BYTES, out=other)
            np.multiply(mixed, tile.upper, out=mixed)
            np.multiply(other, lower, out=other)
            np.add(mixed, other, out=mixed)
            np.right_shift(mixed, 16, out=other)
            np.bitwise_and(mixed, _LOW, out=mixed)
            np.multiply(mixed, tile.left, out=mixed)
            np.multiply(other, right, out=other)
            np.add(mixed, other, out=mixed)
            np.add(mixed, 1 << 23, out=mixed)
            out[:, channel] = top_bytes
