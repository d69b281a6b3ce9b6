"""All rows of the fault matrix, and the table of what was seen.

Some rows are played by a function of their own. The others are tables of bad input, whose cases all go through one runner.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import double_kills, kills, locks, numbers, processes, signals, soak, storage
from .harness import Bench
from .rows import ROWS, Row, Unavailable

__all__ = ["ROWS", "all_rows", "write_table"]
SECTIONS = {"K": kills, "K1": double_kills, "S": storage, "L": locks, "D": processes, "P": signals, "T": numbers, "SOAK": soak}
_LEVELS = ("the quick numbers", "the numbers of a release", "a night's numbers")
_SHOWN = 110
_OPENING = """# Faults

What fittool survives, each row played by a test that proves that its fault fired. Made by `python -m tests.faults --table`; last
made with {level}. `--full` plays the numbers of a release, `--long` ten times as many. `pytest` plays
every row with its quick numbers; the dearest rows and cases wait for `pytest -m long`.

| row | fault | state | figures |
| --- | --- | --- | --- |
"""


def all_rows() -> dict[str, Row]:
    """The rows that are played one by one, and those that are tables of bad input."""
    return {**ROWS, **{row.id: row for row in _tables()}}


def write_table(path: Path, seen: Sequence[tuple[Row, str, str]], level: int) -> None:
    """Write the page."""
    lines = [f"{beginning(row)} {state} | {_cell(text)} |" for row, state, text in seen]
    path.write_text(_OPENING.format(level=_LEVELS[level]) + "\n".join(lines) + "\n")


def beginning(row: Row) -> str:
    """The first two cells of a row's line."""
    return f"| {row.id} | {_cell(row.fault)} |"


def _cell(text: str) -> str:
    return " ".join(text.split())[:200].replace("|", "\\|").replace("<", "&lt;")


def _tables() -> list[Row]:
    tests = str(Path(__file__).parents[1])
    if tests not in sys.path:
        sys.path.insert(0, tests)  # where pytest finds the tables' helpers
    from faults.cases.all_cases import CASES

    found: dict[str, list[Any]] = {}
    for case in CASES:
        found.setdefault(case.row, []).append(case)
    return [Row(number, _titled(cases), _playing(cases)) for number, cases in found.items()]


def _titled(cases: Sequence[Any]) -> str:
    names = "; ".join(case.name for case in cases)
    names = names if len(names) <= _SHOWN else f"{names[:_SHOWN].rpartition(';')[0] or names[:_SHOWN]}; and more"
    return names.encode("ascii", "backslashreplace").decode()


def _playing(cases: Sequence[Any]) -> Callable[[Bench], str]:
    def play(bench: Bench) -> str:
        from faults.cases.runner import run

        passed, skipped = 0, []
        for number, case in enumerate(cases):
            (bench.folder / str(number)).mkdir()
            result = run(case, bench.folder / str(number))
            assert result.state != "failed", f"{case}: {result.reason[-600:]}"
            if result.state == "passed":
                passed += 1
            else:
                skipped.append(result.reason)
        if not passed:
            raise Unavailable(skipped[0])
        left_out = f", {len(skipped)} skipped ({skipped[0]})" if skipped else ""
        return f"{passed} case{'s' * (passed > 1)}{left_out}"

    return play
