"""Finding how the numbers of a table are written, from what each column allows."""

from __future__ import annotations

import pytest

from fittool.data.formats.number_forms import Evidence, FoundForm, advice, form_of, in_words
from fittool.data.formats.number_parsing import PLAIN, NumberForm
from fittool.errors import DataError


def found(*columns: list[str], delimiter: str = ",", decimal: str | None = None, thousands: str | None = None) -> FoundForm:
    evidence = {}
    for number, cells in enumerate(columns):
        evidence[f"c{number}"] = Evidence()
        for start in range(0, len(cells), 2):  # as chunks
            evidence[f"c{number}"].add(cells[start : start + 2])
    return form_of(evidence, delimiter, decimal, thousands)


@pytest.mark.parametrize(
    ("columns", "delimiter", "form"),
    [
        ([["1", "2.5"]], ",", PLAIN),
        ([["1.381", "2.500"]], ";", PLAIN),
        ([["1,5", "2"]], ";", NumberForm(",")),
        ([["1,5", "2"], ["1.381", "2.500"]], ";", NumberForm(",", ".")),
        ([["1,381", "997"], ["1.5", "2.5"]], ";", NumberForm(".", ",")),
        ([["1,381", "997"]], ",", NumberForm(".", ",")),
        ([["1,381", "997"]], ";", NumberForm(",")),
        ([["1,381", "9,5"]], ",", NumberForm(",")),
        ([["0,137", "0,248"], ["1", "2"]], ",", NumberForm(",")),
        ([["1,381", "0,248"], ["1", "2"]], "\t", NumberForm(",")),
        ([["1.381,5", "9"]], ";", NumberForm(",", ".")),
        ([["1 381", "9"]], ";", NumberForm(".", " ")),
        ([["1 381,5", "9"]], ";", NumberForm(",", " ")),
        ([["1'381.5", "9"]], ",", NumberForm(".", "'")),
        ([["1,5", "2"], ["words", "1,5", "more", "words"]], ";", NumberForm(",")),
        ([["1.5", "2"], ["words", "1,5", "more", "words"]], ";", PLAIN),
        ([["1,5", "oops", "2,5", "3,5"]], ";", NumberForm(",")),
    ],
)
def test_the_form_that_fits_all_columns_of_numbers(columns: list[list[str]], delimiter: str, form: NumberForm) -> None:
    assert found(*columns, delimiter=delimiter).form == form


@pytest.mark.parametrize(("delimiter", "value", "other"), [(",", "1381", "decimal"), (";", "1.381", "thousands")])
def test_a_comma_that_may_be_either_is_told(delimiter: str, value: str, other: str) -> None:
    doubt = found(["997", "1,381"], delimiter=delimiter).doubt
    assert doubt == f"column c0: '1,381' is read as {value}. If that is wrong, set {other}: ','."


def test_a_comma_that_cannot_be_told_is_asked_about() -> None:
    with pytest.raises(DataError, match=r"column c0: '1,381' may be 1381 or 1.381. Set thousands: ',' or decimal: ','"):
        found(["997", "1,381"], delimiter="\t")
    assert found(["997", "1,381"], delimiter="\t", decimal=",").form == NumberForm(",")
    assert found(["997", "1,381"], delimiter="\t", thousands=",").form == NumberForm(".", ",")


def test_columns_in_different_forms_are_refused() -> None:
    with pytest.raises(DataError, match="such as '1,5' in column c0, but column c1 in another"):
        found(["1,5", "2"], ["1.5", "2"])
    with pytest.raises(DataError, match="such as '0,137' in column c0, but column c1 in another"):
        found(["0,137", "0,248"], ["0.5", "0.7"], delimiter=";")


def test_what_is_given_holds() -> None:
    assert found(["1,5", "2"], decimal=".").form == PLAIN
    assert found(["1.381", "2.500"], decimal=",").form == NumberForm(",", ".")
    assert found(["1", "2"], decimal=",").form == NumberForm(",")
    assert found(["1", "2"], thousands="_").form == NumberForm(".", "_")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1,5", " Write 1.5. If all are written so, set decimal: ','."),
        ("0,942", " Write 0.942. If all are written so, set decimal: ','."),
        ("1,381.5", " Write 1381.5. If all are written so, set thousands: ','."),
        ("1,381", " Is the comma a thousands separator? Write 1381, or set thousands: ','. For 1.381 set decimal: ','."),
        ("$3", ""),
    ],
)
def test_advice_for_a_cell(cell: str, said: str) -> None:
    assert advice(cell) == said


def test_forms_in_words() -> None:
    assert (in_words(PLAIN), in_words(NumberForm(",", "."))) == ([], ["decimal ','", "thousands '.'"])
