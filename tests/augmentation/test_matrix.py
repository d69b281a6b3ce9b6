"""Matrices from output to source pixels, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fittool.augmentation import Augmentation
from fittool.augmentation.draw import Parameters, draw
from fittool.augmentation.warp import matrices

UNCHANGED = vars(draw(Augmentation(), (1, 1, 1), 0, 0, [0]))
NOTHING = {field: [value] for field, value in UNCHANGED.items() if value is not None}


def source_of(x: float, y: float, height: int, width: int, **changes: float) -> NDArray[np.float64]:
    """Where output pixel (x, y) of a height x width image comes from."""
    values: dict[str, Any] = {name: np.asarray(changes.get(name, value)).reshape(1) for name, value in NOTHING.items()}
    return np.asarray(matrices(Parameters(**values), height, width)[0] @ [x, y, 1])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (0, 1)),
        ({"tx": 2.0}, (2, 1)),
        ({"ty": 2.0}, (0, 3)),
        ({"flip_horizontal": True}, (10, 1)),
        ({"flip_vertical": True}, (0, 3)),
        ({"zx": 0.5}, (2.5, 1)),
        ({"zy": 0.5}, (0, 1.5)),
        ({"theta": 90.0}, (6, -3)),  # (-5, -1) from the centre, turned a quarter in (x, y), is (1, -5)
        ({"theta": 90.0, "tx": 2.0}, (6, -1)),  # the shift is turned too
        ({"shear": 30.0}, (0.5, 2 - np.cos(np.pi / 6))),
        ({"theta": 90.0, "flip_horizontal": True}, (6, 7)),
    ],
)
def test_by_hand(changes: dict[str, float], expected: tuple[float, float]) -> None:
    """A 5 x 11 image has its centre at (5, 2); pixel (0, 1) lies (-5, -1) from it."""
    assert source_of(0, 1, 5, 11, **changes) == pytest.approx(expected)


def test_the_true_centre_stays_where_it_is() -> None:
    assert source_of(5.5, 2.5, 6, 12, theta=33.0, shear=10.0, zx=0.7, zy=1.4, flip_vertical=True) == pytest.approx([5.5, 2.5])


def test_order_is_rotation_shift_shear_zoom() -> None:
    theta, shear, zoom = np.deg2rad(25), np.deg2rad(12), np.diag([0.8, 1.3, 1])
    rotation = np.array([[np.cos(theta), -np.sin(theta), 0], [np.sin(theta), np.cos(theta), 0], [0, 0, 1]])
    shift, slanted = np.eye(3), np.array([[1, -np.sin(shear), 0], [0, np.cos(shear), 0], [0, 0, 1]])
    shift[:2, 2] = 3, -2
    expected = (rotation @ shift @ slanted @ zoom @ [1, 4, 1])[:2]
    drawn = {"theta": 25.0, "shear": 12.0, "tx": 3.0, "ty": -2.0, "zx": 0.8, "zy": 1.3}
    assert source_of(1 + 4, 4 + 3, 7, 9, **drawn) - [4, 3] == pytest.approx(expected)
