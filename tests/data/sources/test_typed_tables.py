"""Tables in Parquet, Excel and JSON lines files: read as the CSV file that holds the same."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittool.data.sources import CsvSource, SourceContext
from fittool.data.sources.by_path import kind_of
from fittool.errors import DataError

SPARSE = SourceContext(class_mode="sparse")
ROWS = [
    {
        "length": None if n % 7 == 3 else n * 0.37,
        "count": n % 20,
        "where": None if n % 11 == 5 else ("hill", "dale", "größer")[n % 3],
        "code": f"0{n % 4}",
        "old": n % 2 == 0,
        "seen": datetime.datetime(2024, 1 + n % 12, 1 + n % 28, n % 24),
        "kind": "uv"[n % 2],
    }
    for n in range(60)
]


def as_csv(folder: Path) -> str:
    lines = [",".join(ROWS[0])]
    lines += [",".join("" if cell is None else str(cell) for cell in row.values()) for row in ROWS]
    (folder / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "t.csv")


def as_json_lines(folder: Path) -> str:
    lines = [json.dumps({key: cell for key, cell in row.items() if cell is not None}, default=str) for row in ROWS]
    (folder / "t.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "t.jsonl")


def as_parquet(folder: Path) -> str:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(ROWS), folder / "t.parquet")
    return str(folder / "t.parquet")


def as_excel(folder: Path) -> str:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(list(ROWS[0]))
    for row in ROWS:
        book.active.append(list(row.values()))
    book.save(folder / "t.xlsx")
    return str(folder / "t.xlsx")


def opened(path: str, **arguments: Any) -> Any:
    return CsvSource(path, **({"label": ["kind"]} | arguments)).open(SPARSE)


@pytest.mark.parametrize("write", [as_json_lines, as_parquet, as_excel])
def test_the_same_features_as_of_a_csv_file(tmp_path: Path, write: Any) -> None:
    expected, found = opened(as_csv(tmp_path)), opened(write(tmp_path))
    assert found.encoder.layout == expected.encoder.layout
    assert [column.kind for column in found.encoder.columns] == [column.kind for column in expected.encoder.columns]
    np.testing.assert_allclose(found.inputs[0], expected.inputs[0], rtol=1e-6)
    assert (found.class_names, found.targets[0].tolist()) == (expected.class_names, expected.targets[0].tolist())


@pytest.mark.parametrize("name", ["a.parquet", "A.PQ", "a.xlsx", "a.jsonl", "a.ndjson", "a.jsonl.gz"])
def test_the_ending_tells_a_table(name: str) -> None:
    assert kind_of(Path(name)) == "csv"


@pytest.mark.parametrize("name", ["t.parquet", "t.xlsx"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no workbook", b"PAR1 no table PAR1", b"a,b\n1,2\n"])
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    pytest.importorskip("pyarrow" if name.endswith("parquet") else "openpyxl")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: The (Parquet file|workbook) is damaged"):
        opened(str(tmp_path / name))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "The line is no JSON"),
        ("[1]", "The line is no JSON object"),
        ('{"a": 1, "a": 2}', "a key comes twice"),
        ("[" * 9999, "no JSON"),
    ],
)
def test_lines_that_are_no_objects_are_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(f'{{"a": 1, "kind": "u"}}\n{line}\n')
    with pytest.raises(DataError, match=rf"t\.jsonl:2: .*{message}"):
        opened(str(tmp_path / "t.jsonl"))


def test_columns_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{"a": n * 0.5, "parts": [n, n], "kind": "uv"[n % 2]} for n in range(20)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    found = opened(str(tmp_path / "t.parquet"))
    assert found.feature_names == ("a",)
    assert [(name, why[:10]) for name, why in found.reading.left_out] == [("parts", "holds list")]
