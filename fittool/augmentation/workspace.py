"""Buffers of the batch warp, made once per thread and used again for every batch.

Fresh memory for each step would cost more than the arithmetic; loader threads warp at the same time, so each has its own.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_TILES_KEPT = 4


@dataclass(frozen=True)
class Tile:
    """Buffers for one tile: `rows` rows of `count` images of `width` pixels, so `pixels = count * rows * width`.

    Attributes:
        x, y: (count, rows, width) int32, fixed-point source coordinates, later the weights of the right and lower pixel.
        left, upper: (pixels,) uint32, weights of the left and upper pixel.
        scratch: (count, rows, width) int32, anything short-lived.
        index: (pixels,) int64, where each output pixel's upper left source pixel lies.
        outside: (count, rows, width) bool, pixels whose source lies outside of the image.
        mixed, other: (pixels,) uint32, the arithmetic of one channel.
    """

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    left: NDArray[np.uint32]
    upper: NDArray[np.uint32]
    scratch: NDArray[np.int32]
    index: NDArray[np.int64]
    outside: NDArray[np.bool_]
    mixed: NDArray[np.uint32]
    other: NDArray[np.uint32]

    @classmethod
    def of_shape(cls, shape: tuple[int, int, int]) -> Tile:
        """New buffers for a tile of (count, rows, width) pixels."""
        pixels = shape[0] * shape[1] * shape[2]
        x, y, scratch = (np.empty(shape, np.int32) for _ in range(3))
        left, upper, mixed, other = (np.empty(pixels, np.uint32) for _ in range(4))
        index, outside = np.empty(pixels, np.int64), np.empty(shape, np.bool_)
        return cls(x, y, left, upper, scratch, index, outside, mixed, other)


class Workspace(threading.local):
    """The buffers of one thread."""

    def __init__(self) -> None:
        self._tiles: dict[tuple[int, int, int], Tile] = {}
        self._arrays: dict[str, NDArray[Any]] = {}

    def tile(self, count: int, rows: int, width: int) -> Tile:
        """The buffers for a tile of this shape; their contents are left over from the last use."""
        shape = (count, rows, width)
        if shape not in self._tiles:
            if len(self._tiles) >= _TILES_KEPT:
                self._tiles.clear()
            self._tiles[shape] = Tile.of_shape(shape)
        return self._tiles[shape]

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """A buffer called `name`, kept as long as it is asked for with the same shape and dtype."""
        kept = self._arrays.get(name)
        if kept is None or kept.shape != shape or kept.dtype != dtype:
            kept = self._arrays[name] = np.empty(shape, dtype)
        return kept
