"""Columns of numbers: gaps filled, scaled by what the training part showed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import Column
from fittool.data.tables.column_kinds import NumberSettings, Scale
from fittool.data.tables.fitted_column import CLEAN, CellReport, Facts, FittedColumn
from fittool.data.tables.normal_distribution import normal_quantiles
from fittool.nn.table_layout import Feature

_AT_ONCE = 250_000
_MOST_QUANTILES = 1000
_EDGE = 1e-7


@dataclass(frozen=True)
class NumberStatistics:
    """The numbers of a column in the training part.

    Attributes:
        gaps, distinct: How many there are.
        lowest, median, highest: The smallest, middle and largest; NaN where there is none.
        is_whole: Whether all are whole numbers.
        counts_up: Whether they count the rows of the file.
    """

    gaps: int
    distinct: int
    lowest: float
    median: float
    highest: float
    is_whole: bool
    counts_up: bool


def statistics_of(columns: Sequence[Column], rows: NDArray[np.int64]) -> Iterator[NumberStatistics]:
    """The statistics of some columns of numbers over (n,) rows, many narrow columns at a time."""
    step = max(_AT_ONCE // max(len(rows), 1), 1)
    for start in range(0, len(columns), step):
        found = [column.array() for column in columns[start : start + step]]
        values = np.stack(found if len(rows) == len(found[0]) else [one[rows] for one in found], axis=1)
        yield from _statistics(values, rows)


def _statistics(values: NDArray[np.float64], rows: NDArray[np.int64]) -> Iterator[NumberStatistics]:
    gaps = np.isnan(values).sum(axis=0)
    with np.errstate(invalid="ignore"):
        whole = ((np.floor(values) == values) | np.isnan(values)).all(axis=0)
        counts = (values - rows[:, np.newaxis] == values[0] - rows[0]).all(axis=0) & (len(rows) > 1)
    ordered = np.sort(values, axis=0)  # gaps at the end
    ends = len(values) - gaps
    changes = (ordered[1:] != ordered[:-1]) & (np.arange(1, len(values))[:, np.newaxis] < ends)
    distinct = changes.sum(axis=0) + (ends > 0)
    lowest, lower, upper, highest = (
        ordered[place, np.arange(values.shape[1])]
        for place in (ends * 0, np.maximum(ends - 1, 0) // 2, np.minimum(ends // 2, len(values) - 1), np.maximum(ends - 1, 0))
    )
    found = (gaps, distinct, lowest, (lower + upper) / 2, highest, whole, counts)
    for column in zip(*(one.tolist() for one in found), strict=True):
        yield NumberStatistics(*column)


@dataclass(frozen=True)
class FittedNumber(FittedColumn):
    """A column of numbers.

    Attributes:
        lowest, highest: The range of the training part.
        fill: What stands in a gap; None where gaps are refused.
        indicates: Whether a second feature says where there was a gap.
        scale: How numbers are scaled.
        center, divisor: What is taken off, and then divided by.
        quantiles: Of the training part, evenly spaced, for `quantile`.
        is_percent: Whether they are written as percentages.
    """

    kind: ClassVar[str] = "number"

    lowest: float
    highest: float
    fill: float | None = None
    indicates: bool = False
    scale: Scale = "none"
    center: float = 0.0
    divisor: float = 1.0
    quantiles: tuple[float, ...] = ()
    is_percent: bool = False

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The number, and where training had gaps their indicator."""
        number = Feature(self.name, self.name, "number")
        return (number, Feature(f"{self.name} is missing", self.name, "indicator")) if self.indicates else (number,)

    @property
    def note(self) -> str:
        """Range, filling and scale."""
        parts = [f"{self.lowest:.6g} to {self.highest:.6g}"]
        parts += [f"gaps become {self.fill:.6g}, and an indicator"] if self.indicates else []
        return ", ".join([*parts, *([] if self.scale == "none" else [self.scale])])

    def encode(self, column: Column, out: NDArray[np.float32]) -> CellReport:
        """Filled, then scaled; the indicator beside it."""
        values = self._of_its_kind(column)
        is_gap = np.isnan(values)
        report = CLEAN
        if is_gap.any():
            report = self._gaps(column, is_gap)
            values = np.where(is_gap, 0.0 if self.fill is None else self.fill, values)
        if self.indicates:
            out[:, 1] = is_gap
        with np.errstate(over="ignore"):  # numbers that are too large are told by row, as other bad cells
            out[:, 0] = self._scaled(values)
        with np.errstate(invalid="ignore"):  # runs of old know no range
            span = self.highest - self.lowest
            far = np.flatnonzero((values < self.lowest - span) | (values > self.highest + span))
        return report if not len(far) else CellReport(outside=far, bad=report.bad, needed=report.needed)

    def _of_its_kind(self, column: Column) -> NDArray[np.float64]:
        """(N,) the numbers, NaN also where a percentage stands among numbers, a number among percentages, or a word for one."""
        values = column.array()
        if column.kind != "mixed" or not column.is_coded:
            return values
        is_right = np.array([kind == ("percent" if self.is_percent else "number") for kind in column.kinds])
        return np.where(is_right[column.codes], values, np.nan)

    def _gaps(self, column: Column, is_gap: NDArray[np.bool_]) -> CellReport:
        """Cells without a number: gaps, or others that are no numbers at all."""
        rows = np.flatnonzero(is_gap)
        if column.counts["missing"] == len(rows):
            return CellReport(needed=rows) if self.fill is None else CLEAN
        if not column.is_coded:
            return CellReport(bad=rows)
        is_missing = (np.array(column.kinds) == "missing")[column.codes[rows]]
        return CellReport(bad=rows[~is_missing], needed=rows[is_missing] if self.fill is None else rows[:0])

    def _scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.scale == "quantile":
            return _to_normal(values, np.array(self.quantiles))
        return values if self.scale == "none" else (values - self.center) / self.divisor

    def learnt(self) -> dict[str, Any]:
        """Range, filling and scale."""
        found: dict[str, Any] = {"lowest": self.lowest, "highest": self.highest, "missing": self.fill, "scale": self.scale}
        found |= {"indicator": True} if self.indicates else {}
        found |= {"percent": True} if self.is_percent else {}
        if self.scale == "quantile":
            return found | {"quantiles": list(self.quantiles)}
        return found if self.scale == "none" else found | {"center": self.center, "divisor": self.divisor}

    @classmethod
    def of(cls, facts: Facts, plain: Mapping[str, Any]) -> FittedNumber:
        """The column that `plain` describes."""
        return cls(
            facts, plain["lowest"], plain["highest"], plain["missing"], plain.get("indicator", False), plain["scale"],
            plain.get("center", 0.0), plain.get("divisor", 1.0), tuple(plain.get("quantiles", ())), plain.get("percent", False),
        )  # fmt: skip


def fit_number(
    facts: Facts, kind: NumberSettings, statistics: NumberStatistics, column: Column, rows: NDArray[np.int64]
) -> FittedNumber:
    """Fix a column of numbers by (n,) rows of it; gaps are filled before the scale is measured."""
    lowest, highest = statistics.lowest, statistics.highest
    indicates = statistics.gaps > 0 and kind.missing != "error"
    if kind.scale == "none" and kind.missing != "mean":
        fill = statistics.median if kind.missing == "median" else _constant(kind)
        return FittedNumber(facts, lowest, highest, fill, indicates, is_percent=column.is_percent)
    values = column.array()[rows]
    fill = statistics.median if kind.missing == "median" else _fill(kind, values)
    values = np.where(np.isnan(values), fill or 0.0, values) if statistics.gaps else values
    center, divisor = _measured(kind.scale, values)
    quantiles = tuple(_quantiles(values).tolist()) if kind.scale == "quantile" else ()
    return FittedNumber(facts, lowest, highest, fill, indicates, kind.scale, center, divisor, quantiles, column.is_percent)


def _constant(kind: NumberSettings) -> float | None:
    return None if kind.missing == "error" else 0.0 if kind.missing == "zero" else float(kind.missing)


def _fill(kind: NumberSettings, values: NDArray[np.float64]) -> float | None:
    return float(np.nanmean(values)) if kind.missing == "mean" else _constant(kind)


def _measured(scale: Scale, values: NDArray[np.float64]) -> tuple[float, float]:
    """What is taken off, and what is divided by: never by nothing.

    Where the quartiles are one number, `robust` divides by half of the range, as RealMLP does (Holzmüller et al., "Better by
    Default", 2024); else a few large numbers among many equal ones would stay as large as they are.
    """
    lowest, highest = float(values.min()), float(values.max())
    if scale in ("none", "quantile"):
        return 0.0, 1.0
    if lowest == highest:
        return lowest, 1.0
    if scale == "minmax":
        return lowest, highest - lowest
    if scale == "standard":
        return float(values.mean()), float(values.std()) or 1.0
    first, middle, third = np.percentile(values, (25, 50, 75)).tolist()
    return middle, (third - first) or (highest - lowest) / 2


def _quantiles(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(q,) evenly spaced quantiles, at most a thousand, never falling."""
    count = min(_MOST_QUANTILES, len(values))
    return np.maximum.accumulate(np.percentile(values, 100 * np.linspace(0, 1, count)))


def _to_normal(values: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) values of a normal distribution that have the rank of these; of equal numbers the middle rank."""
    ranks = np.linspace(0, 1, len(quantiles))
    upper = np.interp(values, quantiles, ranks)
    lower = -np.interp(-values, -quantiles[::-1], -ranks[::-1])
    # At an edge that holds many equal numbers, interpolation gives the end of the ranks; their middle is what they have.
    first, last = np.searchsorted(quantiles, quantiles[0], "right") - 1, np.searchsorted(quantiles, quantiles[-1], "left")
    middle = (upper + lower) / 2
    middle = np.where(values == quantiles[0], (ranks[0] + ranks[first]) / 2, middle)
    middle = np.where((values == quantiles[-1]) & (quantiles[-1] > quantiles[0]), (ranks[last] + ranks[-1]) / 2, middle)
    return np.asarray(normal_quantiles(np.clip(middle, _EDGE, 1 - _EDGE)))
