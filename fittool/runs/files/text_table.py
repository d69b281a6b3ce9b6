"""Tables of text that grow row by row, as CSVLogger writes them: read, written, and known by a hash of their first rows."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from fittool.runs.files.json_text import to_json
from fittool.runs.files.spreadsheet_text import guarded, unguard

Row = dict[str, str]
"""Text by column; columns that a row does not have are absent."""

_ABSENT = "NA"


def read_rows(path: Path, separator: str) -> list[Row]:
    """The rows of a table with a header.

    Raises:
        OSError, UnicodeDecodeError, csv.Error: It cannot be read as one.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter=separator))
    return [
        {unguard(name): cell for name, cell in row.items() if name is not None and cell not in (None, _ABSENT)} for row in rows
    ]


def encode_rows(rows: Sequence[Row], separator: str) -> bytes:
    """The content of the file: `epoch`, then all other columns in their alphabetical order."""
    names = ["epoch", *sorted({name for row in rows for name in row} - {"epoch"})]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(map(guarded, names))
    writer.writerows([row.get(name, _ABSENT) for name in names] for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def digest_of_rows(rows: Sequence[Row]) -> str:
    """A hash of rows, whatever the order of their columns."""
    return hashlib.sha256(to_json([dict(sorted(row.items())) for row in rows])).hexdigest()


def missing_in(root: Path, callbacks: Mapping[str, object]) -> list[str]:
    """The files in a run that its callbacks count on and that are not as the checkpoint knows them.

    Args:
        root: The run.
        callbacks: The states of the callbacks, of which those with a `file` count on it, and those with `rows` on its rows.

    Returns:
        For each such file a sentence without its subject, such as `log.csv has lost rows that CSVLogger wrote.`
    """
    wrong = []
    for name, state in callbacks.items():
        if not isinstance(state, Mapping) or not isinstance(state.get("file"), str):
            continue
        path = root / state["file"]
        if not path.is_file():
            wrong.append(f"{state['file']}, which {name} wrote, is gone.")
        elif "rows" in state and not has_rows(path, state):
            wrong.append(f"{state['file']} does not begin with the rows that {name} wrote.")
    return wrong


def has_rows(path: Path, state: Mapping[str, object]) -> bool:
    """True where a table begins with the rows that a state counts: `rows`, `digest`, `separator`."""
    try:
        found = read_rows(path, str(state.get("separator", ",")))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    known = int(str(state["rows"]))
    return len(found) >= known and state.get("digest") in (None, digest_of_rows(found[:known]))
