"""One affine warp of a whole batch: what `augmentation.matrix` describes, done to the pixels.

Work is cut into tiles that fit the processor's caches; every pixel is computed the same way whatever its tile, thread
or neighbours in the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.coordinates import LARGEST_SIDE, Lines
from fittool.augmentation.sampling import ByteSampler, FloatSampler, NearestSampler, Sampler
from fittool.augmentation.workspace import WORKSPACE
from fittool.errors import DataError

_TILE_PIXELS = 5 << 15  # enough that threads seldom wait for the interpreter's lock, which every call on a tile needs


def warp(
    images: NDArray[Any],
    matrices: NDArray[np.float64],
    *,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> NDArray[Any]:
    """Warp each image by its matrix.

    Args:
        images: (N, H, W, C) uint8 or float32.
        matrices: (N, 2, 3), from the (x, y, 1) of an output pixel to the (x, y) of its source, in pixels.
        fill_mode: What lies outside of an image: nearest `aaaa|abcd|dddd`, constant `kkkk|abcd|kkkk` with k = `cval`,
            reflect `dcba|abcd|dcba`, wrap `abcd|abcd|abcd`. With "constant" a pixel is `cval` as soon as its source
            is not between pixels of the image.
        cval: The value outside for "constant"; rounded and clipped to 0…255 for uint8 images.
        interpolation_order: 0 takes the nearest source pixel, 1 interpolates between four.

    Returns:
        (N, H, W, C), new, of the same type; uint8 within 1 grey level of exact interpolation.

    Raises:
        DataError: A side of the images is too long for the fixed-point coordinates.
    """
    count, height, width, channels = images.shape
    if max(height, width) > LARGEST_SIDE:
        raise DataError(f"Images to be augmented may have at most {LARGEST_SIDE} pixels a side, got {height} x {width}.")
    out = np.empty_like(images, order="C")
    if out.size == 0:
        return out
    lines = Lines.of(matrices, height, width, fill_mode)
    sampler = _sampler(images.dtype, cval, nearest=interpolation_order == 0 or _moves_whole_pixels(matrices))
    pixels = out.reshape(count, height * width, channels)
    images_per_tile = max(1, _TILE_PIXELS // (height * width))
    rows_per_tile = min(height, max(1, _TILE_PIXELS // width))
    for first in range(0, count, images_per_tile):
        block = images[first : first + images_per_tile]
        sampler.prepare(block)
        for row in range(0, height, rows_per_tile):
            rows = min(rows_per_tile, height - row)
            tile = WORKSPACE.tile((len(block), rows, width), outside=fill_mode == "constant")
            lines.fill(tile, first, row)
            target = pixels[first : first + len(block), row * width : (row + rows) * width]
            sampler.sample(tile, target.reshape(-1, channels))
    return out


def _sampler(dtype: np.dtype[Any], cval: float, *, nearest: bool) -> Sampler:
    if nearest:
        return NearestSampler(cval)
    return ByteSampler(cval) if dtype == np.uint8 else FloatSampler(cval)


def _moves_whole_pixels(matrices: NDArray[np.float64]) -> bool:
    """Whether all matrices only flip and shift by whole pixels, so that interpolation would change nothing."""
    if matrices[:, 0, 1].any() or matrices[:, 1, 0].any():
        return False
    unscaled = (np.abs(matrices[:, 0, 0]) == 1) & (np.abs(matrices[:, 1, 1]) == 1)
    whole = (matrices[:, :, 2] == np.rint(matrices[:, :, 2])).all(axis=1)
    return bool((unscaled & whole).all())
