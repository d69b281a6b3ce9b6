"""The kinds of columns, by rules and by the training part alone; docs/tables.md states the rules."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.cell_form import CellKind
from fittool.data.formats.columns import SHOWN, Column, no_number
from fittool.data.tables.category_columns import FittedBoolean, are_booleans, fit_boolean, fit_category
from fittool.data.tables.column_kinds import (
    BooleanKind,
    CategoryKind,
    ColumnKind,
    DateKind,
    DateOrder,
    DateSettings,
    DropKind,
    KeyKind,
    NumberKind,
    NumberSettings,
    TextKind,
)
from fittool.data.tables.column_plan import ColumnPlan
from fittool.data.tables.date_columns import fit_date, read_order
from fittool.data.tables.fitted_column import Dropped, Facts, FittedColumn, FittedKey
from fittool.data.tables.levels import has_leading_zero, written_levels
from fittool.data.tables.number_columns import FittedNumber, NumberStatistics, fit_number, statistics_of
from fittool.data.tables.text_columns import FittedText
from fittool.errors import DataError, Problem

_FEWEST_TO_JUDGE = 10
_MOST_NAMED_BY_NUMBERS = 10
_OFTEN_ENOUGH, _OFTEN_SHARE = 10, 0.02
_WORDS, _LETTERS, _TEXTS_DIFFER = 3, 40, 0.2
_MOST_COME_ONCE = 0.5
_LOOKED_AT = 2000
_NUMBERS = "numbers"
_NO_NUMBER, _ONE_WAY = " is not a number", "If all are written so"
_MOSTLY_DISTINCT = 0.9
_ID = re.compile(
    r"(?i:(?:^|.*[ _.-])(?:id|idx|index|key|uid|uuid|guid|identifier|rowid|rownames|rownumber|serial))"
    r"|.*[a-z](?:Id|ID|Uid|UID|Identifier)"
)
_CODE = re.compile(r"\d+|(?![-+]?[\d.,]+$)\S+")
"""A word or a whole number."""
_NUMERIC: tuple[CellKind, ...] = ("number", "percent", "boolean")


def fit_columns(
    columns: Sequence[Column], rows: NDArray[np.int64], plan: ColumnPlan, describe: Callable[[int], str]
) -> tuple[FittedColumn, ...]:
    """Fix each column by (n,) rows of it: by the kind that is set, or by that which its cells show.

    Args:
        columns: The columns, whole.
        rows: Which of their rows count.
        plan: The settings.
        describe: The place of a row, for messages.

    Raises:
        DataError: A column is not of the kind that is set, or mostly of numbers with other cells among them.
    """
    numbers: Counter[CellKind] = Counter({"number": len(rows)})  # the same for most columns
    seen = {column.name: _counts(column, rows, numbers) for column in columns}
    numeric = [column for column in columns if _is_numeric(seen[column.name])]
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that are too large are told below
        statistics = dict(zip((column.name for column in numeric), statistics_of(numeric, rows), strict=True))
    fitted, problems = list[FittedColumn](), list[Problem]()
    stay_as_they_are = not plan.drops_useless and plan.defaults.number == NumberSettings()
    for column in columns:
        if stay_as_they_are and seen[column.name] is numbers and not column.too_large and column.name not in plan.kinds:
            found = statistics[column.name]  # as most columns of a table of thousands are
            facts = Facts(column.name, _NUMBERS, 0, found.distinct, len(rows))
            fitted.append(FittedNumber(facts, found.lowest, found.highest, found.median))
            continue
        one = _Fit(column, rows, plan, seen[column.name], statistics.get(column.name), describe)
        try:
            fitted.append(one.fitted())
        except DataError as error:
            problems += [replace(problem, place=problem.place or plan.place(column.name)) for problem in error.problems]
    if problems:
        raise DataError(problems)
    return tuple(fitted)


def _counts(column: Column, rows: NDArray[np.int64], numbers: Counter[CellKind]) -> Counter[CellKind]:
    """How many cells of some rows are of each kind; `numbers` where all are such."""
    if not column.is_coded:
        if not column.counts["missing"]:
            return numbers
        gaps = int(np.isnan(column.array()[rows]).sum())
        return Counter({"number": len(rows) - gaps, "missing": gaps})
    amounts = np.bincount(column.codes[rows], minlength=len(column.kinds)).tolist()
    counts: Counter[CellKind] = Counter()
    for kind, amount in zip(column.kinds, amounts, strict=True):
        counts[kind] += amount
    return counts


def _is_numeric(counts: Counter[CellKind]) -> bool:
    present = counts.total() - counts["missing"]
    return present > 0 and any(counts[kind] == present for kind in _NUMERIC)


def no_numbers(column: Column, wrong: NDArray[np.int64], describe: Callable[[int], str]) -> DataError:
    """The error about a column of numbers in which the cells of (n,) rows are none, with the ways out."""
    codes = column.codes[wrong]
    counts = Counter(codes.tolist())
    told, row = no_number(column.cells[codes[0]]), int(wrong[0])
    for code in list(counts)[:_LOOKED_AT]:  # a cell that can be read in one way alone tells more than one that may be either
        if _ONE_WAY in (text := no_number(column.cells[code])):
            told, row = text, int(wrong[np.argmax(codes == code)])
            break
    more = f" (and {len(wrong) - 1:,} more of {column.size:,} cells)" if len(wrong) > 1 else ""
    text = f"column {column.name}: {told.replace(_NO_NUMBER, f'{_NO_NUMBER}{more}', 1)}"
    if told.endswith(f"{_NO_NUMBER}."):
        listed = ", ".join(repr(column.cells[code][:SHOWN]) for code, _ in counts.most_common(3))
        text += (
            f" Where such cells stand for gaps, set missing_values: [{listed}] in csv; where they are names, set data.columns:"
        )
        text += f" {{{column.name}: category}}."
    return DataError(text, place=describe(row))


@dataclass(frozen=True)
class _Fit:
    """One column that is to be fixed.

    Attributes:
        column, rows: Its cells, and those that count.
        plan: The settings.
        counts: How many cells there are of each kind.
        statistics: Of its numbers, where all are.
        describe: The place of a row.
    """

    column: Column
    rows: NDArray[np.int64]
    plan: ColumnPlan
    counts: Counter[CellKind]
    statistics: NumberStatistics | None
    describe: Callable[[int], str]

    @property
    def _name(self) -> str:
        return self.column.name

    @property
    def _gaps(self) -> int:
        return self.counts["missing"]

    @property
    def _present(self) -> int:
        return self.counts.total() - self._gaps

    def _facts(self, why: str) -> Facts:
        distinct = self.statistics.distinct if self.statistics is not None else len(self._cells)
        return Facts(self._name, why, self._gaps, distinct, self.counts.total())

    @property
    def _cells(self) -> list[str]:
        """The different cells of the rows that are no gaps, without blanks round them."""
        if not self.column.is_coded:
            return []
        held, cells, kinds = np.unique(self.column.codes[self.rows]).tolist(), self.column.cells, self.column.kinds
        return list(dict.fromkeys(cells[code].strip() for code in held if kinds[code] != "missing"))

    def fitted(self) -> FittedColumn:
        """The column, fixed."""
        kind = self.plan.kinds.get(self._name)
        if self.column.too_large and self.statistics is not None and not isinstance(kind, CategoryKind | KeyKind | DropKind):
            line, cell = self.column.too_large[0]
            place = f"{self.describe(0).rpartition(':')[0]}:{line}"
            raise DataError(f"column {self._name}: {cell[:SHOWN]!r} is too large for float32. Scale the numbers.", place=place)
        if kind is not None:
            return self._as_set(kind)
        if not self._present:
            return Dropped(self._facts("empty"))
        return self._of_words() if self.statistics is None else self._of_numbers(self.statistics)

    def _as_set(self, kind: ColumnKind) -> FittedColumn:
        why = "set"
        if isinstance(kind, KeyKind | DropKind):
            return FittedKey(self._facts(why)) if isinstance(kind, KeyKind) else Dropped(self._facts(why))
        if not self._present:
            raise DataError(f"column {self._name}: it is {kind.public_name()}, but has no value in the training part. Drop it.")
        if isinstance(kind, NumberKind):
            return self._number(kind, why)
        if isinstance(kind, CategoryKind):
            return fit_category(self._facts(why), kind, self.column, self.rows)
        if isinstance(kind, BooleanKind):
            return self._boolean(why)
        if isinstance(kind, DateKind):
            return self._date(kind, why)
        assert isinstance(kind, TextKind)
        return FittedText(self._facts(why), kind.width)

    def _number(self, kind: NumberSettings, why: str) -> FittedNumber:
        if self.statistics is None:
            raise self._no_numbers()
        if self._gaps and kind.missing == "error":
            text = f"column {self._name}: {self._gaps:,} of {self.counts.total():,} cells have no value, and missing is error."
            raise DataError(f"{text} Set missing to median, mean, zero or a number, or remove these rows.")
        return fit_number(self._facts(why), kind, self.statistics, self.column, self.rows)

    def _no_numbers(self) -> DataError:
        """The error about cells that are no numbers where numbers are wanted."""
        numbers = "percent" if self.counts["percent"] > self.counts["number"] else "number"
        is_wrong = np.array([kind not in (numbers, "missing") for kind in self.column.kinds])
        return no_numbers(self.column, self.rows[is_wrong[self.column.codes[self.rows]]], self.describe)

    def _boolean(self, why: str) -> FittedBoolean:
        found = fit_boolean(self._facts(why), self.column, self.rows)
        if found is None:
            text = (
                f"column {self._name}: it is boolean, but has {len(self._cells) or self._facts(why).distinct:,} different values."
            )
            raise DataError(f"{text} Make it a category.")
        return found

    def _date(self, kind: DateSettings, why: str) -> FittedColumn:
        reading = read_order(self._cells)
        if reading.wrong:
            text = f"column {self._name}: it is a date, but {reading.wrong[0][:SHOWN]!r} is none"
            raise DataError(f"{text}{f' (and {len(reading.wrong) - 1:,} more)' if len(reading.wrong) > 1 else ''}.")
        order: DateOrder | None = kind.order or reading.order
        if order is None:
            example = next(iter(self._cells))
            text = f"column {self._name}: it cannot be told whether the day or the month comes first in {example!r}."
            raise DataError(f"{text} Set data.columns: {{{self._name}: {{date: {{order: dmy}}}}}}, or mdy.")
        return fit_date(self._facts(why), kind, order, self.column, self.rows)

    def _of_numbers(self, statistics: NumberStatistics) -> FittedColumn:
        """A column whose cells are all numbers."""
        kind = self.plan.defaults.number
        if self._name in self.plan.listed or not self.plan.drops_useless:
            return fit_number(self._facts(_NUMBERS), kind, statistics, self.column, self.rows)
        if statistics.distinct == 1 and not self._gaps:
            return Dropped(self._facts(f"always {statistics.lowest:g}"))
        is_judged = self.counts.total() >= _FEWEST_TO_JUDGE and not self._gaps
        if is_judged and statistics.counts_up:
            return Dropped(self._facts("counts the rows"))
        if statistics.is_whole and self._identifies(statistics.distinct):
            return self._key("number", statistics.distinct)
        if self.counts["boolean"] == self._present or (
            statistics.is_whole and {statistics.lowest, statistics.highest} == {0.0, 1.0}
        ):
            return self._boolean("two values")
        if self.column.is_coded and any(map(has_leading_zero, self._cells)):
            return fit_category(self._facts("numbers with leading zeros"), self.plan.defaults.category, self.column, self.rows)
        if statistics.is_whole and self._are_names(statistics):
            why = f"{statistics.distinct} whole numbers, each of them often"
            return fit_category(self._facts(why), self.plan.defaults.category, self.column, self.rows)
        return fit_number(self._facts(_NUMBERS), kind, statistics, self.column, self.rows)

    def _identifies(self, distinct: int) -> bool:
        """True where the column is called an identifier, and nearly all of its rows differ: a few come twice in real tables."""
        rows = self.counts.total()
        return rows >= _FEWEST_TO_JUDGE and distinct >= _MOSTLY_DISTINCT * rows and bool(_ID.fullmatch(self._name))

    def _are_codes(self, cells: Sequence[str]) -> bool:
        """True where cells identify rows; fractions never do, even in a column called price_index."""
        is_learnt = self._name in self.plan.listed or self.counts["foreign"] or self.counts["percent"]
        return not is_learnt and self._identifies(len(cells)) and all(map(_CODE.fullmatch, cells))

    def _key(self, what: str, distinct: int) -> FittedKey:
        rows = self.counts.total()
        where = "each row" if distinct == rows else f"most rows ({distinct:,} of {rows:,} differ)"
        return FittedKey(self._facts(f"a {what} of its own in {where}, and called as one"))

    def _are_names(self, statistics: NumberStatistics) -> bool:
        """True where whole numbers are few, and each of them is there often."""
        if not 2 <= statistics.distinct <= _MOST_NAMED_BY_NUMBERS:
            return False
        values = self.column.array()[self.rows]
        _, counts = np.unique(values[~np.isnan(values)], return_counts=True)
        return bool(counts.min() >= max(_OFTEN_ENOUGH, _OFTEN_SHARE * self._present))

    def _of_words(self) -> FittedColumn:
        """A column with cells that are no numbers."""
        numbers = self.counts["number"] + self.counts["percent"] + self.counts["foreign"]
        cells = self._cells
        is_key = self._are_codes(cells) or (len(cells) == self._present and _ID.fullmatch(self._name))
        if 2 * numbers >= self._present and not is_key:
            reading = read_order(cells[:_LOOKED_AT])
            if len(reading.wrong) == len(cells[:_LOOKED_AT]):
                raise self._no_numbers()
        if len(cells) == 1 and not self._gaps:
            return Dropped(self._facts(f"always {cells[0][:SHOWN]!r}"))
        if are_booleans(self.column):
            return self._boolean("yes or no")
        dates = self._if_dates(cells)
        return self._of_names(cells) if dates is None else dates

    def _if_dates(self, cells: Sequence[str]) -> FittedColumn | None:
        """The column as dates, where all of its cells are some."""
        if read_order(cells[:_LOOKED_AT]).wrong:
            return None
        reading = read_order(cells)
        if reading.wrong:
            return None
        if reading.order is None:
            why = f"dates such as {cells[0]}: does the day or the month come first? Set {{date: {{order: dmy}}}}, or mdy"
            return Dropped(self._facts(why))
        return fit_date(self._facts("dates"), self.plan.defaults.date, reading.order, self.column, self.rows)

    def _come_once(self) -> int:
        """The number of values that come only once."""
        codes, _ = written_levels(self.column)
        codes = codes[self.rows]
        return int((np.bincount(codes[codes >= 0]) == 1).sum())

    def _of_names(self, cells: Sequence[str]) -> FittedColumn:
        if self._are_codes(cells):
            return self._key("code", len(cells))
        some = cells[:_LOOKED_AT]
        is_long = sum(len(cell.split()) for cell in some) >= _WORDS * len(some) or sum(map(len, some)) >= _LETTERS * len(some)
        if is_long and len(cells) > max(_TEXTS_DIFFER * self._present, _MOST_NAMED_BY_NUMBERS):
            return FittedText(self._facts("sentences that differ"), self.plan.defaults.text.width)
        is_judged = self._present >= _FEWEST_TO_JUDGE and self._name not in self.plan.listed
        if is_judged and self._come_once() > _MOST_COME_ONCE * self._present:
            return FittedKey(self._facts("another word in most rows"))
        return fit_category(self._facts("words"), self.plan.defaults.category, self.column, self.rows)
