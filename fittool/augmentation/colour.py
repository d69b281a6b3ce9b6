"""Change pixel values: channel shift, brightness, inversion and rescaling, for uint8 and float32 images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.draw import Parameters
from fittool.augmentation.tones import tone

_BLOCK_VALUES = 1 << 17


def recolour(images: NDArray[Any], parameters: Parameters) -> None:
    """Change the values of each image, in place: channel shift, brightness, the tones (contrast to blur), inversion.

    A channel shift adds one number to all channels and stays between the image's own lowest and highest value.
    Brightness multiplies; only uint8 images have a range known for sure, 0…255, and are clipped to it. Inversion takes
    values from 255 for uint8; a float image is turned over within its own range, lowest to highest.

    Args:
        images: (N, H, W, C) uint8 or float32.
        parameters: Of N images.
    """
    step = max(1, _BLOCK_VALUES // max(1, images[:1].size))
    shades = bool(parameters.channel_shift.any() or (parameters.brightness != 1).any())
    for first in range(0, len(images), step) if shades else ():
        block = slice(first, first + step)
        _shade(images[block], parameters.channel_shift[block], parameters.brightness[block])
    if any(drawn is not None for drawn in (parameters.contrast, parameters.saturation, parameters.hue, parameters.blur)):
        tone(images, parameters)
    for first in range(0, len(images), step) if parameters.inversion.any() else ():
        block = slice(first, first + step)
        chosen = np.flatnonzero(parameters.inversion[block])
        if len(chosen):
            images[first + chosen] = _inverted(images[first + chosen])


def _shade(images: NDArray[Any], channel_shift: NDArray[np.float64], brightness: NDArray[np.float64]) -> None:
    """Channel shift and brightness of one block, in place, rounded once."""
    values = images.astype(np.float32)
    if channel_shift.any():
        low, high = _range_of(values)
        values += _by_image(channel_shift)
        np.clip(values, low, high, out=values)
    values *= _by_image(brightness)
    if images.dtype == np.uint8:
        np.rint(np.clip(values, 0, 255, out=values), out=values)
    np.copyto(images, values, casting="unsafe")


def _inverted(images: NDArray[Any]) -> NDArray[Any]:
    low, high = (0, 255) if images.dtype == np.uint8 else _range_of(images)
    return np.asarray(low + high - images)


def _range_of(images: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The lowest and the highest value of each image, (N, 1, 1, 1)."""
    return images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)


def _by_image(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    return numbers.astype(np.float32).reshape(-1, 1, 1, 1)
