"""The warp of `fittool.augmentation.warp` on a device: the same fixed-point coordinates and weights, so the same bytes.

Floats differ in their last digit at most. No tile is needed here: a device works on all pixels of a batch at a time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fittool.augmentation.coordinates import BITS, HALF, ONE

_FRACTION = ONE - 1


def warp(images: Tensor, columns: Tensor, rows: Tensor, fill_mode: str, cval: float, *, nearest: bool) -> Tensor:
    """Move the pixels of each image.

    Args:
        images: (N, H, W, C) uint8 or float32.
        columns, rows: (N, 2, W) and (N, 2, H) int32 or int64, of `fittool.augmentation.coordinates.Lines`.
        fill_mode: What lies outside of an image: nearest, constant, reflect or wrap.
        cval: The value outside for "constant"; rounded and clipped to 0…255 for uint8 images.
        nearest: Whether the nearest pixel is taken, rather than four of them mixed.

    Returns:
        (N, H, W, C), new, of the same type.
    """
    height, width = images.shape[1:3]
    x, y = (columns[:, axis, None, :] + rows[:, axis, :, None] for axis in (0, 1))
    outside = _outside(x, width) | _outside(y, height) if fill_mode == "constant" else None
    x, y = _fold(x, width, fill_mode), _fold(y, height, fill_mode)
    if nearest:
        warped = _Pixels(images).at((x + HALF) >> BITS, (y + HALF) >> BITS)
    else:
        warped = _mix_bytes(images, x, y) if images.dtype == torch.uint8 else _mix_floats(images, x, y)
    if outside is None:
        return warped
    fill = min(max(round(cval), 0), 255) if images.dtype == torch.uint8 else cval
    return warped.masked_fill(outside[..., None], fill)


def _outside(coordinates: Tensor, side: int) -> Tensor:
    return (coordinates < 0) | (coordinates > (side - 1) * ONE)


def _fold(coordinates: Tensor, side: int, fill_mode: str) -> Tensor:
    """Coordinates (…) folded into the image, as by `fittool.augmentation.coordinates.fold`."""
    period = side * ONE
    if fill_mode == "wrap":
        return coordinates.remainder(period)
    if fill_mode == "reflect":
        turned = (coordinates + HALF).remainder(2 * period)
        coordinates = torch.minimum(turned, 2 * period - turned) - HALF
    return coordinates.clamp(0, period - ONE)


class _Pixels:
    """Reads pixels of images (N, H, W, C); behind the last column and row come the first ones again."""

    def __init__(self, images: Tensor) -> None:
        self._count, self._height, self._width, self._channels = images.shape
        self._flat = images.reshape(-1, self._channels)
        area = self._height * self._width
        self._firsts = torch.arange(0, self._count * area, area, device=images.device)[:, None, None]

    def at(self, column: Tensor, row: Tensor) -> Tensor:
        """(N, H, W, C): the pixels at columns and rows, (N, H, W) each, of the same image."""
        column, row = column.remainder(self._width), row.remainder(self._height)
        index = (self._firsts + row * self._width + column).reshape(-1)
        return self._flat.index_select(0, index).view(*column.shape, self._channels)

    def around(self, column: Tensor, row: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The pixel, its right, lower and lower right neighbour, (N, H, W, C) each."""
        return self.at(column, row), self.at(column + 1, row), self.at(column, row + 1), self.at(column + 1, row + 1)


def _mix_bytes(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Four uint8 pixels mixed with weights of 8 bits down and of 16 bits across, rounded once."""
    y = y + (1 << (BITS - 9))  # so that cutting y to 8 fraction bits rounds it
    here, right, below, diagonal = (part.to(torch.int32) for part in _Pixels(images).around(x >> BITS, y >> BITS))
    down, across = ((y >> (BITS - 8)) & 0xFF)[..., None].to(torch.int32), (x & _FRACTION)[..., None].to(torch.int64)
    left = here * (256 - down) + below * down
    beside = right * (256 - down) + diagonal * down
    return ((left * (ONE - across) + beside * across + (1 << 23)) >> 24).to(torch.uint8)


def _mix_floats(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Four float32 pixels mixed with weights of 16 bits."""
    here, right, below, diagonal = _Pixels(images).around(x >> BITS, y >> BITS)
    across, down = (((part & _FRACTION).to(torch.float32) * (1 / ONE))[..., None] for part in (x, y))
    above = here + (right - here) * across
    below = below + (diagonal - below) * across
    return above + (below - above) * down
