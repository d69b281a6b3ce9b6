"""How a file is written, found by looking at it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from fittool.data.formats.csv_form import CsvForm, find_form, rows_of
from fittool.errors import DataError


def form(tmp_path: Path, content: str | bytes, **known: object) -> CsvForm:
    path = tmp_path / "data.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return find_form(path, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb\n1,5\t2,5\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a;b, in mm\n1;2\n3;4\n", ";"),
        ('a,b\n"1;2;3",4\n"5;6;7",8\n', ","),
        ("a\n1\n", ","),
        ("a b\n1 2.5\n", " "),
        ("a  b\n 1   2\n10  20  \n", " "),
        ("a\nsome words\nother words\n", ","),
        ("sep=;\na;b\n1;2\n", ";"),
        ("sep=,\na;b\n1;2\n", ","),
    ],
)
def test_delimiters(tmp_path: Path, content: str, delimiter: str) -> None:
    assert form(tmp_path, content).delimiter == delimiter


def test_a_delimiter_that_gives_the_names_that_are_asked_for_comes_first(tmp_path: Path) -> None:
    content = "a,b,c;kind\n1,2,3;u\n"
    assert form(tmp_path, content).delimiter == ","
    assert form(tmp_path, content, names=("kind",)).delimiter == ";"


@pytest.mark.parametrize(
    ("content", "header"),
    [
        ("a,b\n1,2\n", True),
        ("1,2\n3,4\n", False),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,2.9,other\n", False),
        ("id,2019,2020\nx,1,2\n", True),
        ("country,2019,2020\nx,1,2\n", True),
        ("1990,1991,1992\n5,6,7\n", True),
        ("0,1,2\n5,6,7\n", True),
        ("1,2,3\n5,6,7\n", False),
        (",a\n0,x\n1,y\n", True),
        ("name,colour\nx,red\ny,blue\n", True),
        ("x,red\ny,blue\nx,blue\ny,red\n", False),
        ("?,2\n3,4\n", False),
        ("a,b\n", True),
        ("a,b\nNA,2\n", True),
        ("a,b\n1,5\na,b\n", True),
        ('a,b\n"1,5","2,5"\n', True),
    ],
)
def test_heads(tmp_path: Path, content: str, header: bool) -> None:
    assert form(tmp_path, content).header is header


def test_a_name_that_is_asked_for_makes_a_head(tmp_path: Path) -> None:
    content = "x,red\nx,blue\ny,red\n"
    assert form(tmp_path, content).header is False
    assert form(tmp_path, content, names=("red",)).header is True


@pytest.mark.parametrize(
    ("content", "skips"),
    [("a, b\n1, 2\n", True), ("a, b\n1,2\n", False), ("a,b\n1, 2\n3, x\n", True), ("a,b\n1, 2\n3,x\n", False)],
)
def test_blanks_behind_delimiters(tmp_path: Path, content: str, skips: bool) -> None:
    assert form(tmp_path, content).skips_blanks is skips


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("a,b\n1,ü\n".encode(), "utf-8"),
        ("\ufeffa,b\n1,ü\n".encode(), "utf-8-sig"),
        ("a,b\n1,ü\n".encode("utf-16"), "utf-16"),
        ("a,b\n1,ü\n".encode("utf-32"), "utf-32"),
        ("a,b\n1,ü\n".encode("cp1252"), "cp1252"),
        ("a,b\n1,ü\n".encode("cp1252") * 200_000, "cp1252"),
        (gzip.compress("a,b\n1,ü\n".encode("cp1252")), "cp1252"),
        (("a,b\n" + "x," + "ü" * 3 + "\n").encode() * 150_000, "utf-8"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, encoding: str) -> None:
    assert form(tmp_path, content).encoding == encoding


def test_rows_have_the_lines_on_which_they_begin(tmp_path: Path) -> None:
    found = form(tmp_path, 'sep=,\na,b\n1,"two\nlines"\n\n2,3\n')
    assert [line for line, _ in rows_of(tmp_path / "data.csv", found)] == [2, 3, 6]


def test_a_file_in_another_encoding_than_is_said(tmp_path: Path) -> None:
    found = form(tmp_path, "a,b\n1,ü\n".encode("cp1252"), encoding="cp1252")
    with pytest.raises(DataError, match=r"data.csv: The file is not written in ascii: ordinal not in range"):
        list(rows_of(tmp_path / "data.csv", CsvForm(found.delimiter, "ascii")))


def test_in_words() -> None:
    assert CsvForm().in_words() == []
    assert CsvForm(";", "cp1252", header=False).in_words() == ["delimiter ';'", "encoding cp1252", "header false"]
