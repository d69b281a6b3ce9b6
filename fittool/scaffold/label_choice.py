"""The choice of the label among the columns of a table, where nobody has said: by its name, else the last one that can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fittool.data.formats.columns import Column
from fittool.data.formats.csv_table import Table
from fittool.errors import DataError, shown, visible

_NAMES = (
    "label", "labels", "target", "targets", "class", "classes", "category", "species", "diagnosis", "outcome", "response", "kind",
    "variety", "tags", "survived", "salary", "churn", "y",
)  # fmt: skip
_NO_LABELS = frozenset(
    {
        "id", "idx", "index", "key", "no", "nr", "row", "rowid", "rownames", "unnamed: 0", "year", "month", "day", "date", "time",
        "timestamp", "datetime",
    }
)  # fmt: skip
_MOST_DIFFERENT = 1000
_FEWEST_TO_COUNT = 10

Ask = Callable[[str, Sequence[str], str], str]
"""Asks a person: a question, the possible answers, and the one that is meant if nothing is said."""


@dataclass(frozen=True)
class LabelChoice:
    """The columns of labels.

    Attributes:
        names: One, or several.
        doubt: A sentence where others may be meant, or "".
    """

    names: tuple[str, ...]
    doubt: str = ""


def choose_label(table: Table, beside: Sequence[str] = (), ask: Ask | None = None) -> LabelChoice:
    """The column that is most likely the label.

    Args:
        table: All columns with a name, in order.
        beside: Columns that are no labels, such as one of image paths.
        ask: Asks a person where it is not plain; None where there is nobody to ask.

    Raises:
        DataError: No column can be one.
    """
    columns = {name: column for name, column in table.columns.items() if name not in beside}
    named = {name.casefold(): name for name in reversed(columns)}
    for name in _NAMES:
        if (
            name in named
            and not is_row_number(columns[named[name]])
            and (name != "y" or named[name] in (next(iter(columns)), next(reversed(columns))))
        ):  # else a coordinate
            return LabelChoice((named[name],))
    possible = [name for name, column in columns.items() if can_be_label(column)]
    if not possible:
        text = "No column looks like a label: all are row numbers, dates, empty or text that differs in each row."
        raise DataError(f"{text} Name one with --label.", place=shown(table.path))
    guess = possible[-1]
    if len(possible) == 1:
        return LabelChoice((guess,))
    if ask is not None:
        return LabelChoice((ask("Which column is the label, to be predicted?", list(columns), guess),))
    return LabelChoice(
        (guess,), f"The label {visible(guess)} is a guess, the last column that can be one; --label names another."
    )


def can_be_label(column: Column) -> bool:
    """True where there is something to predict in a column."""
    if column.name.casefold() in _NO_LABELS or 2 * column.gaps > column.size or _is_useless(column):
        return False
    return column.is_numeric or column.different <= min(_MOST_DIFFERENT, max(2, column.size // 2))


def _is_useless(column: Column) -> bool:
    """True where there is nothing to predict: one value, or the numbers of the rows in any order."""
    if column.kind == "empty":
        return True
    if not column.is_numeric:
        return len({cell.strip() for cell in column.cells if cell.strip()}) < 2  # of words, none and NA may be classes
    values = column.array()
    present = values[~np.isnan(values)]
    return bool((present == present[0]).all()) or is_row_number(column)


def is_row_number(column: Column) -> bool:
    """True where a column numbers the rows, in whatever order."""
    if column.kind != "number" or column.gaps or column.size < _FEWEST_TO_COUNT:
        return False
    ordered = np.sort(column.array())
    return bool((np.diff(ordered) == 1).all())
