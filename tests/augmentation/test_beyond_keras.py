"""Operations that Keras does not have: crops, erasing, RandAugment, probabilities, the alternating flip."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import augment
from fittool.augmentation.draw import draw
from fittool.errors import DataError

EVERYTHING: dict[str, Any] = {
    "contrast_range": [0.5, 1.5],
    "saturation_range": [0.5, 1.5],
    "hue_range": 30,
    "blur": [0.5, 2],
    "random_crop": {"padding": 4},
    "random_resized_crop": {"scale": [0.3, 1]},
    "random_erasing": {"probability": 1, "value": "random"},
    "rand_augment": {"operations": 3, "magnitude": 15},
}
POSITIONS = np.arange(40)


def photographs(count: int = 40, dtype: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(1).integers(0, 256, (count, 20, 24, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("name", EVERYTHING)
def test_an_image_does_not_depend_on_its_batch(name: str, dtype: type) -> None:
    augmentation, images = Augmentation(**{name: EVERYTHING[name]}), photographs(dtype=dtype)
    whole = augment(augmentation, images, 7, 1, POSITIONS)
    assert whole.dtype == dtype
    assert not np.array_equal(whole, images)
    assert np.array_equal(whole[31:33], augment(augmentation, images[31:33], 7, 1, [31, 32]))


@pytest.mark.parametrize("name", EVERYTHING)
def test_switching_one_on_leaves_the_draws_of_the_others(name: str) -> None:
    others = {key: value for key, value in EVERYTHING.items() if key != name and "crop" not in key}
    less = vars(draw(Augmentation(**others), (20, 24, 3), 7, 0, POSITIONS))
    full = vars(draw(Augmentation(**EVERYTHING), (20, 24, 3), 7, 0, POSITIONS))
    assert all(np.array_equal(value, full[key]) for key, value in less.items() if value is not None)


def test_padding_and_cropping_moves_by_whole_pixels() -> None:
    augmentation, images = Augmentation(random_crop={"padding": 2}, fill_mode="constant"), photographs()  # type: ignore[arg-type]
    crops = draw(augmentation, (20, 24, 3), 7, 0, POSITIONS).crop
    assert crops is not None
    assert set(crops[:, 0]) == {-2, -1, 0, 1, 2}
    padded = np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)])
    for result, image, (x, y) in zip(
        augment(augmentation, images, 7, 0, POSITIONS), padded, crops[:, :2].astype(int), strict=True
    ):
        assert np.array_equal(result, image[2 + y : 22 + y, 2 + x : 26 + x])


def test_a_resized_crop_stays_inside_the_image() -> None:
    augmentation = Augmentation(random_resized_crop={}, fill_mode="constant", cval=-1e6)  # type: ignore[arg-type]
    assert augment(augmentation, photographs(dtype=np.float32), 7, 0, POSITIONS).min() >= 0


def test_a_resized_crop_has_the_area_and_ratio_asked_for() -> None:
    augmentation = Augmentation(random_resized_crop={"scale": [0.2, 0.4], "ratio": [0.8, 1.2]})  # type: ignore[arg-type]
    crop = draw(augmentation, (20, 24, 3), 7, 0, np.arange(500)).crop
    assert crop is not None
    areas, ratios = crop[:, 2] * crop[:, 3], crop[:, 2] * 24 / (crop[:, 3] * 20)
    assert (areas.min(), areas.max()) == (pytest.approx(0.2, abs=0.01), pytest.approx(0.4, abs=0.01))
    assert (ratios.min(), ratios.max()) == (pytest.approx(0.8, abs=0.01), pytest.approx(1.2, abs=0.01))


def test_erasing_covers_one_rectangle_of_its_share() -> None:
    augmentation = Augmentation(random_erasing={"probability": 0.5, "value": [1, 2, 3]})  # type: ignore[arg-type]
    images = photographs(400)
    changed = (augment(augmentation, images, 7, 0, np.arange(400)) != images).any(axis=-1)
    assert changed.any(axis=(1, 2)).mean() == pytest.approx(0.5, abs=0.1)
    assert changed.mean(axis=(1, 2)).max() < 0.36


def test_erasing_needs_a_value_for_each_channel() -> None:
    with pytest.raises(DataError, match="value has 2 numbers, and images have 3 channels"):
        augment(Augmentation(random_erasing={"probability": 1, "value": [1, 2]}), photographs(), 7, 0, POSITIONS)  # type: ignore[arg-type]


def test_hue_of_grey_images_is_refused() -> None:
    with pytest.raises(DataError, match="need images of 3 channels, got 1"):
        augment(Augmentation(hue_range=5), photographs()[..., :1], 7, 0, POSITIONS)


def test_an_alternating_flip_turns_each_image_every_other_epoch() -> None:
    augmentation, samples = Augmentation(horizontal_flip="alternating"), np.random.default_rng(0).permutation(40)
    first = draw(augmentation, (20, 24, 3), 7, 0, POSITIONS, samples).flip_horizontal
    second = draw(augmentation, (20, 24, 3), 7, 1, POSITIONS[::-1], samples).flip_horizontal
    assert np.array_equal(first, ~second)
    assert 8 < first.sum() < 32


def test_zoom_can_keep_the_aspect() -> None:
    parameters = draw(Augmentation(zoom_range=0.3, zoom_keep_aspect=True), (20, 24, 3), 7, 0, POSITIONS)
    assert np.array_equal(parameters.zx, parameters.zy)
    assert np.array_equal(parameters.zx, draw(Augmentation(zoom_range=0.3), (20, 24, 3), 7, 0, POSITIONS).zx)


def test_probabilities_leave_images_out() -> None:
    augmentation = Augmentation(rotation_range=20, blur=[1, 2], probability=0.5, probabilities={"blur": 0.1})  # type: ignore[arg-type]
    parameters = draw(augmentation, (20, 24, 3), 7, 0, np.arange(2000))
    assert parameters.blur is not None
    assert (parameters.theta != 0).mean() == pytest.approx(0.5, abs=0.04)
    assert (parameters.blur != 0).mean() == pytest.approx(0.1, abs=0.03)


def test_a_flip_of_a_probability() -> None:
    augmentation = Augmentation(horizontal_flip=True, probabilities={"horizontal_flip": 0.2})
    assert draw(augmentation, (20, 24, 3), 7, 0, np.arange(2000)).flip_horizontal.mean() == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"contrast_range": [1, 1]}, "contrast_range"),
        ({"blur": 0}, "blur"),
        ({"random_crop": {"padding": 0}}, "random_crop"),
        ({"zoom_keep_aspect": True}, "zoom_keep_aspect"),
        ({"horizontal_flip": True, "probability": 0.5}, "probability"),
        ({"probabilities": {"blur": 0.5}}, "probabilities"),
    ],
)
def test_settings_without_effect(arguments: dict[str, Any], field: str) -> None:
    assert field in [name for name, _ in Augmentation(**arguments).without_effect()]


def test_captions_tell_of_all() -> None:
    caption = draw(Augmentation(**EVERYTHING), (20, 24, 3), 7, 0, [5]).describe(0)
    assert all(word in caption for word in ("contrast", "saturation", "hue", "blur", "crop", "erased"))
