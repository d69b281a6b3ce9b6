"""C: CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from data.formats import test_mutated_arrays
from faults.cases.inputs import CHECK, encoded, experiment, picture, with_table
from faults.cases.runner import Case, Done

from fittool.data.sources import CsvSource, SourceContext

TABLE = "height,width,kind\n1.5,2,a\n-3e-1,.5,b\n+4,1.,a\n0,0,b\n"
NUMBERS = np.array([[1.5, 2], [-0.3, 0.5], [4, 1], [0, 0]], np.float32)


def _opened(done: Done) -> None:
    assert "4 samples to train on" in done.out, done.out + done.err


def _same(content: bytes) -> Callable[[Path], None]:
    """A table that gives the same numbers and classes as the plain one."""

    def probe(folder: Path) -> None:
        (folder / "data.csv").write_bytes(content)
        dataset = CsvSource(path=str(folder / "data.csv"), label="kind").open(SourceContext(class_mode="sparse"))
        (inputs,), (targets,), _ = dataset.load(np.arange(4))
        np.testing.assert_array_equal(inputs, NUMBERS)
        assert (targets.tolist(), dataset.class_names) == ([0, 1, 0, 1], ("a", "b"))

    return probe


def _forms() -> Iterator[Case]:
    table = {
        "as it is": TABLE.encode(),
        "byte order mark": b"\xef\xbb\xbf" + TABLE.encode(),
        "carriage returns and line feeds": TABLE.replace("\n", "\r\n").encode(),
        "carriage returns": TABLE.replace("\n", "\r").encode(),
        "no line break at the end": TABLE[:-1].encode(),
        "blank lines": TABLE.replace("\n", "\n\n").encode(),
        "quotes": TABLE.replace("a\n", '"a"\n').encode(),
    }
    for name, content in table.items():
        row = "C09" if name == "blank lines" else "C01"
        yield Case(row, name, probe=_same(content))


def _columns() -> Iterator[Case]:
    source = "{csv: {path: data.csv, label: LABEL}}"
    near = {
        "kinds": ["data.csv:1: There is no column kinds. Did you mean kind?"],
        "Kind": ["data.csv:1: There is no column Kind. Did you mean kind?"],
        "zzz": ["There is no column zzz. Columns: height, width, kind."],
    }
    for name, says in near.items():
        yield Case("C02", f"label {name}", with_table(TABLE, source.replace("LABEL", name)), 4, says)
    yield Case("C02", "label ' kind'", with_table(TABLE, source.replace("LABEL", "' kind'")), check=_opened)
    two = with_table(TABLE, "{csv: {path: data.csv, label: kind, features: [hight, wdth]}}")
    yield Case("C02", "two features", two, 4, ["Did you mean height?", "Did you mean width?"], lines=2)
    yield Case("C02", "no label", with_table(TABLE, "{csv: {path: data.csv}}"), 3, ["csv: label is missing."])
    twice = with_table("a,b,a,kind\n1,2,3,x\n")
    yield Case("C03", "a name twice", twice, 4, ["data.csv:1: The column name 'a' stands at positions 1 and 3. Rename one."])
    both = with_table("a,b,a,b\n1,2,3,x\n")
    yield Case("C03", "two names twice", both, 4, ["positions 1 and 3", "positions 2 and 4"], lines=2)


def _rows() -> Iterator[Case]:
    yield Case("C04", "a cell too few", with_table(TABLE + "1,2\n"), 4, ["data.csv:6: 2 fields, expected 3"])
    yield Case("C04", "a cell too many", with_table(TABLE + "1,2,a,b\n"), 4, ["data.csv:6: 4 fields, expected 3"])
    yield Case("C04", "one cell", with_table(TABLE + "1\n"), 4, ["data.csv:6: 1 field, expected 3"])
    far = TABLE + "1,2,a\n" * 1037 + "1,2,a,\n"
    yield Case("C04", "in line 1,043", with_table(far), 4, ["data.csv:1043: 4 fields, expected 3"])
    several = with_table(TABLE + "1,2\n3\n1,2,a\n1,2,3,4,5\n")
    yield Case("C04", "three rows", several, 4, ["csv:6: 2 fields", "csv:7: 1 field", "csv:9: 5 fields"], lines=3)
    many = with_table(TABLE + "1,2\n" * 1000)
    yield Case("C04", "a thousand rows", many, 4, ["data.csv:6: 2 fields, expected 3 (and so in 999 more: lines 7, 8, "], lines=1)
    opened = with_table(TABLE + '1,2,"a\n' + "1,2,b\n" * 100)
    yield Case("C05", "a quote that is not closed", opened, 4, ["data.csv:6: A quote that opens in this row is never closed."])
    within = with_table(TABLE + '1,2,"a"b\n')
    yield Case("C05", "text behind a quote", within, 4, ["data.csv:6: The row cannot be read: "])
    yield Case(
        "C06", "a long cell", with_table(TABLE + f"1,{'1' * 200_000},a\n"), 4, ["column width: '1111", "too large for float32"]
    )
    endless = with_table(TABLE + f"1,2,{'a' * 17_000_000}\n")
    yield Case("C06", "a longer cell", endless, 4, ["data.csv:6: A cell is longer than 16,000,000"])
    yield Case(
        "C06", "a NUL in a number", with_table(TABLE + "1,\0,a\n"), 4, ["data.csv:6: column width: '\\x00' is not a number."]
    )
    yield Case("C06", "a NUL in a name", with_table(TABLE + "1,2,a\0b\n"), 3, ["Give the last layer 3 units."])
    yield Case(
        "C06",
        "a line of 100 MB",
        with_table(b"height,width,kind\n" + b"1" * 100_000_000),
        4,
        ["data.csv:2: The line has more than"],
    )


def _cells() -> Iterator[Case]:
    table = {
        "1,5": " is not a number. Write 1.5.", "$3": "is not a number", "\u0663": "is not a number",
        "1_000": "is not a number", "1.000,5": "is not a number", "0x1F": "is not a number", "1e": "is not a number", "5%": "is not a number",
        "--1": "is not a number", "1.2.3": "is not a number", "\uff11": "is not a number", "true": "is not a number",
        "inf": "give it a value", "-inf": "give it a value",
        "1e400": "'1e400' is too large for float32. Scale the numbers.", "-1e39": "is too large for float32",
        "9" * 400: "is too large for float32",
    }  # fmt: skip
    for cell, says in table.items():
        make = with_table(TABLE + f'1,"{cell}",a\n')
        yield Case("C07", f"{cell[:20]!r}", make, 4, ["data.csv:6: column width: ", says], child=False)
    for cell in ("nan", "NaN", "NA", "N/A", "-", "null", "?", ""):
        yield Case("C07", f"{cell!r}", with_table(TABLE + f"1,{cell},a\n"), check=_filled)
    for cell in ("1e5", "1E-5", "+.5", "5.", "-0", "000", "1e-400", " 1", "1 000"):
        yield Case("C07", f"{cell} is a number", with_table(TABLE + f"1,{cell},a\n"), check=lambda done: _samples(done, 5))
    for cell in ("NA", "nan", "-", "?"):
        labels = with_table(f"height,kind\n1,0\n2,1\n3,{cell}\n")
        yield Case("C07", f"{cell} as a label", labels, check=_one_left_out)
    yield Case("C07", "an empty label", with_table(TABLE + "1,2,\n"), check=_one_left_out)


def _filled(done: Done) -> None:
    assert "gaps become 0.75, and an indicator" in done.out, done.out
    _samples(done, 5)


def _one_left_out(done: Done) -> None:
    assert "1 row without kind left out" in done.out, done.out


def _samples(done: Done, number: int) -> None:
    assert f"{number:,} samples to train on" in done.out, done.out


def _delimiters() -> Iterator[Case]:
    for delimiter in (";", "\t", "|"):
        yield Case("C08", f"delimiter {delimiter!r}", with_table(TABLE.replace(",", delimiter)), check=_opened)
        says = ["data.csv:1: There is no column kind.", f"Is the delimiter {delimiter!r}?".replace("\t", "\\t")]
        comma = with_table(TABLE.replace(",", delimiter), '{csv: {path: data.csv, label: kind, delimiter: ","}}')
        yield Case("C08", f"delimiter {delimiter!r} where a comma is set", comma, 4, says)
    source = '{csv: {path: data.csv, label: kind, delimiter: ";"}}'
    yield Case("C08", "delimiter that is named", with_table(TABLE.replace(",", ";"), source), check=_opened)
    damaged = with_table(TABLE.encode() + "1,2,café\n".encode() + b"1,2,caf\xe9\n")
    yield Case("C08", "a byte among UTF-8", damaged, 4, ["data.csv:7: Byte ", "(0xe9) is no UTF-8. Save the file"])
    yield Case("C08", "Latin-1", with_table(TABLE.replace("b\n", "é\n").encode("latin-1")), check=_opened)
    yield Case("C08", "UTF-16", with_table(TABLE.encode("utf-16")), check=_opened)
    yield Case("C08", "UTF-16 that is cut", with_table(TABLE.encode("utf-16")[:-1]), 4, ["The file is not written in utf-16"])


def _told_as_left_out(done: Done) -> None:
    assert "left out: a column without a name" in done.out, done.out


def _heads() -> Iterator[Case]:
    yield Case("C09", "empty", with_table(""), 4, ["data.csv:1: The file is empty; a first line with the names of the columns"])
    yield Case("C09", "only blank lines", with_table("\n\n\n"), 4, ["data.csv:1: The file is empty"])
    yield Case("C09", "no rows", with_table("height,kind\n"), 4, ["data.csv:1: The file holds names of columns, but no rows."])
    yield Case("C09", "no header", with_table("1,2,3\n4,5,6\n"), 4, ["data.csv:1: There is no column kind. The first line is no"])
    yield Case(
        "C09", "a comment first", with_table("# made by hand\n" + TABLE), 4, ["data.csv:1: The first line has 1 field, but"]
    )
    nameless = with_table(TABLE.replace("width", ""))
    yield Case("C09", "a column without a name", nameless, check=_told_as_left_out)
    yield Case("C09", "only the same text", with_table("height,kind\nx,a\nx,b\n"), 4, ["There is no column to learn from"])


def _unknown(folder: Path) -> Sequence[object]:
    (folder / "data.csv").write_text(TABLE)
    (folder / "test.csv").write_text(TABLE + "1,2,c\n")
    experiment(folder, "{csv: {path: data.csv, label: kind}}\n  validation: {csv: {path: test.csv, label: kind}}")
    return CHECK


def _images(*names: str, more: str = "") -> Callable[[Path], Sequence[object]]:
    def make(folder: Path) -> Sequence[object]:
        (folder / "pictures").mkdir()
        for name in ("a.png", "b.png"):
            (folder / "pictures" / name).write_bytes(encoded(picture()))
        (folder.parent / "outside.png").write_bytes(encoded(picture()))
        rows = "".join(f"{name},{'xy'[number % 2]}\n" for number, name in enumerate(("a.png", "b.png", *names)))
        (folder / "data.csv").write_text(f"file,kind\n{rows.replace('HERE', str(folder))}")
        source = f"{{csv: {{path: data.csv, label: kind, image: file, root: pictures{more}}}}}"
        experiment(folder, source, more="image: {size: [8, 8]}")
        return CHECK

    return make


def _paths() -> Iterator[Case]:
    yield Case(
        "C11", "a file that is missing", _images("c.png"), 4, ["data.csv:4: column file: there is no file", "pictures/c.png."]
    )
    several = _images(*(f"{number}.png" for number in range(7)))
    yield Case("C11", "seven that are missing", several, 4, ["data.csv:4: ", "data.csv:10: "], lines=7)
    many = _images(*(f"{number}.png" for number in range(500)))
    yield Case("C11", "500 that are missing", many, 4, ["There may be more; these are the first 20."], lines=21)
    yield Case("C11", "a folder", _images("../pictures"), 4, ["data.csv:4: column file: there is no file"])
    yield Case("C11", "an empty path", _images(""), 4, ["data.csv:4: column file: the cell is empty"])
    yield Case("C11", "a NUL", _images("a\0.png"), 4, ["data.csv:4: column file: there is no file"])
    yield Case("C11", "a path of 5,000 letters", _images("a" * 5000), 4, ["data.csv:4: column file: there is no file"])
    yield Case("C11", "absolute", _images("HERE/pictures/a.png"), check=lambda done: _samples(done, 3))
    yield Case("C11", "out of the root by name", _images("../../outside.png"), check=lambda done: _samples(done, 3))


def _large(folder: Path) -> Sequence[object]:
    with (folder / "data.csv").open("w") as file:
        file.write("height,width,kind\n")
        file.write("1.25,2.5,a\n3.25,4.5,b\n" * 150_000)
    experiment(folder, "{csv: {path: data.csv, label: kind}}")
    return ("check", "e.yaml")


CASES = [
    *_forms(),
    *_columns(),
    *_rows(),
    Case("C06", "edited at random", probe=test_mutated_arrays.test_damaged_tables),
    *_cells(),
    *_delimiters(),
    *_heads(),
    Case("C10", "a class in validation only", _unknown, 4, ["test.csv:6: The training data have no class 'c'. Known are a, b."]),
    *_paths(),
    Case("C13", "300,000 rows", _large, check=lambda done: _samples(done, 300_000), long=True),
]
