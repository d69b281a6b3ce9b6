"""Random changes of a batch of images: draw their parameters, then apply them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittool.augmentation.colour import recolour
from fittool.augmentation.draw import Parameters, draw
from fittool.augmentation.rand_augment import rand_augment
from fittool.augmentation.settings import Augmentation
from fittool.augmentation.warp import matrices, warp
from fittool.errors import DataError

if TYPE_CHECKING:
    from fittool.kernels.library import Choice


def augment(
    augmentation: Augmentation,
    images: NDArray[Any],
    seed: int,
    pass_number: int,
    positions: ArrayLike,
    samples: ArrayLike | None = None,
    kernels: Choice = "auto",
) -> NDArray[Any]:
    """Draw and apply: the images as they are seen at some positions of a pass.

    Args:
        augmentation: What may happen, and how much.
        images: (N, H, W, C) uint8 or float32; other numbers become float32.
        seed: The run's seed.
        pass_number: Which walk over all samples it is.
        positions: (N,) positions in that pass.
        samples: (N,) indices of the samples, by which flips alternate; without them, the positions.
        kernels: Whether kernels or NumPy change the pixels; the bytes are the same.

    Returns:
        (N, H, W, C), new; float32 if `rescale` is set, else of the type of `images`. Image i depends on images[i] and
        positions[i] (and samples[i]) alone, to the bit.

    Raises:
        DataError: `images` has no four axes, or not one position per image.
    """
    if images.ndim != 4:
        raise DataError(f"Augmentation needs images of shape (N, H, W, C), got an array of shape {images.shape}.")
    if np.shape(positions) != (len(images),):
        raise DataError(f"Augmentation needs one position for each of {len(images)} images, got shape {np.shape(positions)}.")
    height, width, channels = images.shape[1:]
    parameters = draw(augmentation, (height, width, channels), seed, pass_number, positions, samples)
    return apply(augmentation, images, parameters, kernels)


def apply(augmentation: Augmentation, images: NDArray[Any], parameters: Parameters, kernels: Choice = "auto") -> NDArray[Any]:
    """Change each image as its parameters say: the warp, the colours, RandAugment, erasing, then `rescale`.

    Args:
        augmentation: How to fill and interpolate, and the factor to rescale by.
        images: (N, H, W, C) uint8 or float32; other numbers become float32.
        parameters: Of N images.
        kernels: Whether kernels or NumPy do it.

    Returns:
        (N, H, W, C), new; float32 if `rescale` is set, else of the type of `images`.
    """
    if images.dtype not in (np.uint8, np.float32):
        images = images.astype(np.float32)
    if augmentation.warps:
        result = warp(
            images,
            matrices(parameters, *images.shape[1:3]),
            fill_mode=augmentation.fill_mode,
            cval=augmentation.cval,
            interpolation_order=augmentation.interpolation_order,
            kernels=kernels,
        )
    else:
        result = images.copy()
    recolour(result, parameters, kernels)
    rand, erasing = augmentation.rand_augment, augmentation.random_erasing
    if rand is not None and parameters.rand_augment is not None:
        settings = rand.magnitude, augmentation.fill_mode, augmentation.cval
        rand_augment(result, parameters.rand_augment, *settings, kernels)
    if erasing is not None and parameters.erased is not None:
        erase(result, parameters, erasing.value)
    return result if augmentation.rescale is None else np.multiply(result, np.float32(augmentation.rescale), dtype=np.float32)


def erase(images: NDArray[Any], parameters: Parameters, value: float | tuple[float, ...] | str) -> None:
    """Cover rectangles, in place (random erasing, Zhong et al. 2017).

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
