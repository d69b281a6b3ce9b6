"""A look at the columns of a table: what `init` has to say of them so that the table can be learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fittool.data.formats.cell_form import MISSING
from fittool.data.formats.columns import Column
from fittool.data.formats.csv_table import Table
from fittool.data.tables.column_kinds import CategoryKind, ColumnKind, DropKind
from fittool.data.tables.column_plan import ColumnPlan
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.fitted_column import FittedColumn
from fittool.errors import DataError, visible

_MOST_ODD_WORDS, _MOST_ODD_CELLS = 5, 0.5
_FEW_DIFFERENT = 0.5


@dataclass(frozen=True)
class ColumnSurvey:
    """The columns of a table to learn from.

    Attributes:
        kinds: What is to be said of columns, by name.
        missing_values: The words that stand for gaps, where they are not the usual ones; else None.
        lines: Why something is said of some columns, for people.
    """

    kinds: Mapping[str, ColumnKind]
    missing_values: tuple[str, ...] | None
    lines: tuple[str, ...]


def look_at_columns(table: Table, names: Sequence[str], labels: Sequence[str]) -> ColumnSurvey:
    """Look at columns, and settle what a reader would have to ask.

    Args:
        table: All columns.
        names: Those that may be learnt from.
        labels: Those that are predicted, whose words are no gaps.

    Raises:
        DataError: None can be learnt from, or a number among numbers is too large.
    """
    plan = ColumnPlan(drops_useless=True)
    rows = np.arange(len(table.lines))
    kinds, odd, told = dict[str, ColumnKind](), dict[str, None](), list[str]()
    fitted: list[FittedColumn] = []
    classes = {cell.strip().casefold() for name in labels for cell in table.columns[name].cells}
    _refuse_too_large(table, names)
    for name in names:
        column = table.columns[name]
        try:
            fitted += TableEncoder.fit([column], rows, plan, table.place).columns
        except DataError:
            words = _odd_words(column)
            if words and not classes & {word.strip().casefold() for word in words}:
                odd |= dict.fromkeys(words)
                told.append(f"{', '.join(map(repr, words))} in {visible(name)} counts as a gap, as all other cells are numbers")
                continue
            kinds[name] = CategoryKind() if _are_few(column) else DropKind()
            what = "is a category" if isinstance(kinds[name], CategoryKind) else "is left out"
            told.append(f"{visible(name)} {what}: numbers and other cells, such as {column.example}")
    encoder = TableEncoder(tuple(fitted))
    if not encoder.sources and not odd and not any(isinstance(kind, CategoryKind) for kind in kinds.values()):
        left = "; ".join(f"left out: {visible(column.name)} ({column.facts.why})" for column in fitted)
        beside = f"beside the label {', '.join(map(visible, labels))}"
        raise DataError(
            f"There is no column to learn from {beside}. {left}".rstrip(), place=str(table.place(0)).rpartition(":")[0]
        )
    return ColumnSurvey(kinds, _missing_values(table, odd), tuple(told))


def _refuse_too_large(table: Table, names: Sequence[str]) -> None:
    """Refuse what `check` refuses: no other kind mends a column of numbers of which one is too large."""
    columns = [table.columns[name] for name in names if table.columns[name].too_large and table.columns[name].is_numeric]
    if columns:
        TableEncoder.fit(columns, np.arange(len(table.lines)), ColumnPlan(drops_useless=True), table.place)


def _odd_words(column: Column) -> list[str]:
    """The few words among a column of numbers that most likely stand for gaps; none where they are many."""
    odd = {kind: column.counts[kind] for kind in column.counts if kind not in ("number", "missing")}
    words = [cell for cell, kind in zip(column.cells, column.kinds, strict=True) if kind not in ("number", "missing")]
    if not words or len(words) > _MOST_ODD_WORDS or sum(odd.values()) > _MOST_ODD_CELLS * column.size or "foreign" in odd:
        return []
    return words


def _are_few(column: Column) -> bool:
    """True where values come again, so that they may be the names of something."""
    return len(column.cells) <= _FEW_DIFFERENT * column.size


def _missing_values(table: Table, odd: Mapping[str, None]) -> tuple[str, ...] | None:
    """The usual words for gaps that the table holds, and the odd ones."""
    if not odd:
        return None
    usual = {cell for column in table.columns.values() for _, cell in column.first.get("missing", ()) if cell.strip()}
    return (*sorted(cell.strip() for cell in usual if cell.strip().casefold() in MISSING), *odd)
