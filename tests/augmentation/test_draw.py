"""Drawn parameters: their ranges, and what they depend on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from fittool.augmentation import Augmentation
from fittool.augmentation.draw import Parameters, draw

SHAPE = (100, 200, 3)
EVERYTHING = Augmentation(
    rotation_range=20,
    width_shift_range=0.2,
    height_shift_range=0.1,
    brightness_range=(0.5, 1.5),
    shear_range=5,
    zoom_range=(0.5, 0.75),
    channel_shift_range=30,
    horizontal_flip=True,
    vertical_flip=True,
    inversion=0.25,
)


def drawn(augmentation: Augmentation, count: int = 2000) -> Parameters:
    return draw(augmentation, SHAPE, 7, 0, np.arange(count))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("theta", -20, 20),
        ("tx", -40, 40),
        ("ty", -10, 10),
        ("shear", -5, 5),
        ("zx", 0.5, 0.75),
        ("zy", 0.5, 0.75),
        ("channel_shift", -30, 30),
        ("brightness", 0.5, 1.5),
    ],
)
def test_numbers_fill_their_range(name: str, low: float, high: float) -> None:
    values = getattr(drawn(EVERYTHING), name)
    assert values.min() == pytest.approx(low, abs=0.02 * (high - low))
    assert values.max() == pytest.approx(high, abs=0.02 * (high - low))
    assert ((values >= low) & (values <= high)).all()


@pytest.mark.parametrize(("name", "share"), [("flip_horizontal", 0.5), ("flip_vertical", 0.5), ("inversion", 0.25)])
def test_flags_have_their_share(name: str, share: float) -> None:
    assert getattr(drawn(EVERYTHING), name).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("shift", "values"),
    [
        (3, {-2, -1, 0, 1, 2}),
        (1, {0}),
        (0, {0}),
        ([2, 5], {-5, -2, 2, 5}),
    ],
)
def test_whole_and_listed_shifts(shift: object, values: set[float]) -> None:
    tx = drawn(Augmentation(width_shift_range=shift)).tx  # type: ignore[arg-type]
    assert set(tx.tolist()) == values


def test_a_float_from_one_is_in_pixels() -> None:
    tx = drawn(Augmentation(width_shift_range=1.0)).tx
    assert 0.98 < np.abs(tx).max() <= 1


def test_zooms_of_width_and_height_are_independent() -> None:
    parameters = drawn(EVERYTHING)
    assert abs(np.corrcoef(parameters.zx, parameters.zy)[0, 1]) < 0.1


@pytest.mark.parametrize("field", ["rotation_range", "zoom_range", "horizontal_flip", "brightness_range", "inversion"])
def test_switching_one_operation_off_leaves_the_others(field: str) -> None:
    off = dataclasses.replace(EVERYTHING, **{field: getattr(Augmentation(), field)})
    full, less = dataclasses.asdict(drawn(EVERYTHING, 20)), dataclasses.asdict(drawn(off, 20))
    changed = {name for name in full if not np.array_equal(full[name], less[name])}
    assert (
        changed
        <= {
            "rotation_range": {"theta"},
            "zoom_range": {"zx", "zy"},
            "horizontal_flip": {"flip_horizontal"},
            "brightness_range": {"brightness"},
            "inversion": {"inversion"},
        }[field]
    )


def test_a_row_depends_on_its_position_alone() -> None:
    some = draw(EVERYTHING, SHAPE, 7, 0, np.array([1500, 3]))
    assert some.theta.tolist() == drawn(EVERYTHING).theta[[1500, 3]].tolist()


def test_passes_and_seeds_differ() -> None:
    positions = np.arange(10)
    thetas = [draw(EVERYTHING, SHAPE, seed, number, positions).theta for seed, number in ((7, 0), (7, 1), (8, 0))]
    assert len({theta.tobytes() for theta in thetas}) == 3


def test_description_names_only_what_happens() -> None:
    parameters = dataclasses.replace(drawn(Augmentation(), 1), theta=np.array([-12.34]), flip_horizontal=np.array([True]))
    assert parameters.describe(0) == "theta -12.3°, flipped"
    assert drawn(Augmentation(), 1).describe(0) == "unchanged"
