from __future__ import annotations

import csv
import io
import math

import pytest

from fittool.runs.files.spreadsheet_text import csv_table


def test_the_header_has_every_column_of_any_row():
    assert csv_table([{"epoch": 1, "loss": 0.1}, {"epoch": 2, "val_loss": 0.5}]) == b"epoch,loss,val_loss\n1,0.1,\n2,,0.5\n"


def test_numbers_read_back_exactly():
    values = [0.1 + 0.2, 1e-300, -1, math.inf, math.nan]
    line = csv_table([{str(i): value for i, value in enumerate(values)}]).decode().splitlines()[1]
    assert [repr(float(cell)) for cell in line.split(",")] == [repr(float(value)) for value in values]


def test_text_that_looks_like_a_formula_is_defused_and_numbers_are_not():
    rows = [{"@x": "=cmd|'/C calc'!A0", "a": "+1+cmd", "b": -1, "c": "-1-1", "d": "\tx"}]
    table = list(csv.reader(io.StringIO(csv_table(rows).decode(), newline="")))
    assert table == [["'@x", "a", "b", "c", "d"], ["'=cmd|'/C calc'!A0", "'+1+cmd", "-1", "'-1-1", "'\tx"]]


@pytest.mark.parametrize("text", ["-1", "+1", "-0.5", "-1e-3", "+.5"])
def test_text_that_is_a_number_stays_as_it_is(text):
    """Such as the names of the classes -1 and 1."""
    assert csv_table([{"a": text}]).decode().splitlines()[1] == text


@pytest.mark.parametrize("text", ["-1\n", "-", "+1,5", "-1e", "--1", "-cmd|x", "-1 1"])
def test_text_that_only_begins_like_a_number_is_defused(text):
    ((cell,),) = list(csv.reader(io.StringIO(csv_table([{"a": text}]).decode(), newline="")))[1:]
    assert cell == f"'{text}"


def test_commas_quotes_and_line_breaks_survive():
    table = list(csv.reader(io.StringIO(csv_table([{'a,"b"\n': "c\nd"}]).decode(), newline="")))
    assert table == [['a,"b"\n'], ["c\nd"]]


def test_no_rows_are_an_empty_table():
    assert csv_table([]) == b"\n"
