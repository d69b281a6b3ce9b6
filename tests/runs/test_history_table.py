from __future__ import annotations

import csv
import io
import math

from fittool.runs.metrics_log import csv_table


def test_the_header_has_every_column_of_any_row():
    assert csv_table([{"epoch": 1, "loss": 0.1}, {"epoch": 2, "val_loss": 0.5}]) == b"epoch,loss,val_loss\n1,0.1,\n2,,0.5\n"


def test_numbers_read_back_exactly():
    values = [0.1 + 0.2, 1e-300, -1, math.inf, math.nan]
    line = csv_table([{str(i): value for i, value in enumerate(values)}]).decode().splitlines()[1]
    assert [repr(float(cell)) for cell in line.split(",")] == [repr(float(value)) for value in values]


def test_text_that_looks_like_a_formula_is_defused_and_numbers_are_not():
    rows = [{"@x": "=cmd|'/C calc'!A0", "a": "+1", "b": -1, "c": "-1", "d": "\tx"}]
    table = list(csv.reader(io.StringIO(csv_table(rows).decode(), newline="")))
    assert table == [["'@x", "a", "b", "c", "d"], ["'=cmd|'/C calc'!A0", "'+1", "-1", "'-1", "'\tx"]]


def test_commas_quotes_and_line_breaks_survive():
    table = list(csv.reader(io.StringIO(csv_table([{'a,"b"\n': "c\nd"}]).decode(), newline="")))
    assert table == [['a,"b"\n'], ["c\nd"]]


def test_no_rows_are_an_empty_table():
    assert csv_table([]) == b"\n"
