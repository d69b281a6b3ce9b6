"""Rows of a table that cannot be read, told one by one, so that all others can be used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import SHOWN, Column, no_number
from fittool.data.formats.csv_table import Table
from fittool.data.formats.reading import few
from fittool.data.formats.table_labels import numbers_among
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.fitted_column import CellReport
from fittool.errors import DataError, Problem, shown

if TYPE_CHECKING:
    from fittool.data.sources.base import SourceContext

BadRows = dict[int, Problem]
"""Why each row that cannot be read cannot, by its place among the rows."""
_LARGEST = float(np.finfo(np.float32).max)


def rows_of_other_lengths(table: Table) -> BadRows:
    """The rows that the table holds without their cells, as these do not fit the header."""
    row_of = {int(line): row for row, line in enumerate(table.lines.tolist())} if table.odd else {}
    found = {row_of[line]: text for line, text in table.odd.items() if line in row_of}
    return {row: _problem(table.number(row), text, table.place(row)) for row, text in found.items()}


def without_bad_rows(table: Table, labels: Sequence[str], context: SourceContext) -> tuple[Table, tuple[Problem, ...]]:
    """The table without rows of other lengths and without those whose label is no number though one is needed; the reasons.

    Args:
        table: The rows.
        labels: The columns of labels.
        context: Says whether such rows are left out; else the table stays as it is.
    """
    if context.on_bad_row != "drop":
        return table, ()
    bad = rows_of_other_lengths(table)
    for column in (table.columns[name] for name in numbers_among(labels, context)):
        for row in _of_other_kinds(column).tolist() if column.kind == "mixed" else ():
            text = f"column {column.name}: {no_number(column.cells[column.codes[row]])}"
            bad.setdefault(row, _problem(table.number(row), text, table.place(row)))
    if not bad or len(bad) == len(table.lines):
        return table, ()
    good = np.setdiff1d(np.arange(len(table.lines)), np.fromiter(bad, np.int64))
    return replace(table.select(good), odd={}), tuple(bad[row] for row in sorted(bad))


def _of_other_kinds(column: Column) -> NDArray[np.int64]:
    """The rows of a column of numbers that hold something else than numbers and gaps."""
    if not column.is_coded:
        return np.empty(0, np.int64)
    is_other = np.array([kind not in ("number", "missing") for kind in column.kinds])
    return np.flatnonzero(is_other[column.codes])


def note_bad_cells(
    columns: Mapping[str, Column],
    encoder: TableEncoder,
    reports: Mapping[str, CellReport],
    describe: Callable[[int], str],
    number: Callable[[int], int],
    bad: BadRows,
) -> None:
    """Add the rows in which a cell is not of its column's kind, is too large, or may not be empty.

    Args:
        columns: Of the table, by name.
        encoder: Says what each is.
        reports: What it found.
        describe: The place of a row.
        number: The number of a row, from 1.
        bad: Takes one problem a row; what is there already stays.
    """
    kinds = {column.name: column.kind for column in encoder.columns}
    for name in encoder.sources:
        found: dict[int, str] = {}
        column, report = columns[name], reports.get(name, CellReport())
        for row in report.bad.tolist():
            cell = column.cells[column.codes[row]] if column.is_coded else "?"
            found[row] = no_number(cell) if kinds[name] == "number" else f"{cell[:SHOWN]!r} is no {kinds[name]}."
        found |= dict.fromkeys(report.needed.tolist(), "the cell has no value, and gaps are not allowed there.")
        if column.too_large and not encoder.needs_text(name):
            values = column.array()
            written = dict(column.too_large)  # of very many only the first
            for row in np.flatnonzero(np.abs(values) > _LARGEST).tolist():
                cell = written.get(_line_of(describe(row)))
                shown_cell = f"{values[row]:g}" if cell is None else repr(cell[:SHOWN])
                found[row] = f"{shown_cell} is too large for float32. Scale the numbers."
        for row, text in found.items():
            bad.setdefault(row, _problem(number(row), f"column {name}: {text}", describe(row)))


def _line_of(place: str) -> int:
    line = place.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def check_percent(table: Table, percent: frozenset[str], names: Iterable[str]) -> None:
    """Refuse percentages where the run has learnt from numbers, and the other way round, in any column that is read as numbers.

    Args:
        table: The rows.
        percent: The columns of percentages that the run has learnt from.
        names: The columns to look at.

    Raises:
        DataError: One problem for each such column.
    """
    problems = []
    for name in dict.fromkeys(names):
        kind = table.columns[name].kind
        if kind in ("number", "percent") and (kind == "percent") != (name in percent):
            said, wanted = ("percentages", "numbers") if kind == "percent" else ("numbers", "percentages such as 12.5%")
            text = f"column {name}: it holds {said}, but what the training data have there are {wanted}. Write both alike."
            problems.append(Problem(text, shown(table.path)))
    if problems:
        raise DataError(problems)


def _problem(number: int, text: str, place: str) -> Problem:
    return Problem(f"row {number:,}: {text}", place)


def strange_cells(
    reports: Mapping[str, CellReport], columns: Mapping[str, Column], place: str, bad: Collection[int] = ()
) -> list[str]:
    """A sentence on the cells whose values training has not seen, and on numbers far outside of its range; none without such.

    Args:
        reports: What was found in each column.
        columns: The columns.
        place: The table.
        bad: Rows that are not used, and do not count.
    """
    skipped = list(bad)
    unknown = {name: np.setdiff1d(report.unknown, skipped) for name, report in reports.items()}
    outside = {name: np.setdiff1d(report.outside, skipped) for name, report in reports.items()}
    unknown, outside = ({name: rows for name, rows in found.items() if len(rows)} for found in (unknown, outside))
    kinds = ((unknown, "that training has not seen"), (outside, "far outside of the training range"))
    parts = [f"{_amount(found)} {what} ({_each(found, columns)})" for found, what in kinds if found]
    return [f"{place} holds {' and '.join(parts)}."] if parts else []


def _each(found: Mapping[str, NDArray[np.int64]], columns: Mapping[str, Column]) -> str:
    """Such as `sex 2: 'x' …`, for each column."""
    parts = []
    for name, rows in found.items():
        more = " …" if len(rows) > 1 else ""
        parts.append(f"{name} {len(rows):,}: {_cell(columns[name], int(rows[0]))}{more}")
    return few(parts)


def _amount(found: Mapping[str, NDArray[np.int64]]) -> str:
    count = sum(map(len, found.values()))
    return f"{count:,} value{'s' * (count != 1)}"


def _cell(column: Column, row: int) -> str:
    return repr(column.cells[column.codes[row]][:SHOWN]) if column.is_coded else f"{column.array()[row]:g}"
