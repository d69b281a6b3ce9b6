"""Columns of a table that are learnt from: all of numbers by default; the others are told with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import Column
from fittool.data.formats.csv_table import Table
from fittool.data.formats.reading import few
from fittool.errors import DataError, Problem, shown

_FEW_DIFFERENT = 20


def numeric_columns(table: Table, names: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """The columns of numbers, percentages and booleans among some, and the others with the reason.

    A column of numbers in which some cells are none is a mistake, not a column to leave out.

    Raises:
        DataError: There is such a mistake, or no column of numbers.
    """
    chosen: list[str] = []
    left_out: list[tuple[str, str]] = []
    for name in names:
        column = table.columns[name]
        if column.kind in ("text", "empty"):
            left_out.append((name, reason(column)))
        else:
            chosen.append(name)
    if not chosen:
        told = f"; left out: {few([f'{name} ({why})' for name, why in left_out])}" if left_out else ""
        raise DataError(f"There is no column of numbers to learn from beside the labels{told}.", place=f"{shown(table.path)}:1")
    return chosen, left_out


def reason(column: Column) -> str:
    """The reason why a column is left out."""
    if column.kind == "empty":
        return "empty"
    numbers = column.counts["number"]
    few_numbers = f"; {numbers:,} of {column.size:,} cells {'is a number' if numbers == 1 else 'are numbers'}" if numbers else ""
    return f"text such as {column.example}{few_numbers}"


def check_percent(table: Table, names: Sequence[str], percent: frozenset[str]) -> None:
    """Refuse percentages where the run has learnt from numbers, and the other way round.

    Raises:
        DataError: One problem for each such column.
    """
    problems = []
    for name in names:
        column = table.columns[name]
        if column.kind in ("number", "percent") and (column.kind == "percent") != (name in percent):
            said, wanted = ("percentages", "numbers") if column.kind == "percent" else ("numbers", "percentages such as 12.5%")
            text = f"column {name}: it holds {said}, but what the training data have there are {wanted}. Write both alike."
            problems.append(Problem(text, shown(table.path)))
    if problems:
        raise DataError(problems)


def numbers_of(table: Table, names: Iterable[str]) -> NDArray[np.float64]:
    """(N, columns); every cell must have a value.

    Raises:
        DataError: Cells that are no numbers, or too large for float32, each with its line.
    """
    columns = [table.columns[name] for name in names]
    for column in columns:
        if not column.is_numeric or column.gaps or column.too_large:
            column.report(table.problems)
    table.problems.check()
    return np.stack([column.array() for column in columns], axis=1)
