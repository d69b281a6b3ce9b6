"""The class as its users call it."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft

IMAGES = np.random.default_rng(3).integers(0, 256, (10, 8, 12, 3), np.uint8)
CLASSIC = {
    "rotation_range": 20, "zoom_range": 0.15, "width_shift_range": 0.2, "height_shift_range": 0.2, "shear_range": 0.15,
    "horizontal_flip": True, "fill_mode": "nearest",
}  # fmt: skip


def test_without_arguments_nothing_changes():
    generator = ft.ImageDataGenerator()
    batch = next(generator.flow(IMAGES, shuffle=False, batch_size=10))
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch, IMAGES)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fill_mode": "mirror"}, ValueError, "fill_mode"),
        ({"rotation_range": -1}, ValueError, "rotation_range .*0"),
        ({"zoom_range": [1.2, 0.8]}, ValueError, "zoom_range must be"),
        ({"rotaton_range": 1}, TypeError, "rotaton_range is not an argument. Did you mean rotation_range"),
        ({"mixup": 0.2}, TypeError, "mixup: it is for the `augmentation:` section"),
        ({"data_format": "channels"}, ValueError, "data_format must be channels_last or channels_first"),
        ({"validation_split": 1.0}, ValueError, "validation_split must be at least 0 and less than 1"),
    ],
)
def test_wrong_arguments_raise_what_keras_raises(arguments, error, message):
    with pytest.raises(error, match=message):
        ft.ImageDataGenerator(**arguments)


def test_random_transform_is_a_function_of_its_seed():
    generator = ft.ImageDataGenerator(**CLASSIC)
    assert generator.get_random_transform((8, 12, 3), seed=4) == generator.get_random_transform((8, 12, 3), seed=4)
    np.testing.assert_array_equal(generator.random_transform(IMAGES[0], seed=4), generator.random_transform(IMAGES[0], seed=4))


def test_without_a_seed_each_transform_is_another():
    generator = ft.ImageDataGenerator(**CLASSIC)
    assert generator.get_random_transform((8, 12, 3)) != generator.get_random_transform((8, 12, 3))


def test_shifts_move_what_they_are_called_after():
    draws = [ft.ImageDataGenerator(width_shift_range=0.5).get_random_transform((10, 100, 1), seed=seed) for seed in range(50)]
    assert all(draw["ty"] == 0 for draw in draws)
    assert 25 < max(abs(draw["tx"]) for draw in draws) <= 50


@pytest.mark.parametrize(("key", "axis"), [("tx", 1), ("ty", 0)])
def test_apply_transform_shifts_by_whole_pixels(key, axis):
    moved = ft.ImageDataGenerator(fill_mode="wrap").apply_transform(IMAGES[0], {key: 2})
    np.testing.assert_array_equal(moved, np.roll(IMAGES[0], -2, axis))


def test_apply_transform_does_what_is_switched_off_in_the_generator():
    generator = ft.ImageDataGenerator()
    np.testing.assert_array_equal(generator.apply_transform(IMAGES[0], {"flip_horizontal": True}), IMAGES[0][:, ::-1])
    np.testing.assert_array_equal(generator.apply_transform(IMAGES[0], {"flip_vertical": True}), IMAGES[0][::-1])
    brighter = generator.apply_transform(IMAGES[0], {"brightness": 0.5})
    np.testing.assert_allclose(brighter, IMAGES[0] / 2, atol=0.5)


def test_apply_transform_takes_none_for_nothing():
    nothing = {"theta": 0, "zx": 1, "zy": 1, "channel_shift_intencity": None, "brightness": None}
    np.testing.assert_array_equal(ft.ImageDataGenerator().apply_transform(IMAGES[0], nothing), IMAGES[0])


def test_apply_transform_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match=r"'angle' is not known\. There are theta, tx"):
        ft.ImageDataGenerator().apply_transform(IMAGES[0], {"angle": 3})


def test_what_get_random_transform_gives_apply_transform_takes():
    generator = ft.ImageDataGenerator(**CLASSIC, contrast_range=[0.5, 1.5], random_erasing={"probability": 1.0})
    transform = generator.get_random_transform((8, 12, 3), seed=1)
    once = generator.apply_transform(IMAGES[0], transform)
    np.testing.assert_array_equal(once, generator.random_transform(IMAGES[0], seed=1))
    assert (once != IMAGES[0]).any()


def test_channels_first_is_the_same_turned_round():
    last = ft.ImageDataGenerator(**CLASSIC, rescale=1 / 255)
    first = ft.ImageDataGenerator(**CLASSIC, rescale=1 / 255, data_format="channels_first")
    turned = IMAGES.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(next(first.flow(turned, seed=1)), next(last.flow(IMAGES, seed=1)).transpose(0, 3, 1, 2))
    changed = first.random_transform(turned[0], seed=2)
    np.testing.assert_array_equal(changed, last.random_transform(IMAGES[0], seed=2).transpose(2, 0, 1))
    np.testing.assert_array_equal(first.standardize(turned[0]), last.standardize(IMAGES[0]).transpose(2, 0, 1))


def test_the_users_function_comes_before_rescale():
    generator = ft.ImageDataGenerator(preprocessing_function=lambda image: image + 1, rescale=0.5)
    np.testing.assert_allclose(generator.standardize(IMAGES[0]), (IMAGES[0] + 1.0) / 2)


def test_fit_takes_what_standardize_needs():
    generator = ft.ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    generator.fit(IMAGES)
    batch = generator.standardize(IMAGES)
    np.testing.assert_allclose(batch.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(batch.std((0, 1, 2)), 1, atol=1e-5)
    np.testing.assert_allclose(generator.mean, IMAGES.mean((0, 1, 2))[None, None], rtol=1e-6)
    np.testing.assert_allclose(generator.std, IMAGES.std((0, 1, 2))[None, None], rtol=1e-6)


def test_without_fit_it_is_said_and_left_out():
    generator = ft.ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match="was not fit on training data"):
        np.testing.assert_array_equal(generator.standardize(IMAGES), IMAGES)


def test_zca_makes_values_uncorrelated():
    images = np.random.default_rng(0).normal(size=(500, 2, 3, 1)) @ np.ones((1, 1)) + np.arange(6).reshape(2, 3, 1)
    generator = ft.ImageDataGenerator(zca_whitening=True)
    generator.fit(images)
    flat = generator.standardize(images).reshape(500, -1)
    np.testing.assert_allclose(flat.T @ flat / 500, np.eye(6), atol=1e-3)


def test_fit_on_changed_images_sees_other_ones():
    plain, changed = (ft.ImageDataGenerator(brightness_range=[0.1, 0.2], featurewise_center=True) for _ in range(2))
    plain.fit(IMAGES)
    changed.fit(IMAGES, augment=True, rounds=2, seed=1)
    assert (changed.mean < plain.mean / 3).all()


def test_fit_refuses_what_is_no_batch_of_images():
    with pytest.raises(ValueError, match=r"shape \(N, H, W, C\), got an array of shape \(8, 12, 3\)"):
        ft.ImageDataGenerator(featurewise_center=True).fit(IMAGES[0])


def test_arguments_can_be_read_and_set_later():
    generator = ft.ImageDataGenerator(rotation_range=20)
    assert (generator.rotation_range, generator.fill_mode, generator.channel_axis) == (20, "nearest", 3)
    generator.rotation_range, generator.rescale, generator.horizontal_flip = 0, 1 / 255, True
    batch = next(generator.flow(IMAGES, shuffle=False, seed=1))
    assert batch.max() <= 1
    flipped = [np.allclose(made, image[:, ::-1] / 255) for made, image in zip(batch, IMAGES, strict=False)]
    assert 0 < sum(flipped) < len(flipped)
    with pytest.raises(ValueError, match='fill_mode must be constant, nearest, reflect or wrap, got the text "sideways"'):
        generator.fill_mode = "sideways"
    with pytest.raises(AttributeError, match="no attribute rotation"):
        _ = generator.rotation


@pytest.mark.parametrize("shape", [(3,), (1, 1, 3), (3, 1, 1)])
def test_a_mean_may_be_set_instead_of_fitted(shape):
    generator = ft.ImageDataGenerator(featurewise_center=True)
    generator.mean = np.reshape([123, 116, 103], shape)
    np.testing.assert_allclose(generator.standardize(IMAGES), IMAGES - np.array([123, 116, 103]), rtol=1e-5)
    assert generator.mean.shape == (1, 1, 3)
    generator.data_format = "channels_first"
    assert generator.mean.shape == (3, 1, 1)


def test_methods_of_a_subclass_do_the_work():
    class Own(ft.ImageDataGenerator):
        def apply_transform(self, x, transform_parameters):
            return super().apply_transform(x, {**transform_parameters, "theta": 0, "flip_horizontal": True})

        def standardize(self, x):
            return super().standardize(x) / 2

    batch = next(Own(rotation_range=90).flow(IMAGES, shuffle=False, seed=1))
    np.testing.assert_allclose(batch, IMAGES[: len(batch), :, ::-1] / 2, atol=0.5)
    plain = ft.ImageDataGenerator()
    plain.standardize = lambda x: np.zeros_like(x)
    assert not next(plain.flow(IMAGES)).any()


@pytest.mark.parametrize(
    ("name", "given", "same"),
    [
        ("width_shift_range", np.int64(3), 3), ("width_shift_range", np.array([-2, 0, 2]), [-2, 0, 2]),
        ("height_shift_range", range(3), [0, 1, 2]), ("zoom_range", np.array([0.8, 1.2]), [0.8, 1.2]),
        ("horizontal_flip", np.True_, True), ("vertical_flip", 1, True), ("rotation_range", np.float32(20), 20),
    ],
)  # fmt: skip
def test_values_of_numpy_mean_what_pythons_mean(name, given, same):
    made = [ft.ImageDataGenerator(**{name: value}).get_random_transform((20, 20, 3), seed=5) for value in (given, same)]
    assert made[0] == made[1]


def test_a_list_of_fractions_is_of_the_side():
    generator = ft.ImageDataGenerator(width_shift_range=[0.2, -0.1])
    assert {generator.get_random_transform((9, 100, 3), seed)["tx"] for seed in range(60)} == {20, -20, 10, -10}


@pytest.mark.parametrize(
    ("function", "error", "text"),
    [
        (lambda image: None, ValueError, "must give an image of the shape it gets"),
        (lambda image: image.mean(), ValueError, "must give an image of the shape it gets"),
        ("module:function", TypeError, "must be a function of one image"),
    ],
)
def test_what_is_no_preprocessing_is_refused(function, error, text):
    with pytest.raises(error, match=text):
        next(ft.ImageDataGenerator(preprocessing_function=function).flow(IMAGES))


@pytest.mark.parametrize("shape", [(5,), (9, 1)])
def test_a_part_may_hold_any_targets(shape):
    targets = np.random.default_rng(0).integers(0, 2, (len(IMAGES), *shape))
    _, part = next(ft.ImageDataGenerator(validation_split=0.3).flow(IMAGES, targets, subset="validation"))
    assert part.shape[1:] == shape


def test_several_further_arrays_in_kerass_form():
    numbers, rows = np.arange(len(IMAGES)), np.zeros((len(IMAGES), 2))
    (images, *further), _ = next(ft.ImageDataGenerator().flow((IMAGES, [numbers, rows]), numbers, batch_size=4))
    assert [array.shape for array in (images, *further)] == [(4, *IMAGES.shape[1:]), (4,), (4, 2)]
