"""The settings of a table's columns, for whoever makes features of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fittool.data.tables.column_kinds import BooleanKind, CategoryKind, ColumnDefaults, ColumnKind, DateKind, TextKind


@dataclass(frozen=True)
class ColumnPlan:
    """The settings of columns.

    Attributes:
        kinds: Of the columns that are named.
        defaults: Of the others.
        drops_useless: Whether constants and row numbers among numbers are left out, and few repeated whole numbers are
            categories; else all numbers stay numbers, as in an experiment that says nothing of columns.
        listed: Columns that are to be learnt from whatever they hold.
        place: The place of what is said of a column, by its name, for messages.
    """

    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    defaults: ColumnDefaults = field(default_factory=ColumnDefaults)
    drops_useless: bool = False
    listed: frozenset[str] = frozenset()
    place: Callable[[str], str] = "".join

    def needs_text(self, name: str) -> bool:
        """True where a column's cells are to be read as they are written."""
        return isinstance(self.kinds.get(name), CategoryKind | BooleanKind | DateKind | TextKind)
