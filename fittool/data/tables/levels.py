"""The levels of a column: its different values as names, whether they are words or numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import Column

_LARGEST_EXACT = 2.0**53


def level_of(value: float) -> str:
    """The name of a number: 1 and 1.0 are one level."""
    # Size is looked at first, as there is no whole number of infinity, which is what 1e400 becomes.
    return str(int(value)) if abs(value) < _LARGEST_EXACT and value == int(value) else repr(float(value))


def written_levels(column: Column) -> tuple[NDArray[np.int64], list[str]]:
    """(N,) the number of each cell's level, -1 for a gap, and the levels: words as they are written, but for blanks round them.

    Numbers that have no leading zeros are levels by their value.
    """
    if not column.is_coded:
        values = column.array()
        found, codes = np.unique(values, return_inverse=True)
        names = [level_of(value) for value in found[~np.isnan(found)].tolist()]
        return np.where(np.isnan(values), -1, codes).astype(np.int64), names
    by_value = not any(map(has_leading_zero, column.cells))
    return _renamed(
        column, lambda code, cell: level_of(column.value_of(code)) if by_value and column.kinds[code] == "number" else cell
    )


def _renamed(column: Column, name_of: Callable[[int, str], str]) -> tuple[NDArray[np.int64], list[str]]:
    levels: dict[str, int] = {}
    of_cell = np.empty(len(column.cells), np.int64)
    for code, cell in enumerate(column.cells):
        if column.kinds[code] == "missing":
            of_cell[code] = -1
        else:
            of_cell[code] = levels.setdefault(name_of(code, cell.strip()), len(levels))
    return of_cell[column.codes], list(levels)


def has_leading_zero(cell: str) -> bool:
    """True for numbers such as 007, which are rather names."""
    bare = cell.strip()
    return len(bare) > 1 and bare[0] == "0" and bare.isdecimal()


def by_rank(levels: list[str]) -> list[str]:
    """Levels in order: numbers by value, words by their letters."""
    try:
        return sorted(levels, key=float)
    except ValueError:
        return sorted(levels)
