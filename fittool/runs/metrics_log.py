"""`metrics.jsonl`: one JSON object a finished epoch, only ever appended to; and `history.csv`, a view of it.

The table has every column that any row has, and is safe to open in a spreadsheet.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fittool.errors import CheckpointError, shown
from fittool.runs.files.append_only import append_line, drop_torn_line, sync, truncate
from fittool.runs.files.json_text import from_json, to_json
from fittool.runs.files.storage_errors import read_whole

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


_NONFINITE = "nonfinite"


class MetricsLog:
    """The rows of a run. A number that is not finite is written as null, and named under `nonfinite`.

    A row is durable once `sync` has returned, which is what saving a checkpoint does first; a kill of the process alone
    loses none.

    Args:
        path: The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row: names with numbers, text, booleans or None.

        Raises:
            StorageError: The file is as long as before.
        """
        values = {name: value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
        odd = {name: str(value) for name, value in values.items() if isinstance(value, float) and not math.isfinite(value)}
        written = {name: None if name in odd else value for name, value in values.items()}
        append_line(self.path, to_json(written | ({_NONFINITE: odd} if odd else {})))

    def rows(self) -> list[dict[str, Any]]:
        """All whole rows, as they were given; half a line at the end, which a running process may just be writing, is left out.

        Raises:
            CheckpointError: A line is damaged, or the file cannot be read.
        """
        lines = self._content().split(b"\n")[:-1]
        return [self._row(number, line) for number, line in enumerate(lines, start=1)]

    def _content(self) -> bytes:
        return read_whole(self.path) if self.path.exists() else b""

    def _row(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            row: dict[str, Any] = from_json(line)
            odd = row.pop(_NONFINITE, {})
            return row | {name: float(text) for name, text in odd.items()}
        except (ValueError, AttributeError, TypeError) as error:
            raise CheckpointError("is not a row of metrics.", place=f"{shown(self.path)}:{number}") from error

    def sync(self) -> int:
        """Bring all rows to disk.

        Returns:
            The length in bytes, for the checkpoint that belongs to it.

        Raises:
            StorageError: It is not certain that they are on disk.
        """
        return sync(self.path)

    def repair(self) -> bool:
        """Drop what a kill left behind the last whole row; True where there was something."""
        return drop_torn_line(self.path) > 0

    def cut(self, length: int) -> int:
        """Go back to the length that a checkpoint knew, so that no epoch is there twice; the rest goes to a file beside it.

        Args:
            length: Bytes, from the checkpoint's `metrics_bytes`.

        Returns:
            The number of rows that were cut; they are appended to `metrics.discarded.jsonl`.

        Raises:
            CheckpointError: The file does not have a row's end there: it is not the one that the checkpoint belongs to.
            StorageError: It cannot be changed.
        """
        content = self._content()
        kept, rest = content[:length], content[length:]
        if len(kept) < length or (kept and not kept.endswith(b"\n")):
            text = f"does not belong to the checkpoint, which expects a row's end at byte {length:,} of {len(content):,}."
            raise CheckpointError(text, place=shown(self.path))
        if rest:
            discarded = self.path.with_name("metrics.discarded.jsonl")
            append_line(discarded, rest.rstrip(b"\n"))
            sync(discarded)
            truncate(self.path, length)
        return rest.count(b"\n")
