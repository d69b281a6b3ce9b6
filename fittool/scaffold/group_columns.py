"""Columns that say whom or what a row is of: rows of one person in training and in validation make a result look too good."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fittool.data.formats.columns import Column
from fittool.data.formats.csv_table import Table

_WHOSE = (
    "subject|patient|person|participant|respondent|proband|user|customer|client|member|player|driver|student|speaker|writer|author|"
    "animal|device|machine|sensor|camera|household|family|session|recording|slide|plate|group"
)
_NAME = re.compile(rf"({_WHOSE})s?([ _.-]?(id|no|nr|num|number|name|code|key))?", re.IGNORECASE)
_ID = re.compile(r".+[ _.-]id", re.IGNORECASE)
_FEWEST, _FEWEST_OF_IDS = 5, 10
_ROWS_OF_ONE = 2


@dataclass(frozen=True)
class GroupColumn:
    """A column whose values come again, and seem to be whom or what the rows are of.

    Attributes:
        name: The column.
        groups: How many different values it has.
        rows: How many rows there are.
    """

    name: str
    groups: int
    rows: int

    def in_words(self, shown: str) -> str:
        """A sentence for people; `shown` is the column's name as it may be printed."""
        each = round(self.rows / self.groups)
        return (
            f"{shown} seems to say whom or what a row is of: {self.groups:,} of them, about {each:,} rows each. If others than "
            f"these are to be predicted, validate on whole groups (kind: group, group: {shown}) and keep it out of the network "
            f"({shown}: key)"
        )


def find_groups(table: Table, names: Sequence[str]) -> GroupColumn | None:
    """The first column that tells groups apart, by its name and because its values come again; None where there is none.

    Args:
        table: All columns.
        names: Those that may be learnt from.
    """
    for name in names:
        column = table.columns[name]
        fewest = _FEWEST if _NAME.fullmatch(name.strip()) else _FEWEST_OF_IDS if _ID.fullmatch(name.strip()) else None
        different = None if fewest is None else _different(column)
        if fewest is not None and different is not None and fewest <= different <= column.size // _ROWS_OF_ONE:
            return GroupColumn(name, different, column.size)
    return None


def _different(column: Column) -> int | None:
    """How many different values a column of words or whole numbers has; None for any other."""
    if column.kind == "empty" or column.gaps * 2 > column.size:
        return None
    if not column.is_numeric:
        return column.different
    values = column.array()
    whole = values[values == values]
    return len(set(whole.tolist())) if (whole % 1 == 0).all() else None
