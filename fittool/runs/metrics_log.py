"""`metrics.jsonl`: one JSON object a finished epoch, only ever appended to.

`history.csv` is a view of it, with every column that any row has.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fittool.errors import CheckpointError, shown
from fittool.runs.files.append_only import append_line, drop_torn_line, sync, truncate
from fittool.runs.files.json_text import from_json, to_json
from fittool.runs.files.storage_errors import read_whole

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
