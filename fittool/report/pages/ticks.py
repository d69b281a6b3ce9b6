"""Round numbers for the axes of charts, and positions along them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_DECADES = 1.5
"""A value that changes over more than so many powers of ten is drawn on a logarithmic axis."""


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes:
        low, high: Its ends, as values.
        ticks: The values that are labelled.
        is_log: Whether equal factors are equally far apart.
    """

    low: float
    high: float
    ticks: tuple[float, ...]
    is_log: bool = False

    def share(self, value: float) -> float:
        """A value's place between the ends, 0 to 1."""
        low, high, at = (math.log10(one) for one in (self.low, self.high, value)) if self.is_log else (self.low, self.high, value)
        return (at - low) / (high - low)


def linear_axis(values: Sequence[float], *, count: int = 5) -> Axis:
    """An axis from the least to the greatest value, widened to round numbers."""
    low, high = min(values), max(values)
    if low == high:
        widen = abs(low) / 10 or 1.0
        low, high = low - widen, high + widen
    step = _round_step((high - low) / count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple(number * step for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def whole_axis(first: int, last: int, *, count: int = 6) -> Axis:
    """An axis of whole numbers, such as epochs, from the first to the last without room beside them."""
    if first == last:
        return Axis(first - 0.5, last + 0.5, (float(first),))
    step = max(1, round(_round_step((last - first) / count)))
    ticks = range(first + (-first) % step, last + 1, step)
    return Axis(first, last, tuple(map(float, ticks)))


def value_axis(values: Sequence[float]) -> Axis:
    """An axis for values: logarithmic where they are positive and change over powers of ten."""
    low, high = min(values), max(values)
    if low <= 0 or math.log10(high / low) < _DECADES:
        return linear_axis(values)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, -(-(last - first) // 5))
    ticks = tuple(10.0**power for power in range(first, last + 1, every))
    return Axis(10.0**first, 10.0**last, ticks, is_log=True)


def _round_step(step: float) -> float:
    """The nearest of 1, 2, 2.5 and 5 times a power of ten that is not smaller."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * (1 - 1e-9))


def tick_text(value: float) -> str:
    """`0.25`, `1,000`, `1e-05`."""
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.0e}"
    return f"{round(value, 10):,.10g}"
