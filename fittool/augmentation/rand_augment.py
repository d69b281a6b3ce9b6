"""RandAugment (Cubuk et al. 2020): operations of one strength, with the ranges of torchvision's `RandAugment`.

It computes on uint8; float images are mapped from their own lowest and highest value to 0…255 and back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.colour import blend, grey
from fittool.augmentation.draw import RAND_OPERATIONS
from fittool.augmentation.warp import warp

if TYPE_CHECKING:
    from fittool.kernels.library import Choice

_STRONGEST = 30
Bytes = NDArray[np.uint8]


def rand_augment(
    images: NDArray[Any], codes: NDArray[np.int64], magnitude: int, fill_mode: str, cval: float, kernels: Choice = "auto"
) -> None:
    """Apply operations one after another, in place.

    Args:
        images: (N, H, W, C) uint8 or float32.
        codes: (N, K) numbers of operations from 1; negative for a negative strength, 0 for none.
        magnitude: 0…30.
        fill_mode: What lies outside of moved images.
        cval: The value outside for "constant".
        kernels: Whether kernels or NumPy move pixels.
    """
    for image, numbers in zip(images, codes, strict=True):
        wanted = [(RAND_OPERATIONS[abs(code) - 1], -1 if code < 0 else 1) for code in numbers if abs(code) > 1]
        if not wanted:
            continue
        low, high = (0.0, 255.0) if image.dtype == np.uint8 else (float(image.min()), float(image.max()))
        step = (high - low) / 255 or 1.0
        values: Bytes = image if image.dtype == np.uint8 else np.rint((image - low) / step).astype(np.uint8)
        outside = (cval - low) / step
        for name, sign in wanted:
            values = operate(values, name, sign * magnitude / _STRONGEST, fill_mode, outside, kernels)
        np.copyto(image, values if image.dtype == np.uint8 else values * step + low, casting="unsafe")


def operate(image: Bytes, name: str, strength: float, fill_mode: str, cval: float, kernels: Choice = "auto") -> Bytes:
    """One operation on an image (H, W, C), with a strength in [-1, 1] whose sign only some of them use."""
    if name in ("shear_x", "shear_y", "translate_x", "translate_y", "rotate"):
        matrix = _matrix(name, strength, *image.shape[:2])
        moved = warp(image[None], matrix[None], fill_mode=fill_mode, cval=cval, kernels=kernels)[0]
        return np.asarray(moved, np.uint8)
    if name in ("brightness", "color", "contrast", "sharpness"):
        values = image.astype(np.float32)
        base = _base(values, name)
        return np.rint(np.clip(blend(values, base, 1 + 0.9 * strength), 0, 255)).astype(np.uint8)
    if name == "posterize":
        return image & np.uint8(256 - 2 ** round(4 * abs(strength)))
    if name == "solarize":
        return np.where(image < 255 * (1 - abs(strength)), image, 255 - image)
    table = _stretching if name == "autocontrast" else _equalizing
    channels = np.moveaxis(image, -1, 0)
    return np.stack([table(channel)[channel] for channel in channels], axis=-1)


def _base(values: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """The image that an image is blended with."""
    if name == "sharpness":
        return _smooth(values)
    if name == "brightness":
        return np.zeros((), np.float32)
    return grey(values) if name == "color" else np.asarray(grey(values).mean(), np.float32)


def _matrix(name: str, strength: float, height: int, width: int) -> NDArray[np.float64]:
    """(2, 3) about the middle: shears by up to 0.3, shifts by up to 150/331 of the side, turns by up to 30 degrees."""
    matrix, angle = np.eye(2), np.deg2rad(30 * strength)
    if name == "rotate":
        matrix[:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    elif name == "shear_x":
        matrix[0, 1] = 0.3 * strength
    elif name == "shear_y":
        matrix[1, 0] = 0.3 * strength
    centre = np.array([width - 1, height - 1]) / 2
    shift = centre - matrix @ centre
    if name.startswith("translate"):
        axis = 0 if name == "translate_x" else 1
        shift[axis] += round(strength * 150 / 331 * (width, height)[axis])
    return np.concatenate([matrix, shift[:, None]], axis=1)


def _smooth(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pillow's `ImageFilter.SMOOTH`: 5 for the pixel, 1 for each around, of 13; the border stays."""
    result, (height, width) = values.copy(), values.shape[:2]
    if min(height, width) > 2:
        around = sum(values[i : height - 2 + i, j : width - 2 + j] for i in range(3) for j in range(3))
        result[1:-1, 1:-1] = np.rint((around + 4 * values[1:-1, 1:-1]) / 13)
    return result


def _stretching(channel: Bytes) -> Bytes:
    """The table of Pillow's `ImageOps.autocontrast`: the lowest value becomes 0, the highest 255."""
    low, high = int(channel.min()), int(channel.max())
    if low == high:
        return np.arange(256).astype(np.uint8)
    scale = 255.0 / (high - low)
    return np.asarray(np.clip(np.arange(256) * scale - low * scale, 0, 255), np.uint8)


def _equalizing(channel: Bytes) -> Bytes:
    """The table of Pillow's `ImageOps.equalize`."""
    counts = np.bincount(channel.reshape(-1), minlength=256)
    present = counts[counts > 0]
    step = (int(present.sum()) - int(present[-1])) // 255
    if len(present) <= 1 or not step:
        return np.arange(256).astype(np.uint8)
    before = np.concatenate([[0], counts.cumsum()[:-1]])
    return np.asarray(np.minimum((step // 2 + before) // step, 255), np.uint8)
