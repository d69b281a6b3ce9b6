from __future__ import annotations

import numpy as np
import pytest

from fittool.augmentation import standardize as module
from fittool.augmentation.standardize import Statistics, fit, standardize
from fittool.errors import DataError
from fittool.nn.layers import Standardization

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 4, 3, 2)).astype(np.uint8)
EVERYTHING = Standardization(rescale=1 / 255, samplewise_std_normalization=True, featurewise_std_normalization=True)


def in_batches(size: int = 7):
    return lambda: (IMAGES[start : start + size] for start in range(0, len(IMAGES), size))


def changed(**steps) -> np.ndarray:
    layer = Standardization(**steps)
    return standardize(IMAGES, layer, fit(in_batches(), layer))


def test_rescale_is_a_factor() -> None:
    assert np.array_equal(changed(rescale=0.5), IMAGES * np.float32(0.5))


def test_each_image_gets_mean_0_and_deviation_1() -> None:
    result = changed(samplewise_std_normalization=True)
    assert np.allclose(result.mean(axis=(1, 2, 3)), 0, atol=1e-6)
    assert np.allclose(result.std(axis=(1, 2, 3)), 1, atol=1e-6)


def test_each_channel_gets_mean_0_and_deviation_1() -> None:
    result = changed(featurewise_std_normalization=True)
    assert np.allclose(result.mean(axis=(0, 1, 2)), 0, atol=1e-6)
    assert np.allclose(result.std(axis=(0, 1, 2)), 1, atol=1e-6)


def test_statistics_are_of_what_the_step_gets() -> None:
    assert np.allclose(changed(rescale=1 / 255, featurewise_center=True).mean(axis=(0, 1, 2)), 0, atol=1e-6)


def test_whitened_values_are_uncorrelated() -> None:
    layer = Standardization(zca_whitening=True)
    images = IMAGES - IMAGES.mean(axis=0)
    flat = standardize(images, layer, fit(lambda: [images], layer)).reshape(60, -1)
    assert np.allclose(flat.T @ flat / 60, np.eye(24), atol=1e-4)


def test_directions_without_data_stay_empty() -> None:
    layer, few = Standardization(zca_whitening=True), IMAGES[:5]
    matrix = fit(lambda: [few], layer).zca
    assert np.linalg.matrix_rank(matrix) <= 5
    assert np.abs(matrix).max() < 1


@pytest.mark.parametrize("size", [1, 13, 60])
def test_statistics_do_not_depend_on_the_batches(size: int) -> None:
    one, other = fit(in_batches(size), EVERYTHING), fit(in_batches(7), EVERYTHING)
    assert np.allclose(one.mean, other.mean, atol=1e-7)
    assert np.allclose(one.std, other.std, rtol=1e-6)


def test_images_are_not_touched() -> None:
    images = IMAGES.astype(np.float32)
    standardize(images, EVERYTHING, fit(in_batches(), EVERYTHING))
    assert np.array_equal(images, IMAGES)


def test_no_statistics_where_none_are_needed() -> None:
    assert fit(in_batches(), Standardization(rescale=2.0, samplewise_center=True)) == Statistics()


def test_large_images_are_not_whitened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_WHITENED", 23)
    with pytest.raises(DataError, match=r"24 × 24 numbers .* goes up to 23 values"):
        changed(zca_whitening=True)


def test_no_images_have_no_statistics() -> None:
    with pytest.raises(DataError, match="at least one sample"):
        fit(lambda: [], EVERYTHING)
