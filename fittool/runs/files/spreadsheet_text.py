"""Tables as text that is safe to open in a spreadsheet: histories, predictions, lists of samples and trials."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SIGNED_NUMBER = re.compile(r"[+-](?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def csv_table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV (RFC 4180, with line feeds) in UTF-8.

    Numbers are written so that they read back exactly, `nan` and `inf` too. Text that a spreadsheet would take for a formula
    gets a `'` in front. A value that a row does not have is empty.

    Args:
        rows: Mappings from column to value; the columns keep the order in which they first occur.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [_line(columns), *(_line([row.get(name) for name in columns]) for row in rows)]
    return "".join(lines).encode("utf-8", "backslashreplace")


def _line(cells: Sequence[object]) -> str:
    """One row; written with a carriage return at its end first, because only then a cell that holds one alone is quoted."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, cells))
    return text.getvalue().removesuffix("\r\n") + "\n"


def _cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value


def guarded(text: str) -> str:
    """Text as a cell that no spreadsheet takes for a formula; a number with a sign, such as the class -1, is none."""
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) and not _SIGNED_NUMBER.fullmatch(text) else text


def unguard(text: str) -> str:
    """The text that `guarded` made a cell of."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_STARTS_A_FORMULA) else text
