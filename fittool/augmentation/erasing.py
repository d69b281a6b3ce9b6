"""Random erasing: cover a rectangle of each image with a value or with noise (Zhong et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.draw import Parameters
from fittool.errors import DataError


def erase(images: NDArray[Any], parameters: Parameters, value: float | tuple[float, ...] | str) -> None:
    """Cover rectangles, in place.

    Args:
        images: (N, H, W, C) uint8 or float32.
        parameters: Of N images, with `erased` and `noise`.
        value: A number, one for each channel, or "random": uniform in 0…255, or in a float image's own range.

    Raises:
        DataError: The values are not one for each channel.
    """
    assert parameters.erased is not None
    assert parameters.noise is not None
    if isinstance(value, tuple) and len(value) != images.shape[-1]:
        raise DataError(
            f"random_erasing.value has {len(value)} numbers, and images have {images.shape[-1]} channels. Give one each."
        )
    for image, (left, top, width, height), key in zip(images, parameters.erased, parameters.noise, strict=True):
        place = image[top : top + height, left : left + width]
        if not place.size:
            continue
        if isinstance(value, str):
            place[:] = _noise(image, place.shape, int(key))
        else:
            cover = np.asarray(value, np.float64)
            place[:] = np.rint(np.clip(cover, 0, 255)) if image.dtype == np.uint8 else cover


def _noise(image: NDArray[Any], shape: tuple[int, ...], key: int) -> NDArray[Any]:
    generator = np.random.Generator(np.random.Philox(key=key))
    if image.dtype == np.uint8:
        return generator.integers(0, 256, shape, np.uint8)
    return generator.uniform(image.min(), image.max(), shape)
