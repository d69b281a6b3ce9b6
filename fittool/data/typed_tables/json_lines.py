"""JSON lines: an object in each line, whose keys are the columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fittool.data.formats.table_text import encoding_of, lines_of
from fittool.data.typed_tables.typed_table import TextCells, TypedTable
from fittool.errors import DataError, shown


def read_json_lines(path: Path) -> TypedTable:
    """The objects of a file as rows; a key that a line lacks is a gap there.

    Raises:
        DataError: A line is no object, or holds a key twice.
    """
    columns: dict[str, dict[int, str]] = {}
    count = 0
    for number, line in enumerate(lines_of(path, encoding_of(path)), 1):
        if not line.strip():
            continue
        for key, value in _object(line, f"{shown(path)}:{number}").items():
            columns.setdefault(key.strip(), {})[count] = cell_of(value)
        count += 1
    cells = tuple(TextCells.of([found.get(row, "") for row in range(count)]) for found in columns.values())
    return TypedTable(tuple(columns), cells)


def _object(line: str, place: str) -> Mapping[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_once, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        said = "" if isinstance(error, RecursionError) else f" ({error})"
        raise DataError(f"The line is no JSON{said}.", place=place) from error
    if not isinstance(found, Mapping):
        raise DataError('The line is no JSON object such as {"a": 1}.', place=place)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def cell_of(value: object) -> str:
    """A value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
