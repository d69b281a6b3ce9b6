"""Parquet files, by pyarrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fittool.data.files import existing_file, reading
from fittool.data.typed_tables.typed_table import NumberCells, TextCells, TypedTable
from fittool.errors import DataError, MachineError, shown


def read_parquet(path: Path) -> TypedTable:
    """The columns of numbers, truth values, texts and dates; an index that pandas wrote is none.

    Raises:
        MachineError: pyarrow is not installed.
        DataError: The file is damaged.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MachineError(f"{shown(path)} needs the extra tables: pip install 'fittool[tables]'") from None
    with reading(existing_file(path)):
        try:
            table = parquet.ParquetFile(path).read()
        except (pyarrow.ArrowException, ValueError) as error:
            raise DataError(f"The Parquet file is damaged, or none: {error}.", place=shown(path)) from error
    names, columns, left_out = list[str](), list[NumberCells | TextCells](), list[tuple[str, str]]()
    for name, column in zip(table.column_names, table.columns, strict=True):
        found = None if name.startswith("__index_level_") else _cells(column, pyarrow)
        if found is None:
            left_out.append((name, f"holds {column.type}"))
        else:
            names.append(name.strip())
            columns.append(found)
    return TypedTable(tuple(names), tuple(columns), 1, tuple(left_out))


def _cells(column: Any, pyarrow: Any) -> NumberCells | TextCells | None:
    """A column of a kind that is read, or None."""
    types, kind = pyarrow.types, column.type
    if types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return NumberCells(np.array(column.cast(pyarrow.float64(), safe=False).to_numpy(), np.float64))
    if types.is_boolean(kind) or types.is_string(kind) or types.is_large_string(kind) or types.is_temporal(kind):
        coded = column.cast(pyarrow.string()).fill_null("").combine_chunks().dictionary_encode()
        return TextCells(np.array(coded.indices.to_numpy(zero_copy_only=False), np.int32), coded.dictionary.to_pylist())
    if types.is_null(kind):
        return NumberCells(np.full(len(column), np.nan))
    return None
