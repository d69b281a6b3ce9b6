"""The reader of a file whose cells have types, by the ending of its name."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Literal

from fittool.data.typed_tables.typed_table import TypedTable

Kind = Literal["parquet", "excel", "json lines"]
_KINDS: dict[str, Kind] = {
    ".parquet": "parquet", ".pq": "parquet", ".xlsx": "excel", ".xlsm": "excel", ".jsonl": "json lines", ".ndjson": "json lines",
}  # fmt: skip
TYPED_ENDINGS = tuple(_KINDS)
"""The endings of such files."""


def typed_kind(path: PurePath) -> Kind | None:
    """The kind of a file that is no CSV, by the ending of its name."""
    name = path.name.lower().removesuffix(".gz")
    return next((kind for ending, kind in _KINDS.items() if name.endswith(ending)), None)


def read_typed(path: Path, kind: Kind) -> TypedTable:
    """The table in a file.

    Raises:
        MachineError: The extra `tables` is needed, and not installed.
        DataError: The file is missing, damaged, or no table.
    """
    if kind == "parquet":
        from fittool.data.typed_tables.parquet import read_parquet

        return read_parquet(path)
    if kind == "excel":
        from fittool.data.typed_tables.excel import read_excel

        return read_excel(path)
    from fittool.data.typed_tables.json_lines import read_json_lines

    return read_json_lines(path)
