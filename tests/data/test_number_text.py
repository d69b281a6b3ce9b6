"""Numbers in text, in each of the forms in which people write them."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.formats.number_parsing import PLAIN, NumberForm

GERMAN, ENGLISH, FRENCH, SWISS = NumberForm(",", "."), NumberForm(".", ","), NumberForm(",", " "), NumberForm(".", "'")


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (PLAIN, "-1.5e3", -1500), (PLAIN, " 7\t", 7), (PLAIN, ".5", 0.5), (PLAIN, "5.", 5), (PLAIN, "+0007", 7),
        (NumberForm(","), "1,5", 1.5), (NumberForm(","), ",5", 0.5), (NumberForm(","), "1,5e-3", 0.0015),
        (GERMAN, "1.234.567,5", 1234567.5), (GERMAN, "12", 12), (GERMAN, "-1.000", -1000),
        (ENGLISH, "1,234,567.5", 1234567.5), (ENGLISH, "1234567.5", 1234567.5), (ENGLISH, "12,345", 12345),
        (FRENCH, "1\u202f234,5", 1234.5), (FRENCH, "1\u00a0234", 1234), (FRENCH, "1 234 ", 1234),
        (SWISS, "1'234.5", 1234.5), (SWISS, "1\u2019234", 1234), (NumberForm(".", "_"), "1_000", 1000),
    ],
)  # fmt: skip
def test_a_number_has_its_value(form: NumberForm, text: str, value: float) -> None:
    assert form.is_number(text)
    assert form.value(text) == value
    np.testing.assert_array_equal(form.values([text, "1"]), [value, 1])


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (PLAIN, "1,5"), (PLAIN, "1 000"), (PLAIN, ""), (PLAIN, "."), (PLAIN, "1e"), (PLAIN, "1\n2"), (PLAIN, "\u0663"),
        (PLAIN, "1_0"),
        (GERMAN, "1.5"), (GERMAN, "1.2345"), (GERMAN, "1,234,567"), (ENGLISH, "1,5"), (ENGLISH, "1,2345"), (ENGLISH, "1234,567"),
        (ENGLISH, "0,137"), (ENGLISH, "-0,137"), (ENGLISH, "012,345"), (GERMAN, "0.137"), (SWISS, "0'137"), (FRENCH, "00 137"),
        (ENGLISH, ",567"), (FRENCH, "1  234"), (FRENCH, "1 23"),
    ],
)  # fmt: skip
def test_what_is_no_number_in_a_form(form: NumberForm, text: str) -> None:
    assert not form.is_number(text)
    assert not form.are_numbers(["1", text, "2"])


def test_a_column_is_looked_at_as_a_whole() -> None:
    assert ENGLISH.are_numbers(["1,000", "2", " 3.5"])
    assert not PLAIN.are_numbers(["1", "2\n3"])
    assert not PLAIN.are_numbers([])
