"""Files taken apart as bytes hold what `csv` and Python's own numbers make of them."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest

from fittool.data.formats.byte_blocks import ByteBlocks
from fittool.data.formats.columns import Column
from fittool.data.formats.csv_form import CsvForm, find_form
from fittool.data.formats.csv_table import read_header, read_table

ROWS = 300
NUMBERS = [
    "0", "-0", "7", "-12.5", "0.1", ".5", "5.", "123456.789", "99999999.9999999", "0.30000000000000004", "1e5", "+3", " 4", 
    "12345678901", "-0.000001", "3.14159265358979", "1.7976931348623157e38", "0.00000001", "17.0",
]  # fmt: skip


def blocks_of(content: bytes, columns: int, delimiter: str = ",", encoding: str = "utf-8", line: int = 1) -> ByteBlocks:
    return ByteBlocks(io.BytesIO(content), delimiter, encoding, columns, line)


def column_of(folder: Path, content: str, name: str = "a", **arguments: bool) -> Column:
    (folder / "t.csv").write_text(content, encoding="utf-8")
    header = read_header(folder / "t.csv", find_form(folder / "t.csv"))
    return read_table(header, [Column(name, **arguments)]).columns[name]


def test_numbers_are_to_the_bit_those_that_python_reads(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    cells = [
        *NUMBERS,
        *(f"{value:.{digits}f}" for value, digits in zip(chance.normal(0, 1e3, 600), chance.integers(0, 12, 600), strict=True)),
    ]
    found = column_of(tmp_path, "a,b\n" + "".join(f"{cell},x\n" for cell in cells)).array()
    expected = np.array([float(cell) for cell in cells])
    assert found.tobytes() == expected.tobytes()


def test_gaps_among_numbers_are_kept_with_their_lines(tmp_path: Path) -> None:
    cells = [("NA", "", "?")[n % 3] if n % 10 == 4 else f"{n}.25" for n in range(400)]
    column = column_of(tmp_path, "b,a\n" + "".join(f"x,{cell}\n" for cell in cells))
    assert (column.kind, column.gaps, column.first["missing"][0]) == ("number", 40, (6, "?" if cells[4] == "?" else cells[4]))
    assert np.isnan(column.array()).tolist() == [math.isnan(float(cell)) if cell[:1].isdigit() else True for cell in cells]


def test_text_is_coded_whatever_its_length_and_letters(tmp_path: Path) -> None:
    words = ["a", "größer", "a longer name than eight", "x" * 40, "", "größe", "日本"]
    cells = [words[n % len(words)] for n in range(ROWS)]
    column = column_of(tmp_path, "b,a\n" + "".join(f"{n},{cell}\n" for n, cell in enumerate(cells)), keep_text=True)
    assert column.text == cells


@pytest.mark.parametrize(
    "wrong",
    ['1,"2,3"\n', "1,2,3\n", "1\n", "\n", ",\n", "1,2\r3,4\n", "1,\0\n"],
    ids=["quote", "long", "short", "blank", "empty", "cr", "nul"],
)
def test_csv_goes_on_where_a_block_is_not_as_most_are(wrong: str) -> None:
    plain = "1,2\n" * ROWS
    whole = blocks_of(plain.encode(), 2)
    assert (sum(len(block.lines) for block in whole), whole.is_complete, whole.line) == (ROWS, True, ROWS + 1)
    damaged = blocks_of((plain + wrong + plain).encode(), 2)
    assert (list(damaged), damaged.is_complete, damaged.line) == ([], False, 1)


def test_both_readers_see_the_same_table(tmp_path: Path) -> None:
    lines = [f"{n},w{n % 5},{n / 7:.4f}\n" for n in range(60_000)]
    lines[50_000] = '50000,"a ""b"", and\na break",7.5\n'
    (tmp_path / "t.csv").write_text("a,b,c\n" + "".join(lines))
    header = read_header(tmp_path / "t.csv", CsvForm())
    table = read_table(header, [Column("a"), Column("b", keep_text=True), Column("c")])
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert table.columns["b"].text == [row["b"] for row in rows]
    assert table.columns["c"].array().tolist() == [float(row["c"]) for row in rows]
    assert (table.lines[50_000], table.lines[50_001]) == (50_002, 50_004)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("last", [True, False])
def test_forms_of_files(tmp_path: Path, ends: str, delimiter: str, last: bool) -> None:
    lines = [f"a{delimiter}b", *(f"{n}{delimiter}x{n % 3}" for n in range(ROWS))]
    (tmp_path / "t.csv").write_bytes((ends.join(lines) + (ends if last else "")).encode())
    header = read_header(tmp_path / "t.csv", find_form(tmp_path / "t.csv"))
    table = read_table(header, [Column("a"), Column("b", keep_text=True)])
    assert table.columns["a"].array().tolist() == list(range(ROWS))
    assert table.columns["b"].text == [f"x{n % 3}" for n in range(ROWS)]
