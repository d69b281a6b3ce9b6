"""Which scalars are booleans, numbers, nothing or text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittool.settings.scalars import ScalarError, scalar, written


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_true(text: str) -> None:
    assert scalar(text) is True


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_nothing(text: str) -> None:
    assert scalar(text) is None


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("-7", -7), ("+3", 3), ("1000000", 1_000_000)])
def test_integers(text: str, number: int) -> None:
    assert (scalar(text), type(scalar(text))) == (number, int)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-3", 0.001), ("1E5", 1e5), ("1e3", 1e3), (".5", 0.5), ("5.", 5.0), ("-0.25", -0.25), ("1.5e+2", 150.0)],
)
def test_floats(text: str, number: float) -> None:
    assert (scalar(text), type(scalar(text))) == (number, float)


@pytest.mark.parametrize(
    "text",
    ["yes", "no", "on", "off", "y", "n", "010", "0o10", "0x1F", "1_000", "12:30:45", "2024-13-45", ".nan", ".inf", "nan", "inf",
     "tRUE", "1e", "e3", "--1", "1.2.3", "٣", "1/255"],
)  # fmt: skip
def test_everything_else_is_text(text: str) -> None:
    assert scalar(text) == text


@pytest.mark.parametrize("text", ["1e999", "-1e999", "1" * 41])
def test_numbers_that_nothing_can_hold(text: str) -> None:
    with pytest.raises(ScalarError, match=r"too large|digits"):
        scalar(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_to_the_bit(number: float) -> None:
    again = scalar(written(number))
    assert math.copysign(1, again) == math.copysign(1, number)
    assert again == number


@given(st.none() | st.booleans() | st.integers(-(10**30), 10**30))
def test_other_scalars_read_back(value: int | bool | None) -> None:
    assert scalar(written(value)) is value or scalar(written(value)) == value
