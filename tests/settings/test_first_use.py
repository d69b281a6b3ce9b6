"""Members of families are completed when they are first used, and nobody can tell."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest
from pydantic import TypeAdapter

from fittool.nn import layers
from fittool.settings import Field, Integer, Named, fields_of, setting
from fittool.settings.first_use import complete


@setting
class Shape(Named):
    """A base, with a field of its own."""

    sides: Integer = Field(default=3, ge=3)


def a_class() -> type[Shape]:
    @setting
    class Polygon(Shape):
        """One that nothing has used yet."""

        length: Integer = Field(default=1, ge=1)

    return Polygon


@setting
class Star(Shape):
    """One that the pickles below name."""

    points: Integer = 5


def waits(cls: type) -> bool:
    return "__pydantic_validator__" not in vars(cls)


def test_a_class_waits() -> None:
    polygon = a_class()
    assert waits(polygon)
    assert polygon(length=2) == polygon(3, 2)
    assert not waits(polygon)


@pytest.mark.parametrize(
    "use",
    [
        lambda cls: list(fields_of(cls)) == ["sides", "length"],
        lambda cls: [field.name for field in dataclasses.fields(cls)] == ["sides", "length"],
        lambda cls: list(inspect.signature(cls).parameters) == ["sides", "length"],
        lambda cls: cls.__match_args__ == ("sides", "length"),
        lambda cls: TypeAdapter(cls).validate_python({"length": 4}).length == 4,
        lambda cls: cls(length=4).length == 4,
    ],
    ids=["fields", "dataclass", "signature", "match", "schema", "call"],
)
def test_every_way_in_completes_it(use: Callable[[type[Shape]], bool]) -> None:
    assert use(a_class())


def test_a_class_of_ones_own_extends_one_that_waits() -> None:
    polygon = a_class()

    class Square(polygon):  # type: ignore[misc, valid-type]
        """A user's."""

    assert Square(4, 2).length == 2
    assert not waits(polygon)


def test_a_dataclass_of_ones_own_has_the_fields_of_the_one_it_extends() -> None:
    @dataclasses.dataclass(frozen=True)
    class Square(a_class()):  # type: ignore[misc]
        """A user's."""

        colour: str = "red"

    assert [field.name for field in dataclasses.fields(Square)] == ["sides", "length", "colour"]


def test_completion_twice_is_completion_once() -> None:
    polygon = a_class()
    complete(polygon)
    made = polygon()
    complete(polygon)
    assert made == polygon()


def test_an_object_from_another_process_is_whole() -> None:
    """It may be the first of its class there: comparison is that of its own fields, not of its base's."""
    text = pickle.dumps([Star(points=6), Star(points=7)])
    script = "import pickle, sys\na, b = pickle.loads(bytes.fromhex(sys.argv[1]))\nprint(a == b, a.points, repr(b))\n"
    code = f"import sys; sys.path[:0] = {sys.path!r}; sys.argv = ['', {text.hex()!r}]; import {__name__}\n{script}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "False 6 Star(sides=3, points=7)\n", done.stderr


def test_most_layers_wait_until_a_network_names_them() -> None:
    code = (
        "from fittool.nn.layers import LAYERS\n"
        "waiting = ['__pydantic_validator__' not in vars(one) for one in LAYERS.members.values()]\n"
        "print(sum(waiting) / len(waiting))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 0.8


def test_signatures_are_those_of_keras() -> None:
    """What `help`, notebooks and editors show."""
    assert str(inspect.signature(layers.Dense)).startswith("(units, activation=None, use_bias=True, kernel_initializer=")
    assert list(inspect.signature(layers.Dense).parameters)[-5:] == ["name", "inputs", "trainable", "input_shape", "weights_of"]

    class Mine(layers.Dense):
        """With a form of its own."""

        def __init__(self, width: int) -> None:
            super().__init__(width, activation="relu")

    assert list(inspect.signature(Mine).parameters) == ["width"]
