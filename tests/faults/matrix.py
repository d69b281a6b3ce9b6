"""All rows of the fault matrix, and the table of what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import kills, locks, signals, storage
from .harness import ROWS, Row

__all__ = ["ROWS", "write_table"]
SECTIONS = {"K": kills, "S": storage, "L": locks, "P": signals}
_LEVELS = ("the quick set", "the numbers of a release", "a night's numbers")
_OPENING = """# Faults

What fittool survives, each row played by a test that proves that its fault fired. Made by `python -m tests.faults --table`; last
made with {level}. `--full` plays the numbers of a release, `--long` ten times as many.

| row | fault | state | figures |
| --- | --- | --- | --- |
"""


def write_table(path: Path, seen: Sequence[tuple[Row, str, str]], level: int) -> None:
    """Write the page."""
    lines = [f"| {row.id} | {row.fault} | {state} | {' '.join(text.split())[:200]} |" for row, state, text in seen]
    path.write_text(_OPENING.format(level=_LEVELS[level]) + "\n".join(lines) + "\n")
