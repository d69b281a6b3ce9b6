"""Keras's ImageDataGenerator.standardize, its statistics included, against fittool's, number for number."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from fittool.augmentation.standardize import fit, standardize
from fittool.nn.layers import Standardization

IMAGES = np.random.default_rng(5).normal(100, 40, (80, 5, 4, 2)).astype(np.float32)


@pytest.mark.parametrize(
    "steps",
    [
        {"rescale": 1 / 255},
        {"samplewise_center": True},
        {"samplewise_std_normalization": True},
        {"rescale": 1 / 255, "samplewise_center": True, "samplewise_std_normalization": True},
        {"featurewise_center": True},
        {"featurewise_std_normalization": True},
        {"zca_whitening": True},
        {"zca_whitening": True, "zca_epsilon": 0.1},
        {"zca_whitening": True, "featurewise_std_normalization": True},
    ],
    ids=str,
)
def test_standardize_is_keras(steps: dict[str, object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says which other steps it takes as well
        keras = ImageDataGenerator(**steps)
        keras.fit(IMAGES)
        expected = np.stack([keras.standardize(image.copy()) for image in IMAGES])
    layer = Standardization(**steps)
    ours = standardize(IMAGES, layer, fit(lambda: np.array_split(IMAGES, 9), layer))
    assert np.allclose(ours, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
