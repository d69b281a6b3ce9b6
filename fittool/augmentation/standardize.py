"""The fixed steps behind augmentation: rescaling, centring, division by the standard deviation, ZCA whitening.

None of them is random, so they hold for training, validation and prediction alike. The order is that of Keras's
`ImageDataGenerator.standardize`; statistics are those of images as they are when they reach their step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fittool.errors import DataError
from fittool.kernels import arithmetic

EPSILON = 1e-6
LARGEST_WHITENED = 12_288
"""Values in an image beyond which ZCA, whose matrix has their square, is refused."""

Floats = NDArray[np.float32]


class Steps(Protocol):
    """Which steps are taken; fields of the `augmentation:` section and of the `Standardization` layer."""

    @property
    def rescale(self) -> float | None:
        """A factor on all values."""

    @property
    def samplewise_center(self) -> bool:
        """True where each image's own mean is taken off."""

    @property
    def samplewise_std_normalization(self) -> bool:
        """True where each image is divided by its own standard deviation."""

    @property
    def featurewise_center(self) -> bool:
        """True where each channel's mean over the training data is taken off."""

    @property
    def featurewise_std_normalization(self) -> bool:
        """True where each channel is divided by its standard deviation over the training data."""

    @property
    def zca_whitening(self) -> bool:
        """True where values are made uncorrelated."""

    @property
    def zca_epsilon(self) -> float:
        """Added to singular values."""


@dataclass(frozen=True)
class Statistics:
    """The facts known of the training data.

    Attributes:
        mean: (C,) of each channel, or None where it is not needed.
        std: (C,) standard deviation of each channel, or None.
        zca: (H·W·C, H·W·C) whitening matrix, or None.
    """

    mean: Floats | None = None
    std: Floats | None = None
    zca: Floats | None = None


def standardizes(steps: Steps) -> bool:
    """True where any step is taken."""
    return steps.rescale not in (None, 1) or centres_samples(steps) or centres(steps)


def centres_samples(steps: Steps) -> bool:
    """Division by an image's standard deviation takes its mean off first, as in Keras."""
    return steps.samplewise_center or steps.samplewise_std_normalization


def centres(steps: Steps) -> bool:
    """Division by the standard deviation and whitening take the mean off first, as in Keras."""
    return steps.featurewise_center or steps.featurewise_std_normalization or steps.zca_whitening


def scales(steps: Steps) -> bool:
    """Whitening stands in place of the division by the standard deviation, as in Keras."""
    return steps.featurewise_std_normalization and not steps.zca_whitening


def standardize(images: NDArray[Any], steps: Steps, statistics: Statistics, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Take all steps: rescale, samplewise centre and ÷ (std + 1e-6), featurewise centre and ÷ (std + 1e-6), ZCA.

    Args:
        images: (N, H, W, C) of any number type.
        steps: Which are taken.
        statistics: Of the training data, from `fit`.
        dtype: Of the result; float64 is for checking gradients.

    Returns:
        (N, H, W, C) of `dtype`, new.
    """
    values = by_sample(images, steps, dtype)
    if centres(steps):
        assert statistics.mean is not None
        values -= statistics.mean
    if scales(steps):
        assert statistics.std is not None
        values /= statistics.std + values.dtype.type(EPSILON)
    if steps.zca_whitening:
        assert statistics.zca is not None
        values = arithmetic.matmul(values.reshape(len(values), -1), statistics.zca).reshape(values.shape)
    return values


def by_sample(images: NDArray[Any], steps: Steps, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """The steps that need no statistics: rescale, then each image's own mean off, then ÷ (its own std + 1e-6).

    Args:
        images: (N, H, W, C) of any number type.
        steps: Which are taken.
        dtype: Of the result.

    Returns:
        (N, H, W, C) of `dtype`, new.
    """
    values: NDArray[Any] = images.astype(dtype)
    if steps.rescale is not None:
        values *= values.dtype.type(steps.rescale)
    if centres_samples(steps):
        values -= arithmetic.mean(values, (1, 2, 3), keepdims=True, dtype=np.float64).astype(dtype)
    if steps.samplewise_std_normalization:
        values /= deviations(values) + values.dtype.type(EPSILON)
    return values


def deviations(centred: NDArray[Any]) -> NDArray[Any]:
    """The standard deviation of each image (N, H, W, C) whose mean is 0, as (N, 1, 1, 1)."""
    squares = arithmetic.mean(np.square(centred), (1, 2, 3), keepdims=True, dtype=np.float64)
    found: NDArray[Any] = np.sqrt(squares).astype(centred.dtype)
    return found


def fit(batches: Callable[[], Iterable[NDArray[Any]]], steps: Steps) -> Statistics:
    """The statistics that the steps need, in one walk over the data, or two for ZCA; never more than a batch in memory.

    Args:
        batches: Gives the images of all training data, (N, H, W, C) a batch, anew at each call.
        steps: Which are taken.

    Raises:
        DataError: There are no images, or they are too large to whiten.
    """
    if not centres(steps):
        return Statistics()
    mean, variance = moments(by_sample(batch, steps) for batch in batches())
    statistics = Statistics(mean.astype(np.float32), np.sqrt(variance).astype(np.float32) if scales(steps) else None)
    if not steps.zca_whitening:
        return statistics
    return Statistics(statistics.mean, None, _whitening(batches(), steps, mean))


def moments(arrays: Iterable[NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each place on the last axis, over arrays (N, …, C) of any number, merged as by Chan et al. 1979.

    Returns:
        (C,) mean and (C,) biased variance.

    Raises:
        DataError: There are no arrays.
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for array in arrays:
        rows = array.reshape(-1, array.shape[-1]).astype(np.float64)
        here, more = rows.mean(axis=0), len(rows)
        step = here - mean
        mean = mean + step * (more / (count + more))
        squares = squares + np.square(rows - here).sum(axis=0) + np.square(step) * (count * more / (count + more))
        count += more
    if not count:
        raise DataError("Mean and variance need at least one sample to be taken from, got none.")
    return mean, squares / count


def _whitening(batches: Iterable[NDArray[Any]], steps: Steps, mean: NDArray[np.float64]) -> Floats:
    """`U · diag(√N / (s + zca_epsilon)) · Uᵀ` of the centred images' singular values s (Krizhevsky 2009, as in Keras).

    Directions that the data do not have get 0 rather than the enormous factor that rounding errors would give them.
    """
    count, products = 0, np.zeros((0, 0))
    for batch in batches:
        values = int(np.prod(batch.shape[1:]))
        if values > LARGEST_WHITENED:
            raise DataError(
                f"zca_whitening needs a matrix of {values:,} × {values:,} numbers for images of shape {batch.shape[1:]}, and "
                f"goes up to {LARGEST_WHITENED:,} values in an image. Use smaller images, or featurewise_std_normalization."
            )
        rows = (by_sample(batch, steps) - mean).reshape(len(batch), values)
        products = rows.T @ rows + (products if count else 0)
        count += len(batch)
    squares, directions = np.linalg.eigh(products)
    there = squares > squares[-1] * len(squares) * np.finfo(np.float64).eps
    factors = np.sqrt(count) / (np.sqrt(squares[there]) + steps.zca_epsilon)
    matrix: Floats = ((directions[:, there] * factors) @ directions[:, there].T).astype(np.float32)
    return matrix
