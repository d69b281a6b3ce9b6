"""The columns of a table as inputs of an ONNX graph, which makes features of their cells as a run's encoder does.

Numbers and dates are float64 with NaN for a gap, dates as seconds since 1970; categories and booleans are text, "" for a gap.
Each input is (N, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.tables.category_columns import FittedBoolean, FittedCategory
from fittool.data.tables.date_columns import DAY, FittedDate
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.fitted_column import FittedColumn
from fittool.data.tables.levels import level_of
from fittool.data.tables.number_columns import FittedNumber
from fittool.exchange.onnx_format.normal_quantiles import to_normal
from fittool.exchange.onnx_format.writer import ML, GraphWriter
from fittool.exchange.trained_network import ExportError

_CYCLES = {"month": 12, "day": 31, "weekday": 7, "hour": 24}


@dataclass(frozen=True)
class ColumnInput:
    """A column that the graph takes.

    Attributes:
        name: Of the input, which is the column's.
        kind: Of the column.
        dtype: `float64` or `string`.
    """

    name: str
    kind: str
    dtype: str


def column_inputs(encoder: TableEncoder) -> list[ColumnInput]:
    """The columns that a graph takes in place of a table's features.

    Raises:
        ExportError: One of them cannot be expressed; names it.
    """
    found = []
    for column in encoder.columns:
        if not column.features:
            continue
        if type(column) not in _WRITERS:
            text = f"column {column.name}: ONNX cannot take words apart as columns of kind {column.kind} need it."
            raise ExportError(f"{text} Train without it: data.columns.{column.name}: drop.")
        dtype = "float64" if isinstance(column, FittedNumber | FittedDate) else "string"
        found.append(ColumnInput(column.name, column.kind, dtype))
    return found


def write_features(graph: GraphWriter, encoder: TableEncoder, missing: frozenset[str], inputs: dict[str, str]) -> str:
    """Write what makes features of columns.

    Args:
        graph: Takes the operations.
        encoder: What training has fixed.
        missing: Words that stand for a gap, folded.
        inputs: The graph's inputs by the columns' names.

    Returns:
        The name of (N, F) float32.
    """
    parts: list[str] = []
    for column in encoder.columns:
        if column.features:
            graph.scope = column.name
            parts += _WRITERS[type(column)](graph, column, inputs[column.name], missing)
    graph.scope = "features"
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)


def _double(graph: GraphWriter, value: float) -> str:
    return graph.constant(value, np.float64, "number")


def _float(graph: GraphWriter, name: str) -> str:
    return graph.cast(name, np.float32)


def _number(graph: GraphWriter, column: Any, name: str, missing: frozenset[str]) -> list[str]:
    """Filled, then scaled in float64; the indicator beside it."""
    gap = graph.add("IsNaN", name)
    values = name if column.fill is None else graph.add("Where", gap, _double(graph, column.fill), name)
    if column.scale == "quantile":
        values = to_normal(graph, values, np.array(column.quantiles))
    elif column.scale != "none":
        values = graph.add("Div", graph.add("Sub", values, _double(graph, column.center)), _double(graph, column.divisor))
    return [_float(graph, values), *([_float(graph, gap)] if column.indicates else [])]


def _look_up(graph: GraphWriter, name: str, values: dict[str, Any], other: Any) -> str:
    """(N, 1) the value of each word: float where they are, else int64."""
    kind = "floats" if isinstance(other, float) else "int64s"
    attributes = {"keys_strings": list(values), f"values_{kind}": list(values.values()), f"default_{kind.rstrip('s')}": other}
    return graph.add("LabelEncoder", name, domain=ML, **attributes)


def _category(graph: GraphWriter, column: Any, name: str, missing: frozenset[str]) -> list[str]:
    """The place of each level, one column for each or a code; unknown ones have the last place, or none."""
    last = len(column.levels) + column.gap
    places = {word: place for place, (level, _) in enumerate(column.levels) for word in _spellings(level)}
    places |= {word: last for level, _ in column.merged for word in _spellings(level)}
    places |= dict.fromkeys(_variants(missing), len(column.levels) if column.gap else last)
    codes = _look_up(graph, name, places, last)
    if column.width:
        return [_float(graph, codes)]
    every = graph.ints(*range(len(column.features)))
    return [_float(graph, graph.add("Equal", codes, every))]


def _spellings(level: str) -> list[str]:
    """The ways in which a level is written: a whole number may come as 3 or as 3.0."""
    with suppress(ValueError):
        if level_of(float(level)) == level and level.lstrip("-").isdecimal():
            return [level, f"{level}.0"]
    return [level]


def _variants(words: Iterable[str]) -> list[str]:
    """Words as they are commonly written, each in a few mixtures of small and large letters."""
    found: dict[str, None] = {}
    for word in sorted(words):
        found |= dict.fromkeys((word, word.upper(), word.capitalize(), word.title(), word.upper().replace("NAN", "NaN")))
    return list(found)


def _boolean(graph: GraphWriter, column: Any, name: str, missing: frozenset[str]) -> list[str]:
    """0 or 1; gaps and unknown words get the share of ones."""
    values = dict.fromkeys(_variants(column.off), 0.0) | dict.fromkeys(_variants(column.on), 1.0)
    gaps = _variants(missing)
    values |= dict.fromkeys(gaps, column.share)
    found = [_look_up(graph, name, values, float(column.share))]
    return [*found, *([_look_up(graph, name, dict.fromkeys(gaps, 1.0), 0.0)] if column.indicates else [])]


def _date(graph: GraphWriter, column: Any, name: str, missing: frozenset[str]) -> list[str]:
    """The parts of each date; of a gap zeros, and the middle of the time."""
    gap = graph.add("IsNaN", name)
    seconds = graph.add("Where", gap, _double(graph, (column.first + column.last) / 2), name)
    calendar = _Calendar(graph, seconds)
    made: list[str] = []
    for part in column.parts:
        if part in _CYCLES:
            waves = _waves(graph, part, calendar)
            made += [graph.add("Where", gap, graph.constant(0.0, np.float32), wave) for wave in waves]
        else:
            first, last = (column.first, column.last) if part == "time" else map(_year_of, (column.first, column.last))
            value = seconds if part == "time" else calendar.year
            share = graph.add("Div", graph.add("Sub", value, _double(graph, first)), _double(graph, (last - first) or 1.0))
            made.append(_float(graph, share))
    return [*made, *([_float(graph, gap)] if column.indicates else [])]


def _year_of(seconds: float) -> float:
    days = np.array([np.floor(seconds / DAY)]).astype("datetime64[D]")
    return float(days.astype("datetime64[Y]").astype(np.float64)[0]) + 1970


def _waves(graph: GraphWriter, part: str, calendar: _Calendar) -> list[str]:
    """Sine and cosine of a part of the date; where it is a whole number, out of a table."""
    if part == "hour":
        angles = _float(graph, graph.add("Mul", calendar.hour, _double(graph, 2 * np.pi / _CYCLES[part])))
        return [graph.add("Sin", angles), graph.add("Cos", angles)]
    place = graph.cast(getattr(calendar, part), np.int64)
    angles_of: NDArray[np.float64] = 2 * np.pi * np.arange(_CYCLES[part]) / _CYCLES[part]
    return [graph.add("Gather", graph.constant(wave(angles_of), np.float32), place) for wave in (np.sin, np.cos)]


class _Calendar:
    """Parts of dates (N, 1) in seconds since 1970; months, days and weekdays count from 0.

    Days become years, months and days of the month by the arithmetic of Howard Hinnant's "chrono-compatible low-level date
    algorithms": years that begin with March, in eras of 400.

    Args:
        graph: Takes the operations.
        seconds: Float64 numbers without gaps.
    """

    def __init__(self, graph: GraphWriter, seconds: str) -> None:
        self._graph, self._seconds = graph, seconds
        self._days = self._floor(seconds, DAY)

    def _call(self, kind: str, x: str, y: str | float) -> str:
        return self._graph.add(kind, x, y if isinstance(y, str) else _double(self._graph, y))

    def _floor(self, x: str, divisor: float) -> str:
        return self._graph.add("Floor", self._call("Div", x, divisor))

    def _rest(self, x: str, divisor: float) -> str:
        return self._call("Sub", x, self._call("Mul", self._floor(x, divisor), divisor))

    @property
    def hour(self) -> str:
        """Hours since midnight, with fractions."""
        return self._call("Div", self._rest(self._seconds, DAY), 3600.0)

    @property
    def weekday(self) -> str:
        """From Monday; 1970 began on a Thursday."""
        return self._rest(self._call("Add", self._days, 3.0), 7.0)

    @property
    def year(self) -> str:
        """Of the calendar."""
        year, _, month = self._parts()
        return self._call("Add", year, self._graph.cast(self._call("Less", month, 2.0), np.float64))

    @property
    def month(self) -> str:
        """From 0, January."""
        return self._parts()[2]

    @property
    def day(self) -> str:
        """Of the month, from 0."""
        return self._parts()[1]

    def _parts(self) -> tuple[str, str, str]:
        """The year that began with March, the day of the month and the month of the calendar."""
        shifted = self._call("Add", self._days, 719468.0)
        era, day = self._floor(shifted, 146097.0), self._rest(shifted, 146097.0)
        leaps = self._call("Sub", self._floor(day, 36524.0), self._floor(day, 1460.0))
        leaps = self._call("Sub", leaps, self._floor(day, 146096.0))
        year = self._floor(self._call("Add", day, leaps), 365.0)
        before = self._call("Add", self._call("Mul", year, 365.0), self._floor(year, 4.0))
        of_year = self._call("Sub", day, self._call("Sub", before, self._floor(year, 100.0)))
        march = self._floor(self._call("Add", self._call("Mul", of_year, 5.0), 2.0), 153.0)
        start = self._floor(self._call("Add", self._call("Mul", march, 153.0), 2.0), 5.0)
        month = self._rest(self._call("Add", march, 2.0), 12.0)
        whole = self._call("Add", year, self._call("Mul", era, 400.0))
        return whole, self._call("Sub", of_year, start), month


_WRITERS: dict[type[FittedColumn], Callable[[GraphWriter, Any, str, frozenset[str]], Sequence[str]]] = {
    FittedNumber: _number,
    FittedCategory: _category,
    FittedBoolean: _boolean,
    FittedDate: _date,
}
