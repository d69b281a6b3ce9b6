"""One affine warp of a whole batch: what its matrices describe, done to the pixels.

A matrix leads from output to source coordinates: rotation, shift, shear, zoom and flips in one.

A kernel does it where there is one. With NumPy, work is cut into tiles that fit the processor's caches. Every pixel is computed
the same way whatever its tile, thread or neighbours in the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.coordinates import LARGEST_SIDE, Lines
from fittool.augmentation.draw import Parameters
from fittool.augmentation.native import open_kernels, warp_natively
from fittool.augmentation.sampling import ByteSampler, FloatSampler, NearestSampler, Sampler
from fittool.augmentation.workspace import WORKSPACE
from fittool.errors import DataError

if TYPE_CHECKING:
    from fittool.kernels.library import Choice


def matrices(parameters: Parameters, height: int, width: int) -> NDArray[np.float64]:
    """The matrix of each image.

    In (x, y), with x along the columns and y down the rows, both from the true centre ((width - 1) / 2,
    (height - 1) / 2), an output pixel comes from `R · T · S · Z · F` times its place: R turns by theta, T adds (tx, ty),
    S = [[1, -sin shear], [0, cos shear]], Z = diag(zx, zy), and F flips the finished picture. Last, the
    place is scaled and moved into what the image's crop cuts out. A zoom below 1 enlarges,
    a positive tx moves the picture to the left, a positive theta turns it counter-clockwise.

    Args:
        parameters: Of N images, angles in degrees, shifts in pixels.
        height: Of the images, in pixels.
        width: Of the images, in pixels.

    Returns:
        (N, 2, 3): from (x, y, 1) of an output pixel to (x, y) of its source, counted from the upper left pixel.
    """
    theta, sheared = np.deg2rad(parameters.theta), np.deg2rad(parameters.theta + parameters.shear)
    cosine, sine = np.cos(theta), np.sin(theta)
    x_scale = np.where(parameters.flip_horizontal, -parameters.zx, parameters.zx)
    y_scale = np.where(parameters.flip_vertical, -parameters.zy, parameters.zy)
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    result = np.empty((len(theta), 2, 3))
    result[:, 0, 0], result[:, 0, 1] = cosine * x_scale, -np.sin(sheared) * y_scale
    result[:, 1, 0], result[:, 1, 1] = sine * x_scale, np.cos(sheared) * y_scale
    shift_x = cosine * parameters.tx - sine * parameters.ty
    shift_y = sine * parameters.tx + cosine * parameters.ty
    result[:, 0, 2] = centre_x + shift_x - result[:, 0, 0] * centre_x - result[:, 0, 1] * centre_y
    result[:, 1, 2] = centre_y + shift_y - result[:, 1, 0] * centre_x - result[:, 1, 1] * centre_y
    if parameters.crop is not None:
        result *= parameters.crop[:, 2:, None]
        result[:, :, 2] += (centre_x, centre_y) * (1 - parameters.crop[:, 2:]) + parameters.crop[:, :2]
    return result


_TILE_PIXELS = 5 << 15  # enough that threads seldom wait for the interpreter's lock, which every call on a tile needs


def warp(
    images: NDArray[Any],
    matrices: NDArray[np.float64],
    *,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
    kernels: Choice = "auto",
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
        kernels: Whether kernels or NumPy do it; the bytes are the same.

    Returns:
        (N, H, W, C), new, of the same type; uint8 within 1 grey level of exact interpolation.

    Raises:
        DataError: A side of the images is too long for the fixed-point coordinates.
    """
    height, width = images.shape[1:3]
    if max(height, width) > LARGEST_SIDE:
        raise DataError(f"Images to be augmented may have at most {LARGEST_SIDE} pixels a side, got {height} x {width}.")
    if images.size == 0:
        return np.empty_like(images, order="C")
    lines = Lines.of(matrices, height, width, fill_mode)
    fill = float(np.clip(np.rint(cval), 0, 255)) if images.dtype == np.uint8 else cval
    nearest = interpolation_order == 0 or moves_whole_pixels(matrices)
    library = open_kernels(kernels)
    made = None if library is None else warp_natively(library, images, lines, fill, nearest=nearest)
    return _warp_by_tiles(images, lines, fill, nearest=nearest) if made is None else made


def _warp_by_tiles(images: NDArray[Any], lines: Lines, fill: float, *, nearest: bool) -> NDArray[Any]:
    """The warp with NumPy."""
    count, height, width, channels = images.shape
    sampler = _sampler(images.dtype, fill, nearest=nearest)
    out = np.empty_like(images, order="C")
    pixels = out.reshape(count, height * width, channels)
    images_per_tile = max(1, _TILE_PIXELS // (height * width))
    rows_per_tile = min(height, max(1, _TILE_PIXELS // width))
    for first in range(0, count, images_per_tile):
        block = images[first : first + images_per_tile]
        sampler.prepare(block)
        for row in range(0, height, rows_per_tile):
            rows = min(rows_per_tile, height - row)
            tile = WORKSPACE.tile((len(block), rows, width), outside=lines.fill_mode == "constant")
            lines.fill(tile, first, row)
            target = pixels[first : first + len(block), row * width : (row + rows) * width]
            sampler.sample(tile, target.reshape(-1, channels))
    return out


def _sampler(dtype: np.dtype[Any], fill: float, *, nearest: bool) -> Sampler:
    if nearest:
        return NearestSampler(fill)
    return ByteSampler(fill) if dtype == np.uint8 else FloatSampler(fill)


def moves_whole_pixels(matrices: NDArray[np.float64]) -> bool:
    """True where all matrices only flip and shift by whole pixels, so that interpolation would change nothing."""
    if matrices[:, 0, 1].any() or matrices[:, 1, 0].any():
        return False
    unscaled = (np.abs(matrices[:, 0, 0]) == 1) & (np.abs(matrices[:, 1, 1]) == 1)
    whole = (matrices[:, :, 2] == np.rint(matrices[:, :, 2])).all(axis=1)
    return bool((unscaled & whole).all())
