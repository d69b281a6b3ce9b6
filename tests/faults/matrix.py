"""All rows of the fault matrix, and the table of what was seen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from . import kills, locks, numbers, signals, soak, storage
from .harness import ROWS, Row

__all__ = ["ROWS", "write_table"]
SECTIONS = {"K": kills, "S": storage, "L": locks, "P": signals, "T": numbers, "SOAK": soak}
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
    path.write_text(_OPENING.format(level=_LEVELS[level]) + "\n".join([*lines, *_tables(path.parent)]) + "\n")


def _tables(folder: Path) -> list[str]:
    """A line for each row of the tables of bad input: how many cases it has, and how many are open."""
    sys.path.insert(0, str(folder.parent))  # where pytest finds the tables' helpers
    from faults.cases.all_cases import CASES

    open_cases = (folder / "cases" / "open_cases.txt").read_text(encoding="utf-8").splitlines()
    rows: dict[str, list[str]] = {}
    for case in CASES:
        rows.setdefault(case.row, []).append(str(case))
    lines = []
    for number, cases in sorted(rows.items()):
        still_open = [case for case in cases if case in open_cases]
        state = "passed" if not still_open else f"{len(still_open)} open"
        lines.append(f"| {number} | bad input, {len(cases)} cases | {state} | {'; '.join(still_open)[:200]} |")
    return lines
