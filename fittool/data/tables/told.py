"""The columns of a table for people: each with its kind, why it has that, its gaps and its different values."""

from __future__ import annotations

from collections import Counter

from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.fitted_column import FittedColumn
from fittool.errors import visible

_MOST = 40
_WIDEST = 24
_LONGEST = 70


def columns_in_words(encoder: TableEncoder) -> list[str]:
    """A heading and a line for each column; of very many the first, and those that are no plain numbers, before the others."""
    columns = encoder.columns
    if len(columns) > _MOST:
        # What needs a look comes first: a thousand columns of numbers would hide the one that is left out.
        columns = tuple(sorted(columns, key=lambda column: column.kind == "number" and not column.facts.gaps))
    rows = [("column", "kind", "gaps", "distinct", "why"), *map(_row, columns[:_MOST])]
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    lines = [_line(row, widths) for row in rows]
    if len(columns) > _MOST:
        rest = columns[_MOST:]
        kinds = Counter(column.kind for column in rest)
        listed = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        lines.append(f"… and {len(rest):,} more columns ({listed}); the run's columns.json has all")
    return lines


def _row(column: FittedColumn) -> tuple[str, str, str, str, str]:
    facts = column.facts
    why = facts.why if not column.note else f"{facts.why}; {column.note}"
    short = why if len(why) <= _LONGEST or not column.features else f"{why[: _LONGEST - 1]}…"
    name = visible(facts.name)
    return (
        name if len(name) <= _WIDEST else f"{name[: _WIDEST - 1]}…",
        column.kind,
        f"{facts.gaps:,}",
        f"{facts.distinct:,}",
        visible(short),
    )


def _line(row: tuple[str, str, str, str, str], widths: list[int]) -> str:
    name, kind, gaps, distinct, why = row
    return f"  {name:<{widths[0]}}  {kind:<{widths[1]}}  {gaps:>{widths[2]}}  {distinct:>{widths[3]}}  {why}"
