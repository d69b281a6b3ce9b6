"""Buffers of the batch warp, made once per thread and used again for every batch.

Fresh memory for each step would cost more than the arithmetic; loader threads warp at the same time, so each has its own.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_TILES_KEPT = 4


@dataclass(frozen=True)
class Tile:
    """Buffers for one tile: `rows` rows of `count` images of `width` pixels, in all `pixels = count * rows * width`.

    Attributes:
        x, y: (count, rows, width) int32, fixed-point source coordinates.
        cell: (count, rows, width) int32, where a source pixel lies in its image; before that, scratch.
        index: (pixels,) int64, where a source pixel lies in its block of images.
        left, upper: (pixels,) uint32, weights of the left and upper source pixel.
        mixed, other: (pixels,) uint32, the values of one channel.
        outside: (count, rows, width) bool, pixels that come from outside of the image; None if the fill mode has none.
    """

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    cell: NDArray[np.int32]
    index: NDArray[np.int64]
    left: NDArray[np.uint32]
    upper: NDArray[np.uint32]
    mixed: NDArray[np.uint32]
    other: NDArray[np.uint32]
    outside: NDArray[np.bool_] | None

    @classmethod
    def of_shape(cls, shape: tuple[int, int, int], *, outside: bool) -> Tile:
        """New buffers for a tile of (count, rows, width) pixels."""
        pixels = shape[0] * shape[1] * shape[2]
        x, y, cell = (np.empty(shape, np.int32) for _ in range(3))
        left, upper, mixed, other = (np.empty(pixels, np.uint32) for _ in range(4))
        index, mask = np.empty(pixels, np.int64), np.empty(shape, np.bool_) if outside else None
        return cls(x, y, cell, index, left, upper, mixed, other, mask)


class Workspace(threading.local):
    """The buffers of one thread; their contents are whatever the last use left there."""

    def __init__(self) -> None:
        self._tiles: dict[tuple[tuple[int, int, int], bool], Tile] = {}
        self._arrays: dict[str, NDArray[Any]] = {}

    def tile(self, shape: tuple[int, int, int], *, outside: bool) -> Tile:
        """The buffers for a tile of (count, rows, width) pixels; those of the last few shapes are kept."""
        key = (shape, outside)
        if key not in self._tiles:
            if len(self._tiles) >= _TILES_KEPT:
                self._tiles.clear()
            self._tiles[key] = Tile.of_shape(shape, outside=outside)
        return self._tiles[key]

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """(*shape) of the buffer called `name`, which grows to the largest shape it is asked for."""
        size, kept = math.prod(shape), self._arrays.get(name)
        if kept is None or kept.size < size or kept.dtype != dtype:
            kept = self._arrays[name] = np.empty(size, dtype)
        return kept[:size].reshape(shape)


WORKSPACE = Workspace()
