"""The batch warp against hand-computed pixels and a plain float64 reference."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fittool.augmentation import Augmentation
from fittool.augmentation.coordinates import LARGEST_SIDE
from fittool.augmentation.draw import draw
from fittool.augmentation.warp import matrices, warp
from fittool.errors import DataError

WILD = Augmentation(
    rotation_range=180,
    width_shift_range=0.6,
    height_shift_range=0.6,
    shear_range=30,
    zoom_range=(0.4, 2.5),
    horizontal_flip=True,
    vertical_flip=True,
)
MODES = ("nearest", "constant", "reflect", "wrap")
SQUARE = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3, 1)
DIAGONAL = np.array([[[1.0, 0, 0], [0, 1, 0]]])


def wild_matrices(shape: tuple[int, ...]) -> NDArray[np.float64]:
    return matrices(draw(WILD, (shape[1], shape[2], shape[3]), 5, 0, np.arange(shape[0])), shape[1], shape[2])


def noise(*shape: int, dtype: type = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def shifted(x: float, y: float) -> NDArray[np.float64]:
    """The matrix of a plain shift: pixel (0, 0) comes from (x, y)."""
    return DIAGONAL + np.array([[0, 0, x], [0, 0, y]])


def continued(index: NDArray[np.int64], side: int, fill_mode: str) -> NDArray[np.int64]:
    """The pixel that stands for an index outside of the image."""
    if fill_mode == "wrap":
        return index % side
    if fill_mode == "reflect":
        index = index % (2 * side)
        return np.where(index < side, index, 2 * side - 1 - index)
    return np.clip(index, 0, side - 1)


def reference(image: NDArray[Any], matrix: NDArray[np.float64], fill_mode: str, cval: float) -> NDArray[np.float64]:
    """Bilinear interpolation of one image (H, W, C) in float64, neighbour by neighbour."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    x, y = np.moveaxis(matrix @ np.stack([columns, rows, np.ones_like(rows)]).reshape(3, -1), 0, 0)
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    total = np.zeros((x.size, image.shape[2]))
    for i in (0, 1):
        for j in (0, 1):
            weight = np.abs(1 - i - (y - top)) * np.abs(1 - j - (x - left))
            source = image[continued(top + i, height, fill_mode), continued(left + j, width, fill_mode)]
            total += weight[:, None] * source.astype(np.float64)
    outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    if fill_mode == "constant":
        total[outside] = cval
    return total.reshape(image.shape)


SHAPES = [(6, 32, 32, 3), (4, 17, 43, 1), (4, 43, 17, 2), (4, 9, 5, 5), (3, 1, 7, 4), (1, 300, 290, 1)]


@pytest.mark.parametrize("fill_mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
def test_bytes_are_within_one_grey_level_of_the_reference(shape: tuple[int, ...], fill_mode: str) -> None:
    images, maps = noise(*shape), wild_matrices(shape)
    expected = np.stack([reference(image, matrix, fill_mode, 77) for image, matrix in zip(images, maps, strict=True)])
    difference = np.abs(warp(images, maps, fill_mode=fill_mode, cval=77).astype(float) - np.rint(expected))
    assert difference.max() <= 1
    assert difference.mean() < 0.1


@pytest.mark.parametrize("fill_mode", MODES)
@pytest.mark.parametrize("shape", SHAPES)
def test_floats_are_close_to_the_reference(shape: tuple[int, ...], fill_mode: str) -> None:
    images, maps = noise(*shape, dtype=np.float32) - 100, wild_matrices(shape)
    expected = np.stack([reference(image, matrix, fill_mode, -3.5) for image, matrix in zip(images, maps, strict=True)])
    assert np.abs(warp(images, maps, fill_mode=fill_mode, cval=-3.5) - expected).max() < 0.02


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("order", [0, 1])
def test_a_quarter_turn_by_hand(dtype: type, order: int) -> None:
    """Positive theta turns the picture counter-clockwise: (x, y) comes from (-y, x) about the centre."""
    quarter = np.array([[[0.0, -1, 2], [1, 0, 0]]])
    turned = warp(SQUARE.astype(dtype), quarter, interpolation_order=order)
    assert turned[0, :, :, 0].tolist() == [[3, 6, 9], [2, 5, 8], [1, 4, 7]]


@pytest.mark.parametrize(
    ("fill_mode", "first_row"),
    [("nearest", [1, 2, 3]), ("constant", [0, 0, 0]), ("reflect", [4, 5, 6]), ("wrap", [4, 5, 6])],
)
def test_a_shift_in_y_moves_rows(fill_mode: str, first_row: list[int]) -> None:
    moved = warp(SQUARE, shifted(0, -2), fill_mode=fill_mode)[0, :, :, 0]
    assert moved[2].tolist() == [1, 2, 3]
    assert moved[0].tolist() == first_row


@pytest.mark.parametrize(
    ("fill_mode", "before", "behind"),
    [
        ("nearest", [1, 1, 1, 1], [4, 4, 4, 4]),
        ("constant", [9, 9, 9, 9], [9, 9, 9, 9]),
        ("reflect", [4, 3, 2, 1], [4, 3, 2, 1]),
        ("wrap", [1, 2, 3, 4], [1, 2, 3, 4]),
    ],
)
def test_fill_modes_by_hand(fill_mode: str, before: list[int], behind: list[int]) -> None:
    """What lies in the four columns to the left and to the right of the row 1, 2, 3, 4."""
    row = np.array([1, 2, 3, 4], np.uint8).reshape(1, 1, 4, 1)
    assert warp(row, shifted(-4, 0), fill_mode=fill_mode, cval=9).ravel().tolist() == before
    assert warp(row, shifted(4, 0), fill_mode=fill_mode, cval=9).ravel().tolist() == behind


def test_half_a_pixel_mixes_neighbours() -> None:
    row = np.array([0, 100, 201], np.uint8).reshape(1, 1, 3, 1)
    assert warp(row, shifted(0.5, 0))[0, 0, :, 0].tolist() == [50, 151, 201]


@pytest.mark.parametrize("fill_mode", MODES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_whole_pixels_are_the_same_with_and_without_interpolation(dtype: type, fill_mode: str) -> None:
    images = noise(2, 6, 7, 3, dtype=dtype)
    whole = np.array([[[-1.0, 0, 9], [0, 1, -2]], [[1.0, 0, 3], [0, -1, 4]]])
    among_others = np.concatenate([whole, wild_matrices((1, 6, 7, 3))])
    interpolated = warp(np.concatenate([images, images[:1]]), among_others, fill_mode=fill_mode)[:2]
    assert np.array_equal(warp(images, whole, fill_mode=fill_mode), interpolated)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(50, 40, 48, 3), (2, 300, 290, 3)])
def test_an_image_does_not_depend_on_its_batch(shape: tuple[int, ...], dtype: type, order: int) -> None:
    images, maps = noise(*shape, dtype=dtype), wild_matrices(shape)
    whole = warp(images, maps, fill_mode="reflect", interpolation_order=order)
    single = [
        warp(images[i : i + 1], maps[i : i + 1], fill_mode="reflect", interpolation_order=order)[0] for i in (0, 1, shape[0] - 1)
    ]
    assert np.array_equal(whole[[0, 1, -1]], np.stack(single))


@pytest.mark.parametrize("fill_mode", MODES)
def test_far_away_coordinates_leave_other_images_as_they_are(fill_mode: str) -> None:
    """A coordinate beyond 32 bits switches the whole batch to 64, which must not change a bit."""
    images, maps = noise(2, 8, 9, 3), wild_matrices((2, 8, 9, 3))
    alone = warp(images[:1], maps[:1], fill_mode=fill_mode)
    maps[1] = [[1000, 0, 1e6], [0, 1000, -1e6]]
    assert np.array_equal(warp(images, maps, fill_mode=fill_mode)[:1], alone)


def test_far_away_coordinates_wrap_as_near_ones() -> None:
    images, near = noise(1, 8, 8, 3), shifted(3.25, 5.5)
    assert np.array_equal(warp(images, shifted(3.25 + 8e6, 5.5), fill_mode="wrap"), warp(images, near, fill_mode="wrap"))


def test_threads_do_not_disturb_each_other() -> None:
    images, maps = noise(40, 32, 32, 3), wild_matrices((40, 32, 32, 3))
    alone = warp(images, maps)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: warp(images, maps), range(16)))
    assert all(np.array_equal(result, alone) for result in results)


def test_strided_and_read_only_images_are_welcome() -> None:
    images, maps = noise(4, 16, 20, 3), wild_matrices((4, 20, 16, 3))
    turned = images.transpose(0, 2, 1, 3)
    turned.flags.writeable = False
    assert np.array_equal(warp(turned, maps), warp(turned.copy(), maps))


def test_no_images_give_no_images() -> None:
    assert warp(noise(0, 4, 4, 3), np.empty((0, 2, 3))).shape == (0, 4, 4, 3)


def test_too_long_a_side_is_refused() -> None:
    with pytest.raises(DataError, match=f"at most {LARGEST_SIDE} pixels a side, got 1 x {LARGEST_SIDE + 1}"):
        warp(noise(1, 1, LARGEST_SIDE + 1, 1), DIAGONAL)
