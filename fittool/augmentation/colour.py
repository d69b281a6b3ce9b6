"""Change pixel values: channel shift, brightness, inversion, rescaling, contrast, saturation, hue and blur.

The last four have the formulas of Pillow and torchvision, and are computed in float32. Only uint8 images have a range known for
sure, 0…255, and are clipped to it and rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.draw import Parameters
from fittool.augmentation.native import look_up
from fittool.errors import DataError

if TYPE_CHECKING:
    from fittool.kernels.library import Choice

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_CIRCLE = np.array([5, 3, 1], np.float32)
Floats = NDArray[np.float32]


def tone(images: NDArray[Any], parameters: Parameters) -> None:
    """Change contrast, saturation and hue of each image, in that order, then blur it; in place.

    Args:
        images: (N, H, W, C) uint8 or float32.
        parameters: Of N images.

    Raises:
        DataError: Saturation or hue of images that have not 3 channels.
    """
    if (parameters.saturation is not None or parameters.hue is not None) and images.shape[-1] != 3:
        raise DataError(
            f"saturation_range and hue_range need images of 3 channels, got {images.shape[-1]}. Leave them out, or load the "
            "images in colour."
        )
    for index, image in enumerate(images):
        values = image.astype(np.float32)
        if parameters.contrast is not None and parameters.contrast[index] != 1:
            values = blend(values, grey(values).mean(dtype=np.float64), parameters.contrast[index])
        if parameters.saturation is not None and parameters.saturation[index] != 1:
            values = blend(values, grey(values), parameters.saturation[index])
        if parameters.hue is not None and parameters.hue[index]:
            values = _turn(values, parameters.hue[index])
        if parameters.blur is not None and parameters.blur[index]:
            values = _blur(values, parameters.blur[index])
        store(values, image)


def store(values: Floats, image: NDArray[Any]) -> None:
    """Write values (H, W, C) to an image (H, W, C); clipped and rounded where it is uint8."""
    if image.dtype == np.uint8:
        values = np.rint(np.clip(values, 0, 255))
    np.copyto(image, values, casting="unsafe")


def grey(values: Floats) -> Floats:
    """(H, W, 1) brightness of each pixel, by ITU-R 601-2 as in Pillow; the mean where there are not 3 channels."""
    weighted = values * _LUMA * 3 if values.shape[-1] == 3 else values
    return np.asarray(weighted.mean(axis=-1, keepdims=True), np.float32)


def blend(values: Floats, base: Any, factor: float) -> Floats:
    """`base + factor * (values - base)` for values (H, W, C), Pillow's `ImageEnhance`; base is (H, W, 1 or C) or a number."""
    below = np.asarray(base, np.float32)
    return below + np.float32(factor) * (values - below)


def _turn(values: Floats, degrees: float) -> Floats:
    """Turn the hue of (H, W, 3), keeping value and chroma, of HSV (Smith 1978): so any range of values will do."""
    high, low = values.max(axis=-1, keepdims=True), values.min(axis=-1, keepdims=True)
    chroma = high - low
    red, green, blue = np.moveaxis((high - values) / np.where(chroma > 0, chroma, 1), -1, 0)
    strongest = values.argmax(axis=-1)
    sixths = np.where(strongest == 0, blue - green, np.where(strongest == 1, 2 + red - blue, 4 + green - red))
    place = (sixths[..., None] + np.float32(degrees / 60) + _CIRCLE) % 6
    return np.asarray(high - chroma * np.clip(np.minimum(place, 4 - place), 0, 1), np.float32)


def _blur(values: Floats, sigma: float) -> Floats:
    """Convolve rows and columns with a Gaussian cut at 4 sigma, mirrored at the borders (scipy's `gaussian_filter`)."""
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (0, 1):
        side, margin = values.shape[axis], [(0, 0)] * 3
        margin[axis] = (radius, radius)
        padded = np.moveaxis(np.pad(values, margin, mode="symmetric"), axis, 0)
        mixed = sum((weight * padded[at : at + side] for at, weight in enumerate(weights[1:], 1)), weights[0] * padded[:side])
        values = np.moveaxis(np.asarray(mixed, np.float32), 0, axis)
    return values


_BLOCK_VALUES = 1 << 17
_BYTES = np.arange(256)


def recolour(images: NDArray[Any], parameters: Parameters, kernels: Choice = "auto") -> None:
    """Change the values of each image, in place: channel shift, brightness, the tones (contrast to blur), inversion.

    A channel shift adds one number to all channels and stays between the image's own lowest and highest value.
    Brightness multiplies; only uint8 images have a range known for sure, 0…255, and are clipped to it. Inversion takes
    values from 255 for uint8; a float image is turned over within its own range, lowest to highest.

    Args:
        images: (N, H, W, C) uint8 or float32.
        parameters: Of N images.
        kernels: Whether kernels or NumPy look up what bytes become.
    """
    step = max(1, _BLOCK_VALUES // max(1, images[:1].size))
    shades = bool(parameters.channel_shift.any() or (parameters.brightness != 1).any())
    for first in range(0, len(images), step) if shades else ():
        block = slice(first, first + step)
        _shade(images[block], parameters.channel_shift[block], parameters.brightness[block], kernels)
    if any(drawn is not None for drawn in (parameters.contrast, parameters.saturation, parameters.hue, parameters.blur)):
        tone(images, parameters)
    for first in range(0, len(images), step) if parameters.inversion.any() else ():
        block = slice(first, first + step)
        chosen = np.flatnonzero(parameters.inversion[block])
        if len(chosen):
            images[first + chosen] = _invert(images[first + chosen])


def _shade(images: NDArray[Any], channel_shift: NDArray[np.float64], brightness: NDArray[np.float64], kernels: Choice) -> None:
    """Channel shift and brightness of one block, in place, rounded once; of bytes, it is found for 256 values and looked up."""
    limits = _range_of(images) if channel_shift.any() else None
    if images.dtype != np.uint8:
        _shift_and_scale(images, channel_shift, brightness, limits)
        return
    tables = np.broadcast_to(_BYTES, (len(images), 1, 1, 256)).astype(np.float32)
    _shift_and_scale(tables, channel_shift, brightness, limits)
    look_up(images, np.rint(np.clip(tables, 0, 255)).astype(np.uint8).reshape(-1, 256), kernels)


def _shift_and_scale(
    values: Floats,
    channel_shift: NDArray[np.float64],
    brightness: NDArray[np.float64],
    limits: tuple[NDArray[Any], NDArray[Any]] | None,
) -> None:
    """Add to the values of each image (N, …), within limits of its own, then multiply; in place."""
    if limits is not None:
        values += _by_image(channel_shift)
        np.clip(values, *limits, out=values)
    values *= _by_image(brightness)


def _invert(images: NDArray[Any]) -> NDArray[Any]:
    low, high = (0, 255) if images.dtype == np.uint8 else _range_of(images)
    return np.asarray(low + high - images)


def _range_of(images: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The lowest and the highest value of each image, (N, 1, 1, 1)."""
    return images.min(axis=(1, 2, 3), keepdims=True), images.max(axis=(1, 2, 3), keepdims=True)


def _by_image(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    return numbers.astype(np.float32).reshape(-1, 1, 1, 1)
