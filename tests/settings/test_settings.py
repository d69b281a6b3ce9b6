"""Descriptions: one class gives the file's keys, Python's arguments and the checks."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from fittool.settings import Boolean, Family, Field, Integer, Named, Number, Pair, nearest_name, plain, setting


@setting
class Shape(Named):
    """A shape."""

    name: str | None = Field(default=None, kw_only=True, description="Its name.")


@setting
class Circle(Shape):
    """A circle."""

    radius: Number = Field(gt=0, description="In pixels.")
    filled: Boolean = Field(default=True, description="Whether it is filled.")


@setting
class Grid(Shape):
    """A grid."""

    size: Pair = Field(default=(2, 2), description="Rows and columns.")
    count: Integer = Field(default=1, description="How many.")


SHAPES: Family[Shape] = Family("shape", {"Circle": Circle, "Grid": Grid}, {"Disc": "Circle"})


@setting
class Picture:
    """A list of shapes."""

    shapes: list[Annotated[Shape, SHAPES]] = Field(description="What is drawn.")


@pytest.mark.parametrize("form", [Circle(2), {"Circle": {"radius": 2}}, {"circle": {"radius": 2.0}}, {"disc": {"radius": "4/2"}}])
def test_name_with_arguments_and_object_mean_the_same(form):
    assert SHAPES.parse(form) == Circle(2.0)


def test_a_bare_name_takes_the_defaults():
    assert SHAPES.parse("grid") == Grid()


def test_plain_data_are_read_back():
    shape = Grid((3, 4), name="board")
    assert plain(shape) == {"Grid": {"name": "board", "size": [3, 4], "count": 1}}
    assert SHAPES.parse(plain(shape)) == shape


def test_plain_data_without_defaults():
    assert plain(Grid(count=2), defaults=False) == {"Grid": {"count": 2}}


@pytest.mark.parametrize(
    ("value", "location"),
    [
        ({"Circle": {"radius": 0}}, ("shapes", 0, "Circle", "radius")),
        ({"Circle": {"radius": True}}, ("shapes", 0, "Circle", "radius")),
        ({"Circle": {"radius": float("nan")}}, ("shapes", 0, "Circle", "radius")),
        ({"Circle": {"radius": 1, "colour": 2}}, ("shapes", 0, "Circle", "colour")),
        ({"disc": {"radius": 1, "filled": 1}}, ("shapes", 0, "disc", "filled")),
        ({"Grid": {"count": 1.0}}, ("shapes", 0, "Grid", "count")),
        ({"Grid": {"count": "1"}}, ("shapes", 0, "Grid", "count")),
        ({"Grid": {"size": [1, 2, 3]}}, ("shapes", 0, "Grid", "size")),
        ("Sqare", ("shapes", 0)),
        (3, ("shapes", 0)),
    ],
)
def test_an_error_points_into_the_arguments(value, location):
    with pytest.raises(ValidationError, match="validation error") as caught:
        TypeAdapter(Picture).validate_python({"shapes": [value]})
    assert caught.value.errors()[0]["loc"][: len(location)] == location


def test_all_errors_come_at_once():
    with pytest.raises(ValidationError, match="3 validation errors"):
        TypeAdapter(Picture).validate_python({"shapes": [{"Circle": {"radius": -1, "x": 1}}, "Sqare"]})


def test_an_unknown_name_comes_with_the_nearest():
    with pytest.raises(ValidationError, match="no shape is called Gird") as caught:
        TypeAdapter(Picture).validate_python({"shapes": ["Gird"]})
    assert caught.value.errors()[0]["ctx"]["nearest"] == "Grid"


def test_descriptions_are_frozen():
    with pytest.raises(AttributeError, match="cannot assign"):
        Circle(1.0).radius = 2.0  # type: ignore[misc]


def test_json_schema_lists_names_and_arguments():
    schema = TypeAdapter(Picture).json_schema()
    forms = schema["properties"]["shapes"]["items"]["anyOf"]
    assert forms[0]["enum"] == ["Circle", "Grid", "Disc"]
    assert forms[1]["properties"]["Circle"]["properties"]["radius"]["description"] == "In pixels."


def test_the_nearest_of_equals_is_the_one_for_images():
    assert nearest_name("MaxPooling", ["MaxPooling1D", "MaxPooling2D", "MaxPooling3D"]) == "MaxPooling2D"
    assert nearest_name("MaxPooling3", ["MaxPooling1D", "MaxPooling2D", "MaxPooling3D"]) == "MaxPooling3D"


def test_nearest_name_ignores_case_and_underscores():
    assert nearest_name("Batch_Sise", ["batch_size", "epochs"]) == "batch_size"
    assert nearest_name("zzz", ["batch_size"]) is None


def test_names_of_whoever_uses_a_setting_first_change_nothing() -> None:
    script = "from fittool.nn.layers import Activation, Conv2D; print(Conv2D(3, (1, 1), activation='relu').activation)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "relu\n"
