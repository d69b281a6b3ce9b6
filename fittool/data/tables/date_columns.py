"""Columns of dates: parsed without a guess which of two numbers is the day, and taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import Column
from fittool.data.tables.column_kinds import DateOrder, DatePart, DateSettings
from fittool.data.tables.fitted_column import CLEAN, CellReport, Facts, FittedColumn
from fittool.data.tables.levels import written_levels
from fittool.nn.table_layout import Feature

DAY = 86_400.0
_LONGEST = 40
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = (
    r"(?:(?:[ T]|, )([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]{1,9})?)? ?([AaPp][Mm])?)? ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?"
)
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/.])([0-9]{{1,2}})([-/.])([0-9]{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"([0-9]{{1,2}})([-/.])([0-9]{{1,2}})([-/.])([0-9]{{4}}){_TIME}")
_DAY_NAMED = re.compile(rf"([0-9]{{1,2}})\.?[ -]([A-Za-z]{{3,9}})\.?,?[ -]([0-9]{{4}}){_TIME}")
_MONTH_NAMED = re.compile(rf"([A-Za-z]{{3,9}})\.? ([0-9]{{1,2}}),? ([0-9]{{4}}){_TIME}")
_PARTS: tuple[DatePart, ...] = ("year", "month", "day", "weekday", "hour", "time")
_CYCLES = {"month": 12, "day": 31, "weekday": 7, "hour": 24}


@dataclass(frozen=True)
class ParsedDate:
    """The ways in which a cell may be a date.

    Attributes:
        seconds: By the order of day and month, the seconds since 1970; without an order where it is not in question.
        is_dotted: Whether it is written with dots, which is done with the day first.
    """

    seconds: Mapping[DateOrder, float]
    is_dotted: bool = False


def parse_date(cell: str) -> ParsedDate | None:
    """A cell as a date: ISO, day and month before the year, or with the month's name; None where it is none."""
    text = cell.strip()
    if len(text) > _LONGEST:
        return None
    if match := _YEAR_FIRST.fullmatch(text):
        year, separator, month, again, day, *time = match.groups()
        return _in_orders({"ymd": (year, month, day)}, time) if separator == again else None
    if match := _YEAR_LAST.fullmatch(text):
        first, separator, second, again, year, *time = match.groups()
        orders: dict[DateOrder, tuple[str, str, str]] = {"dmy": (year, second, first), "mdy": (year, first, second)}
        return _in_orders(orders, time, is_dotted=separator == ".") if separator == again else None
    named = _DAY_NAMED.fullmatch(text)
    day, month, year, *time = named.groups() if named else (None, None, None)
    if named is None and (named := _MONTH_NAMED.fullmatch(text)):
        month, day, year, *time = named.groups()
    if named is None or str(month)[:3].lower() not in _MONTHS:
        return None
    return _in_orders({"ymd": (str(year), str(_MONTHS.index(str(month)[:3].lower()) + 1), str(day))}, time)


def _in_orders(
    dates: Mapping[DateOrder, tuple[str, str, str]], time: Sequence[str | None], *, is_dotted: bool = False
) -> ParsedDate | None:
    within = _seconds_of(time)
    if within is None:
        return None
    found: dict[DateOrder, float] = {}
    for order, (year, month, day) in dates.items():
        try:
            found[order] = (date(int(year), int(month), int(day)).toordinal() - date(1970, 1, 1).toordinal()) * DAY + within
        except ValueError:
            continue
    return ParsedDate(found, is_dotted) if found else None


def _seconds_of(time: Sequence[str | None]) -> float | None:
    """The seconds since midnight, less the offset of a time zone; None where there is no such time."""
    hour, minute, second, half, zone = time
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second or 0)
    if half is not None:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + 12 * (half.lower() == "pm")
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    offset = 0
    if zone is not None and zone[0] in "+-":
        offset = (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60) * (1 if zone[0] == "+" else -1)
    return float(hours * 3600 + minutes * 60 + seconds - offset)


@dataclass(frozen=True)
class DateReading:
    """The reading of some cells as dates.

    Attributes:
        order: Of day and month; `ymd` where it is in no question; None where it cannot be told.
        wrong: Cells that are no date in any order, or none in the order of the others.
    """

    order: DateOrder | None
    wrong: tuple[str, ...] = ()


def read_order(cells: Iterable[str]) -> DateReading:
    """The order of day and month in which all of some cells are dates."""
    orders: set[DateOrder] = {"dmy", "mdy"}
    wrong, is_asked, dotted = list[str](), False, True
    for cell in cells:
        parsed = parse_date(cell)
        if parsed is None:
            wrong.append(cell)
        elif "ymd" not in parsed.seconds:
            is_asked, dotted = True, dotted and parsed.is_dotted
            orders &= set(parsed.seconds)
    if not is_asked:
        return DateReading("ymd", tuple(wrong))
    if len(orders) == 1:
        return DateReading(orders.pop(), tuple(wrong))
    return DateReading("dmy" if orders and dotted else None, tuple(wrong))


@dataclass(frozen=True)
class FittedDate(FittedColumn):
    """A column of dates.

    Attributes:
        order: Of day and month.
        parts: What is taken of each.
        first, last: The first and the last of the training part, in seconds since 1970.
        indicates: Whether a further feature says where there was a gap.
    """

    kind: ClassVar[str] = "date"
    needs_text: ClassVar[bool] = True

    order: DateOrder
    parts: tuple[DatePart, ...]
    first: float
    last: float
    indicates: bool = False

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """A number for the year and the time, two for each other part; and where training had gaps their indicator."""
        found: list[Feature] = []
        for part in self.parts:
            if part in _CYCLES:
                found += [Feature(f"{self.name} {part} {wave}", self.name, "cyclic") for wave in ("sine", "cosine")]
            else:
                found.append(Feature(f"{self.name} {part}", self.name, "number"))
        return (*found, *([Feature(f"{self.name} is missing", self.name, "indicator")] if self.indicates else []))

    @property
    def note(self) -> str:
        """From when to when, and the parts."""
        return f"{_day(self.first)} to {_day(self.last)}: {', '.join(self.parts)}"

    def encode(self, column: Column, out: NDArray[np.float32]) -> CellReport:
        """The parts of each date; of a gap zeros, and the middle of the time."""
        seconds, is_gap = seconds_of(column, self.order)
        bad = np.flatnonzero(np.isnan(seconds) & ~is_gap)
        known = np.where(np.isnan(seconds), (self.first + self.last) / 2, seconds)
        place = 0
        for part in self.parts:
            if part in _CYCLES:
                angles = 2 * np.pi * _values(part, known) / _CYCLES[part]
                out[:, place], out[:, place + 1] = np.sin(angles), np.cos(angles)
                out[np.isnan(seconds), place : place + 2] = 0
                place += 2
            else:
                out[:, place] = self._share(part, known)
                place += 1
        if self.indicates:
            out[:, place] = is_gap
        span = self.last - self.first
        far = np.flatnonzero(np.abs(known - (self.first + self.last) / 2) > 1.5 * span) if span else np.empty(0, np.int64)
        return CellReport(bad=bad, outside=far) if len(bad) or len(far) else CLEAN

    def _share(self, part: DatePart, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where between the first and the last, 0 to 1; of years whole ones count."""
        first, last = self.first, self.last
        if part == "year":
            seconds = _values("year", seconds)
            first, last = (float(_values("year", np.array([edge]))[0]) for edge in (first, last))
        return (seconds - first) / ((last - first) or 1.0)

    def learnt(self) -> dict[str, Any]:
        """Order, parts, first and last."""
        indicator = {"indicator": True} if self.indicates else {}
        return {"order": self.order, "parts": list(self.parts), "first": self.first, "last": self.last, **indicator}

    @classmethod
    def of(cls, facts: Facts, plain: Mapping[str, Any]) -> FittedDate:
        """The column that `plain` describes."""
        parts = tuple(plain["parts"])
        return cls(facts, plain["order"], parts, plain["first"], plain["last"], plain.get("indicator", False))


def fit_date(facts: Facts, kind: DateSettings, order: DateOrder, column: Column, rows: NDArray[np.int64]) -> FittedDate:
    """Fix a column of dates by (n,) rows of it."""
    seconds, is_gap = seconds_of(column, order)
    seconds, is_gap = seconds[rows], is_gap[rows]
    known = seconds[~np.isnan(seconds)]
    parts = tuple(kind.parts or ()) or tuple(part for part in _PARTS if _differ(_values(part, known)))
    return FittedDate(facts, order, parts or ("time",), float(known.min()), float(known.max()), bool(is_gap.any()))


def _differ(values: NDArray[np.float64]) -> bool:
    return bool((values != values[0]).any())


def seconds_of(column: Column, order: DateOrder) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(N,) seconds since 1970, NaN where a cell is no date in that order; and (N,) where there is a gap."""
    codes, names = written_levels(column)
    found = []
    for name in names:
        parsed = parse_date(name)
        seconds = {} if parsed is None else parsed.seconds
        found.append(seconds.get("ymd", seconds.get(order, np.nan)))
    return np.array([*found, np.nan])[codes], codes < 0


def _values(part: DatePart, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) a part of dates in seconds; months, days and weekdays count from 0."""
    if part == "time":
        return seconds
    if part == "hour":
        return seconds % DAY / 3600
    days = np.floor(seconds / DAY)
    if part == "weekday":
        return (days + 3) % 7  # 1970 began on a Thursday
    whole = days.astype("datetime64[D]")
    months = whole.astype("datetime64[M]")
    if part == "day":
        return np.asarray((whole - months).astype(np.float64))
    if part == "month":
        return np.asarray((months - whole.astype("datetime64[Y]")).astype(np.float64))
    return np.asarray(whole.astype("datetime64[Y]").astype(np.float64) + 1970)


def _day(seconds: float) -> str:
    return str(np.datetime64(int(seconds // DAY), "D"))
