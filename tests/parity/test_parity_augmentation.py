"""Augmentation against scipy (the warp, blur) and Pillow (colours, RandAugment's tables)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from scipy import ndimage

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import augment
from fittool.augmentation.draw import draw
from fittool.augmentation.rand_augment import operate
from fittool.augmentation.warp import matrices, warp

POSITIONS = np.arange(8)
CLASSIC: dict[str, Any] = {
    "rotation_range": 20, "zoom_range": 0.15, "width_shift_range": 0.2, "height_shift_range": 0.2, "shear_range": 0.15,
    "horizontal_flip": True,
}  # fmt: skip
SCIPY = {"nearest": "nearest", "constant": "constant", "reflect": "reflect", "wrap": "grid-wrap"}


def photographs(dtype: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(3).integers(0, 256, (8, 48, 40, 3)).astype(dtype)


@pytest.mark.parametrize("extra", [{}, {"random_resized_crop": {"scale": [0.3, 1]}, "random_crop": {"padding": 3}}])
@pytest.mark.parametrize("fill_mode", SCIPY)
def test_the_warp_is_scipys_affine_transform(fill_mode: str, extra: dict[str, Any]) -> None:
    parameters = draw(Augmentation(**CLASSIC, **extra), (48, 40, 3), 7, 0, POSITIONS)
    for dtype, most, mean in ((np.uint8, 2.0, 0.5), (np.float32, 0.255, 0.255)):
        images, maps = photographs(dtype), matrices(parameters, 48, 40)
        for image, matrix, result in zip(images, maps, warp(images, maps, fill_mode=fill_mode, cval=9), strict=True):
            rows_first = matrix[::-1, [1, 0, 2]]
            expected = np.stack(
                [
                    ndimage.affine_transform(
                        image[..., c].astype(float), rows_first[:, :2], rows_first[:, 2], order=1, mode=SCIPY[fill_mode], cval=9
                    )
                    for c in range(3)
                ],
                axis=-1,
            )
            difference = np.abs(result - expected)
            assert difference.max() <= most
            assert difference.mean() <= mean


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.7])
def test_blur_is_scipys_gaussian_filter(sigma: float) -> None:
    images = photographs(np.float32)
    result = augment(Augmentation(blur=[sigma, sigma]), images, 7, 0, POSITIONS)  # type: ignore[arg-type]
    expected = np.stack([ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="reflect") for image in images])
    assert np.abs(result - expected).max() < 0.01


@pytest.mark.parametrize(
    ("field", "enhance"), [("contrast_range", ImageEnhance.Contrast), ("saturation_range", ImageEnhance.Color)]
)
@pytest.mark.parametrize("factor", [0.4, 1.7])
def test_tones_are_pillows(field: str, enhance: Any, factor: float) -> None:
    images = photographs()
    result = augment(Augmentation(**{field: [factor, factor]}), images, 7, 0, POSITIONS)
    expected = np.stack([np.asarray(enhance(Image.fromarray(image)).enhance(factor)) for image in images])
    assert np.abs(result.astype(int) - expected).max() <= 2


def test_hue_is_a_turn_in_hsv() -> None:
    import colorsys

    images = photographs()[:, :4, :4]
    parameters = draw(Augmentation(hue_range=180), (4, 4, 3), 7, 0, POSITIONS)
    assert parameters.hue is not None
    result = augment(Augmentation(hue_range=180), images, 7, 0, POSITIONS)
    for turn, image, turned in zip(parameters.hue, images.reshape(8, -1, 3), result.reshape(8, -1, 3), strict=True):
        for pixel, seen in zip(image / 255, turned, strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
            expected = np.multiply(colorsys.hsv_to_rgb((hue + turn / 360) % 1, saturation, value), 255)
            assert np.abs(expected - seen).max() <= 0.51


@pytest.mark.parametrize(
    ("name", "pillow", "most"),
    [
        ("autocontrast", ImageOps.autocontrast, 0),
        ("equalize", ImageOps.equalize, 0),
        ("posterize", lambda image: ImageOps.posterize(image, 6), 0),
        ("solarize", lambda image: ImageOps.solarize(image, 128), 0),
        ("sharpness", lambda image: ImageEnhance.Sharpness(image).enhance(1.45), 2),
        ("color", lambda image: ImageEnhance.Color(image).enhance(1.45), 2),
        ("contrast", lambda image: ImageEnhance.Contrast(image).enhance(1.45), 2),
        ("brightness", lambda image: ImageEnhance.Brightness(image).enhance(1.45), 1),
    ],
)
def test_operations_of_rand_augment_are_pillows(name: str, pillow: Any, most: int) -> None:
    for image in photographs() // 2 + 40:
        expected = np.asarray(pillow(Image.fromarray(image))).astype(int)
        assert np.abs(operate(image, name, 0.5, "nearest", 0.0) - expected).max() <= most
