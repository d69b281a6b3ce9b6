"""Random changes of images on a device against those on the processor: the same draws, the same pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.augmentation.augment import augment
from fittool.augmentation.crops import RandomCrop, RandomErasing, RandomResizedCrop
from fittool.augmentation.image_changes import draw_changes, only_on_the_processor
from fittool.augmentation.settings import Augmentation

torch = pytest.importorskip("torch")

GENERATOR = np.random.default_rng(4)
SMOOTH = np.clip(
    128 + 100 * np.sin(np.arange(13)[:, None, None] / 3 + np.arange(11)[:, None] / 4 + np.arange(3)) * np.linspace(0.3, 1, 40)[
        :, None, None, None
    ],
    0,
    255,
)  # fmt: skip
NOISY = GENERATOR.integers(0, 256, SMOOTH.shape)
CLASSIC: dict[str, Any] = {
    "rotation_range": 40,
    "zoom_range": 0.3,
    "width_shift_range": 0.3,
    "height_shift_range": 0.4,
    "shear_range": 20,
    "horizontal_flip": True,
    "vertical_flip": True,
}


def both(images: Any, augmentation: Augmentation) -> tuple[np.ndarray, np.ndarray]:
    """Changed on the processor, and as on a device."""
    from fittool.engines.torch_engine.images.changes import change

    at: Any = (7, 3, np.arange(5, 5 + len(images)), GENERATOR.permutation(len(images)))
    changes = draw_changes(augmentation, images.shape[1:], *at)
    found = change(torch.from_numpy(images.copy()), changes, lambda array: torch.from_numpy(np.ascontiguousarray(array)))
    return augment(augmentation, images, *at), found.numpy()


@pytest.mark.parametrize("pictures", [SMOOTH, NOISY], ids=["smooth", "noisy"])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
def test_bytes_are_moved_to_the_same_bytes(pictures: np.ndarray, fill_mode: Any, order: Any) -> None:
    images = pictures.astype(np.uint8)
    expected, found = both(images, Augmentation(**CLASSIC, fill_mode=fill_mode, cval=77.5, interpolation_order=order))
    assert (expected != images).mean() > 0.2
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
def test_numbers_are_moved_to_the_same_numbers(fill_mode: Any, order: Any) -> None:
    images = (NOISY / 255).astype(np.float32)
    expected, found = both(images, Augmentation(**CLASSIC, fill_mode=fill_mode, cval=-0.3, interpolation_order=order))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_far_places_need_wide_coordinates() -> None:
    images = NOISY.astype(np.uint8)
    expected, found = both(images, Augmentation(width_shift_range=40_000.5, fill_mode="wrap"))
    np.testing.assert_array_equal(found, expected)


CHANGES: dict[str, dict[str, Any]] = {
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "alternating": {"horizontal_flip": "alternating"},
    "whole pixels": {"width_shift_range": 4, "height_shift_range": 3, "fill_mode": "wrap"},
    "list of shifts": {"width_shift_range": (1.5, 3)},
    "rotation": {"rotation_range": 180},
    "shear": {"shear_range": 45},
    "zoom": {"zoom_range": (0.3, 2.0), "fill_mode": "reflect"},
    "zoom by one factor": {"zoom_range": 0.5, "zoom_keep_aspect": True},
    "crop": {"random_crop": RandomCrop(4), "fill_mode": "constant", "cval": 3},
    "resized crop": {"random_resized_crop": RandomResizedCrop()},
    "channel shift": {"channel_shift_range": 60},
    "brightness": {"brightness_range": (0.2, 1.9)},
    "inversion": {"inversion": 0.5},
    "contrast": {"contrast_range": (0.2, 1.9)},
    "saturation": {"saturation_range": (0, 3)},
    "hue": {"hue_range": 180},
    "blur": {"blur": (0.1, 2.5)},
    "wide blur": {"blur": (3, 9)},
    "erasing": {"random_erasing": RandomErasing(0.7, value=55.5)},
    "erasing in colour": {"random_erasing": RandomErasing(0.7, value=(0, 100, 300))},
    "in half of the images": {"rotation_range": 90, "blur": (1, 2), "brightness_range": (0.5, 2), "probability": 0.5},
    "all together": {
        **CLASSIC, "channel_shift_range": 20, "brightness_range": (0.5, 1.5), "contrast_range": (0.5, 1.5), "hue_range": 30,
        "saturation_range": (0.5, 1.5), "blur": (0, 1), "inversion": 0.2, "random_erasing": RandomErasing(),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("pictures", [SMOOTH, NOISY], ids=["smooth", "noisy"])
def test_every_change_is_within_a_grey_level(pictures: np.ndarray, dtype: Any, name: str) -> None:
    images = pictures.astype(dtype)
    expected, found = both(images, Augmentation(**CHANGES[name]))
    assert found.dtype == expected.dtype == dtype
    assert not np.array_equal(expected, images)
    assert np.abs(found.astype(np.float64) - expected).max() <= (1 if dtype == np.uint8 else 1e-3)


def test_nearly_all_bytes_are_the_same_even_where_rounding_could_differ() -> None:
    expected, found = both(NOISY.astype(np.uint8), Augmentation(**CHANGES["all together"]))
    assert (found != expected).mean() < 0.01


@pytest.mark.parametrize("channels", [1, 4])
def test_other_numbers_of_channels_and_of_other_types(channels: int) -> None:
    images = np.repeat(NOISY[..., :1], channels, axis=-1).astype(np.int64)
    expected, found = both(images, Augmentation(**CLASSIC, brightness_range=(0.5, 1.5), contrast_range=(0.5, 1.5)))
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_every_setting_is_done_on_the_device_or_named() -> None:
    """A new kind of change must be done there, or be among those that are left to the processor."""
    from fittool.settings import fields_of

    fixed = {"rescale", "zca_epsilon", "fill_mode", "cval", "interpolation_order", "probability", "probabilities", "until_epoch"}
    normalized = {name for name in fields_of(Augmentation) if "wise" in name or "zca" in name}
    tried = {setting for changes in CHANGES.values() for setting in changes}
    processor = {"rand_augment", "preprocessing_function"}
    assert set(fields_of(Augmentation)) == fixed | normalized | tried | processor | {"mixup", "cutmix"}
    named = only_on_the_processor(
        Augmentation(rand_augment={}, random_erasing={"value": "random"}, preprocessing_function="a:b")  # type: ignore[arg-type]
    )
    assert named == ("rand_augment", "random_erasing.value: random", "preprocessing_function")
    assert only_on_the_processor(Augmentation(**CHANGES["all together"])) == ()
