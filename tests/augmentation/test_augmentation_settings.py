"""The forms that augmentation settings take, and those that can do nothing."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from fittool.augmentation import Augmentation
from fittool.settings import fields_of, plain


def test_default_changes_nothing() -> None:
    assert not Augmentation().active
    assert Augmentation().without_effect() == ()


@pytest.mark.parametrize(
    ("written", "read"), [(0.2, 0.2), (2, 2), (2.0, 2.0), ("1/10", 0.1), ([1, 3.5], (1.0, 3.5)), ((-1, 0, 1), (-1.0, 0.0, 1.0))]
)
def test_forms_of_a_shift(written: object, read: object) -> None:
    shift = Augmentation(width_shift_range=written).width_shift_range  # type: ignore[arg-type]
    assert shift == read
    assert isinstance(shift, type(read))


@pytest.mark.parametrize("wrong", [True, -0.1, -2, "far", [], [1, "a"], None, float("nan")])
def test_what_is_no_shift_is_one_error(wrong: object) -> None:
    with pytest.raises(ValidationError, match=r"1 validation error.*\n.*\n.*a fraction below 1\.0"):
        Augmentation(height_shift_range=wrong)  # type: ignore[arg-type]


def test_zoom_number_stands_for_an_interval() -> None:
    assert Augmentation(zoom_range=0.25).zoom == (0.75, 1.25)
    assert Augmentation(zoom_range=[0.5, 2]).zoom == (0.5, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [1, -0.5, [0, 1], [2, 1], [1], "big", True])
def test_zoom_must_stay_positive(wrong: object) -> None:
    with pytest.raises(ValidationError, match=r"1 validation error.*\n.*\n.*\[low, high\] above 0"):
        Augmentation(zoom_range=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [0.5, [0.5], [1.5, 0.5], [-1, 1], [0, 1, 2]])
def test_brightness_is_two_factors(wrong: object) -> None:
    with pytest.raises(ValidationError, match="two factors"):
        Augmentation(brightness_range=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"rotation_range": -1}, "rotation_range"),
        ({"fill_mode": "mirror"}, "fill_mode"),
        ({"horizontal_flip": "yes"}, "horizontal_flip"),
        ({"interpolation_order": 3}, "interpolation_order"),
        ({"inversion": 1.5}, "inversion"),
        ({"rotaton_range": 20}, "rotaton_range"),
    ],
)
def test_wrong_values_name_their_field(arguments: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Augmentation(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"width_shift_range": 1}, ["width_shift_range"]),
        ({"height_shift_range": 1}, ["height_shift_range"]),
        ({"width_shift_range": [0, 0]}, ["width_shift_range"]),
        ({"brightness_range": [1, 1]}, ["brightness_range"]),
        ({"zoom_range": [1, 1]}, ["zoom_range"]),
        ({"rescale": 1}, ["rescale"]),
        ({"horizontal_flip": True, "fill_mode": "wrap"}, ["fill_mode"]),
        ({"rotation_range": 5, "cval": 255}, ["cval"]),
        ({"interpolation_order": 0, "inversion": 0.5}, ["interpolation_order"]),
        ({"width_shift_range": 1.0}, []),
        ({"width_shift_range": 2, "fill_mode": "constant", "cval": 9, "rescale": 1 / 255}, []),
    ],
)
def test_settings_without_effect(arguments: dict[str, object], fields: list[str]) -> None:
    assert [field for field, _ in Augmentation(**arguments).without_effect()] == fields  # type: ignore[arg-type]


def test_a_shift_of_one_says_what_to_write_instead() -> None:
    augmentation = Augmentation(width_shift_range=1)
    ((_, text),) = augmentation.without_effect()
    assert "Write 1.0" in text
    assert not augmentation.active


def test_plain_data_read_back_the_same() -> None:
    augmentation = Augmentation(width_shift_range=[1, 2], zoom_range=[0.5, 1], brightness_range=[0.5, 2])  # type: ignore[arg-type]
    assert Augmentation(**plain(augmentation, defaults=False)) == augmentation


def test_every_field_is_described_and_in_the_schema() -> None:
    schema = TypeAdapter(Augmentation).json_schema()["properties"]
    assert list(schema) == list(fields_of(Augmentation))
    assert all(field["description"].endswith(".") for field in schema.values())
