"""Draw rectangles: what random crops cut out and random erasing covers. Each operation has random numbers of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittool.augmentation.crops import RandomCrop, RandomErasing, RandomResizedCrop
from fittool.rng import uniforms

Floats = NDArray[np.float64]
_TRIES = 10


def draw_crops(
    crop: RandomCrop | None,
    resized: RandomResizedCrop | None,
    shape: tuple[int, int, int],
    seed: int,
    pass_number: int,
    positions: ArrayLike,
    probabilities: tuple[float, float] = (1.0, 1.0),
) -> Floats:
    """The part cut out of each image, (N, 4): its middle's (x, y) from the image's middle, its share of width and height.

    Without some images where a probability (of the crop, of the resized crop) is below 1.
    """
    height, width = shape[:2]
    result = np.tile([0.0, 0.0, 1.0, 1.0], (np.size(positions), 1))
    if resized is not None:
        numbers = uniforms(seed, "augmentation random_resized_crop", pass_number, positions=positions, draws=2 * _TRIES + 2)
        shares, _ = _shares(numbers[:, :-2], resized.scale, resized.ratio, height, width)
        free = (1 - shares) * (width - 1, height - 1)  # no pixel comes from outside of the image
        middles = (numbers[:, -2:] - 0.5) * free
        chosen = happens("random_resized_crop", probabilities[1], seed, pass_number, positions)
        result[chosen] = np.concatenate([middles, shares], axis=1)[chosen]
    if crop is not None:
        numbers = uniforms(seed, "augmentation random_crop", pass_number, positions=positions, draws=2)
        moves = np.floor(numbers * (2 * crop.padding + 1)) - crop.padding
        result[:, :2] += moves * happens("random_crop", probabilities[0], seed, pass_number, positions)[:, None]
    return result


def happens(operation: str, probability: float, seed: int, pass_number: int, positions: ArrayLike) -> NDArray[np.bool_]:
    """(N,) whether an operation is done to each image; all of them at probability 1."""
    return uniforms(seed, f"augmentation probability of {operation}", pass_number, positions=positions)[:, 0] < probability


def draw_erased(
    erasing: RandomErasing, shape: tuple[int, int, int], seed: int, pass_number: int, positions: ArrayLike
) -> NDArray[np.int64]:
    """The rectangle that is covered in each image, (N, 4) pixels: left, top, width and height; width 0 covers nothing."""
    height, width = shape[:2]
    numbers = uniforms(seed, "augmentation random_erasing", pass_number, positions=positions, draws=2 * _TRIES + 3)
    shares, fits = _shares(numbers[:, :-3], erasing.scale, erasing.ratio, height, width)
    sides = np.rint(shares * (width, height)).astype(np.int64)
    corners = np.floor(numbers[:, -3:-1] * ((width, height) - sides + 1)).astype(np.int64)
    covers = fits & (numbers[:, -1] < erasing.probability)
    return np.where(covers[:, None], np.concatenate([corners, sides], axis=1), 0)


def _shares(
    numbers: Floats, scale: tuple[float, float], ratio: tuple[float, float], height: int, width: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Shares of width and height, (N, 2), of the first of ten rectangles that fits into the image, and whether one does.

    The area is uniform, the ratio log-uniform (torchvision's `RandomResizedCrop.get_params`); where none of them fits, the
    last one is cut to the image.
    """
    areas = scale[0] + numbers[:, :_TRIES] * (scale[1] - scale[0])
    low, high = np.log(ratio)
    ratios = np.exp(low + numbers[:, _TRIES:] * (high - low)) * (height / width)
    shares = np.stack([np.sqrt(areas * ratios), np.sqrt(areas / ratios)], axis=-1)
    fits = np.all(shares <= 1, axis=-1)
    possible: NDArray[np.bool_] = np.logical_or.reduce(fits, axis=1)
    chosen = np.where(possible, fits.argmax(axis=1), _TRIES - 1)
    return np.minimum(shares[np.arange(len(shares)), chosen], 1), possible
