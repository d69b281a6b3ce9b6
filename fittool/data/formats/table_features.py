"""Columns of a table that are learnt from: all of numbers by default; the others are told with the reason."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import Column
from fittool.data.formats.csv_table import Table

_FEW_DIFFERENT = 20


def reason(column: Column) -> str:
    """The reason why a column is left out."""
    if column.kind == "empty":
        return "empty"
    numbers = column.counts["number"]
    few_numbers = f"; {numbers:,} of {column.size:,} cells {'is a number' if numbers == 1 else 'are numbers'}" if numbers else ""
    return f"text such as {column.example}{few_numbers}"


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


def weights_of(table: Table, name: str) -> NDArray[np.float32]:
    """(N,) the sample weights in a column.

    Raises:
        DataError: Cells that are no numbers, or below 0, each with its line.
    """
    weights = numbers_of(table, [name])[:, 0]
    for row in np.flatnonzero(weights < 0).tolist():
        text = f"column {name}: {weights[row]:g} is below 0; a weight must be at least 0."
        table.problems.add(text, int(table.lines[row]))
    table.problems.check()
    return weights.astype(np.float32)
