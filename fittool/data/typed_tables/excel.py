"""Excel workbooks, by openpyxl: the first sheet, each cell by its own type."""

from __future__ import annotations

import warnings
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from fittool.data.files import existing_file, reading
from fittool.data.typed_tables.typed_table import TextCells, TypedTable
from fittool.errors import DataError, MachineError, shown


def read_excel(path: Path) -> TypedTable:
    """The first sheet; its first row that is not empty names the columns.

    Raises:
        MachineError: openpyxl is not installed.
        DataError: The file is damaged, or the sheet is empty.
    """
    try:
        import openpyxl
    except ImportError:
        raise MachineError(f"{shown(path)} needs the extra tables: pip install 'fittool[tables]'") from None
    with reading(existing_file(path)), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that no cell's value depends on
        try:
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
            finally:
                book.close()
        except OSError:
            raise
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError, AttributeError, SyntaxError, EOFError) as error:
            raise DataError(f"The workbook is damaged, or none: {error}.", place=shown(path)) from error
    return _table(rows, path)


def _table(rows: list[list[Any]], path: Path) -> TypedTable:
    head = next((number for number, row in enumerate(rows) if any(cell is not None for cell in row)), None)
    if head is None:
        raise DataError("The first sheet is empty; a first row with the names of the columns was expected.", place=shown(path))
    names = [_cell(cell).strip() for cell in rows[head]]
    while names and not names[-1]:  # cells that are formatted, and hold nothing
        names.pop()
    below = rows[head + 1 :]
    while below and all(cell is None for cell in below[-1]):
        below.pop()
    columns = tuple(TextCells.of([_cell(row[place]) if place < len(row) else "" for row in below]) for place in range(len(names)))
    return TypedTable(tuple(names), columns, head + 2)


def _cell(value: object) -> str:
    """A cell as text: numbers and dates as everybody reads them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if value.time() != time() else value.date().isoformat()
    return value.isoformat() if isinstance(value, date | time) else str(value)
