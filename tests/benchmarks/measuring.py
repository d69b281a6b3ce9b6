"""Several ways to do the same work, timed in turn; a figure is a ratio of medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        name: What was measured.
        value: The ratio, or seconds; None where a side is missing.
        wanted: What it should reach.
        most: Whether `wanted` is the most that is allowed, not the least.
        note: The two sides in numbers, or why there is no value.
    """

    name: str
    value: float | None
    wanted: float
    most: bool = False
    note: str = ""

    @property
    def reached(self) -> bool:
        if self.value is None:
            return True
        return self.value <= self.wanted if self.most else self.value >= self.wanted


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def side_by_side(sides: Mapping[str, Callable[[], float]], turns: int) -> dict[str, float]:
    """The median of what each side measures; every turn measures all of them, after one turn to warm up."""
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(turns + 1):
        for name, measure in sides.items():
            value = measure()
            if turn:
                measured[name].append(value)
    return {name: statistics.median(values) for name, values in measured.items()}


def heading() -> str:
    return f"{'subject':<16}{'figure':<58}{'value':>8}{'wanted':>10}  {'':<7}sides"


def shown(subject: str, figure: Figure) -> str:
    value = "-" if figure.value is None else f"{figure.value:.2f}"
    sign, verdict = "<=" if figure.most else ">=", "" if figure.value is None else "ok" if figure.reached else "MISSED"
    return f"{subject:<16}{figure.name:<58}{value:>8}{sign:>4}{figure.wanted:>6g}  {verdict:<7}{figure.note}"
