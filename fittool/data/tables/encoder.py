"""The encoder of a table: what the training part has fixed, which makes features of the rows of any table like it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import Column
from fittool.data.tables.category_columns import FittedBoolean, FittedCategory
from fittool.data.tables.column_plan import ColumnPlan
from fittool.data.tables.date_columns import FittedDate
from fittool.data.tables.fitted_column import CellReport, Dropped, Facts, FittedColumn, FittedKey
from fittool.data.tables.inference import fit_columns
from fittool.data.tables.number_columns import FittedNumber
from fittool.data.tables.text_columns import FittedText
from fittool.nn.table_layout import TableLayout

_AT_ONCE = 250_000
_KINDS = {"number": FittedNumber, "category": FittedCategory, "boolean": FittedBoolean, "date": FittedDate, "text": FittedText}
_VERSION = 1


@dataclass(frozen=True)
class EncodedTable:
    """The rows of a table as features.

    Attributes:
        values: (N, F) float32.
        reports: By column, the cells that are not as training had them; columns without such are not there.
    """

    values: NDArray[np.float32]
    reports: Mapping[str, CellReport] = field(default_factory=dict)


@dataclass(frozen=True)
class TableEncoder:
    """The columns of a table, each with what the training part has fixed.

    Attributes:
        columns: In the order of the table, those that are left out among them.
    """

    columns: tuple[FittedColumn, ...]

    @classmethod
    def fit(
        cls,
        columns: Sequence[Column],
        rows: NDArray[np.int64],
        plan: ColumnPlan | None = None,
        describe: Callable[[int], str] = "row {}".format,
    ) -> TableEncoder:
        """Fix the columns by (n,) rows.

        Args:
            columns: The columns, whole.
            rows: The rows to train on, rising; no other is looked at.
            plan: The settings of columns.
            describe: The place of a row, for messages.

        Raises:
            DataError: A column is not of the kind that is set, or mostly of numbers with other cells among them.
        """
        return cls(fit_columns(columns, rows, ColumnPlan() if plan is None else plan, describe))

    @classmethod
    def of_numbers(cls, names: Sequence[str], percent: frozenset[str] = frozenset()) -> TableEncoder:
        """Columns of numbers as they stand, in which gaps are refused: what runs of before this encoder learnt from."""
        return cls(tuple(FittedNumber(Facts(name, "numbers"), -np.inf, np.inf, is_percent=name in percent) for name in names))

    @cached_property
    def layout(self) -> TableLayout:
        """The columns of the matrix."""
        return TableLayout(tuple(feature for column in self.columns for feature in column.features))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """The columns of the table that are learnt from."""
        return tuple(column.name for column in self.columns if column.features)

    @property
    def keys(self) -> tuple[str, ...]:
        """The identifiers, which are passed through to predictions."""
        return tuple(column.name for column in self.columns if isinstance(column, FittedKey))

    @cached_property
    def is_plain(self) -> bool:
        """True where every feature is a column of numbers, as it stands."""
        return all(not one.features or _is_plain(one) for one in self.columns)

    def needs_text(self, name: str) -> bool:
        """True where a column's cells must be read as they are written."""
        return name in self._as_written

    @cached_property
    def _as_written(self) -> frozenset[str]:
        return frozenset(column.name for column in self.columns if column.needs_text)

    def encode(self, columns: Mapping[str, Column], count: int) -> EncodedTable:
        """The features of all rows.

        Args:
            columns: Each of `sources` by its name.
            count: The number of rows, N.
        """
        values = np.zeros((count, len(self.layout)), np.float32)
        reports: dict[str, CellReport] = {}
        place = 0
        for group in self._groups(count):
            width = sum(len(column.features) for column in group)
            found = _encode_plain(group, columns, values[:, place : place + width]) if _is_plain(group[0]) else None
            if found is None:
                found, at = {}, place
                for column in group:
                    until = at + len(column.features)
                    found[column.name] = column.encode(columns[column.name], values[:, at:until])
                    at = until
            reports |= {name: report for name, report in found.items() if not report.is_clean}
            place += width
        return EncodedTable(values, reports)

    def _groups(self, count: int) -> Iterator[list[FittedColumn]]:
        """Neighbouring plain numbers together, as many as are not too much memory; all else alone."""
        most, group = max(_AT_ONCE // max(count, 1), 1), list[FittedColumn]()
        for column in (column for column in self.columns if column.features):
            if group and (not _is_plain(column) or len(group) == most):
                yield group
                group = []
            if _is_plain(column):
                group.append(column)
            else:
                yield [column]
        if group:
            yield group

    def plain(self) -> dict[str, Any]:
        """All of it as plain data, for JSON; no row of the table is in it."""
        return {"version": _VERSION, "columns": [column.plain() for column in self.columns], "features": len(self.layout)}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> TableEncoder:
        """The encoder that `plain` describes.

        Raises:
            ValueError: It is something else.
        """
        try:
            return cls(tuple(map(_column_of, plain["columns"])))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"a column is not what fittool wrote ({error})") from error


def _is_plain(column: FittedColumn) -> bool:
    return isinstance(column, FittedNumber) and column.scale == "none" and not column.indicates


def _encode_plain(
    group: Sequence[FittedColumn], columns: Mapping[str, Column], out: NDArray[np.float32]
) -> dict[str, CellReport] | None:
    """The numbers of several columns as they stand, (N, columns); None where one has gaps, or cells of another kind."""
    if any(columns[column.name].kind == "mixed" for column in group):
        return None
    values = np.stack([columns[column.name].array() for column in group], axis=1)
    if np.isnan(values).any():
        return None
    with np.errstate(over="ignore"):  # numbers that are too large are told by row, as other bad cells
        out[...] = values
    lowest, highest = (np.array([getattr(column, edge) for column in group]) for edge in ("lowest", "highest"))
    with np.errstate(invalid="ignore"):  # runs of old know no range
        span = highest - lowest
        if not ((values.min(axis=0) < lowest - span) | (values.max(axis=0) > highest + span)).any():
            return {}
        far = (values < lowest - span) | (values > highest + span)
    return {
        group[place].name: CellReport(outside=np.flatnonzero(far[:, place])) for place in np.flatnonzero(far.any(axis=0)).tolist()
    }


def _column_of(plain: Mapping[str, Any]) -> FittedColumn:
    facts = Facts(plain["name"], plain["why"], plain["gaps"], plain["distinct"], plain["rows"])
    kind = plain["kind"]
    if kind in ("key", "drop"):
        return FittedKey(facts) if kind == "key" else Dropped(facts)
    return _KINDS[kind].of(facts, plain)  # type: ignore[attr-defined,no-any-return]  # each has it
