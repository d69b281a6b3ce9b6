"""Brightness, channel shift and inversion of uint8 and float images, by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fittool.augmentation import Augmentation
from fittool.augmentation.colour import recolour
from fittool.augmentation.draw import draw


def recoloured(values: list[float], dtype: type, **changes: object) -> list[float]:
    """The values of one image of a single row, changed."""
    image = np.array(values, dtype).reshape(1, 1, -1, 1)
    nothing = draw(Augmentation(), (1, 1, 1), 0, 0, [0])
    recolour(image, dataclasses.replace(nothing, **{name: np.array([value]) for name, value in changes.items()}))
    return [float(value) for value in image.ravel()]


def test_brightness_multiplies_and_clips_bytes() -> None:
    assert recoloured([0, 10, 101, 200], np.uint8, brightness=1.5) == [0, 15, 152, 255]


def test_brightness_keeps_small_floats() -> None:
    assert recoloured([0, 0.25, 1], np.float32, brightness=0.5) == [0, 0.125, 0.5]
    assert recoloured([-1, 1], np.float32, brightness=2) == [-2, 2]


def test_channel_shift_stays_in_the_own_range_of_an_image() -> None:
    assert recoloured([50, 60, 100], np.uint8, channel_shift=20.0) == [70, 80, 100]
    assert recoloured([0.25, 0.5, 1], np.float32, channel_shift=-0.25) == [0.25, 0.25, 0.75]


def test_channel_shift_comes_before_brightness() -> None:
    assert recoloured([0, 10, 100], np.uint8, channel_shift=-10.0, brightness=2) == [0, 0, 180]


def test_inversion() -> None:
    assert recoloured([0, 10, 255], np.uint8, inversion=True) == [255, 245, 0]
    assert recoloured([0, 0.25, 1], np.float32, inversion=True) == [1, 0.75, 0]
    assert recoloured([-2, 0, 1], np.float32, inversion=True) == [1, -1, -2]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_image_does_not_depend_on_its_neighbours(dtype: type) -> None:
    augmentation = Augmentation(brightness_range=(0.5, 1.5), channel_shift_range=40, inversion=0.5)
    images: NDArray[Any] = np.random.default_rng(0).integers(0, 256, (90, 32, 32, 3)).astype(dtype)
    whole, last = images.copy(), images[-1:].copy()
    recolour(whole, draw(augmentation, (32, 32, 3), 7, 0, np.arange(90)))
    recolour(last, draw(augmentation, (32, 32, 3), 7, 0, [89]))
    assert np.array_equal(whole[-1:], last)
