"""Draw and apply together: what users of the package call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import apply, augment
from fittool.augmentation.draw import draw
from fittool.errors import DataError

CLASSIC: dict[str, Any] = {
    "rotation_range": 20,
    "zoom_range": 0.15,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 0.15,
    "horizontal_flip": True,
}
EVERYTHING = Augmentation(**CLASSIC, vertical_flip=True, brightness_range=(0.5, 1.5), channel_shift_range=40, inversion=0.5)


def photographs(count: int = 12, dtype: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 256, (count, 20, 24, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_nothing_switched_on_gives_the_same_pixels_in_a_new_array(dtype: type) -> None:
    images = photographs(dtype=dtype)
    result = augment(Augmentation(), images, 7, 0, np.arange(12))
    assert np.array_equal(result, images)
    assert result.dtype == dtype
    assert not np.shares_memory(result, images)


@pytest.mark.parametrize("augmentation", [Augmentation(**CLASSIC), EVERYTHING, Augmentation(horizontal_flip=True)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_split_batches_equal_the_whole_batch(augmentation: Augmentation, dtype: type) -> None:
    images, positions = photographs(dtype=dtype), np.arange(100, 112)
    whole = augment(augmentation, images, 7, 2, positions)
    parts = [augment(augmentation, images[i : i + 5], 7, 2, positions[i : i + 5]) for i in (0, 5, 10)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert not np.array_equal(whole, images)


def test_passes_differ_and_repeat() -> None:
    images, positions = photographs(), np.arange(12)
    first, second, again = (augment(EVERYTHING, images, 7, number, positions) for number in (0, 1, 0))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_images_are_left_as_they_are() -> None:
    images = photographs()
    before = images.copy()
    augment(EVERYTHING, images, 7, 0, np.arange(12))
    assert np.array_equal(images, before)


def test_flips_only_are_exact() -> None:
    augmentation, images = Augmentation(horizontal_flip=True), photographs()
    flips = draw(augmentation, (20, 24, 3), 7, 0, np.arange(12)).flip_horizontal
    assert 0 < flips.sum() < 12
    result = augment(augmentation, images, 7, 0, np.arange(12))
    assert np.array_equal(result[flips], images[flips][:, :, ::-1])
    assert np.array_equal(result[~flips], images[~flips])


def test_height_shift_moves_rows_by_a_fraction_of_the_height() -> None:
    augmentation, image = Augmentation(height_shift_range=0.5), photographs(1)
    (ty,) = draw(augmentation, (20, 24, 3), 7, 0, [3]).ty
    assert 1 < abs(ty) <= 10
    shifted = augment(augmentation, np.repeat(image[:, :, :1], 24, axis=2), 7, 0, [3])
    assert (shifted == shifted[:, :, :1]).all()
    assert not np.array_equal(shifted[:, :, 0], image[:, :, 0])


def test_rescale_comes_last_and_gives_floats() -> None:
    images = photographs()
    result = augment(Augmentation(rescale=1 / 255, inversion=1.0), images, 7, 0, np.arange(12))
    assert result.dtype == np.float32
    assert np.allclose(result, (255 - images) / 255)


def test_other_numbers_become_float32() -> None:
    images = photographs(dtype=np.float64)
    result = augment(EVERYTHING, images, 7, 0, np.arange(12))
    assert np.array_equal(result, augment(EVERYTHING, images.astype(np.float32), 7, 0, np.arange(12)))


def test_drawn_parameters_can_be_applied_later() -> None:
    images = photographs()
    parameters = draw(EVERYTHING, (20, 24, 3), 7, 0, np.arange(12))
    assert np.array_equal(apply(EVERYTHING, images, parameters), augment(EVERYTHING, images, 7, 0, np.arange(12)))


def test_float_images_in_the_unit_range_keep_their_scale() -> None:
    images = photographs(dtype=np.float32) / 255
    result = augment(Augmentation(**CLASSIC, brightness_range=(0.9, 1.1)), images, 7, 0, np.arange(12))
    assert result.mean() == pytest.approx(images.mean(), rel=0.1)


def test_tables_are_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(N, H, W, C\), got an array of shape \(4, 30\)"):
        augment(EVERYTHING, np.zeros((4, 30), np.float32), 7, 0, np.arange(4))


def test_each_image_needs_a_position() -> None:
    with pytest.raises(DataError, match=r"one position for each of 12 images, got shape \(11,\)"):
        augment(EVERYTHING, photographs(), 7, 0, np.arange(11))
