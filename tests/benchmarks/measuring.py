"""Several ways to do the same work, measured in turn; a figure is a ratio of medians, with the noise beside it.

Each turn measures every side once, and the first side once more at its end: the ratio of these two, which would be 1 on a quiet
machine, is the control.
"""

from __future__ import annotations

import math
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from tests.benchmarks.machine import lock_free_gain, two_cores

AGAIN = "again"
"""The first side, measured a second time."""
ENOUGH = 1.85
"""What a control without any lock has to gain by a second thread for a turn on two cores to count."""
TRIES = 8
"""So many times more turns on two cores are tried than are wanted."""


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        name: What was measured.
        value: The ratio, or seconds; None where a side is missing.
        wanted: What it should reach; None where it is for information.
        most: Whether `wanted` is the most that is allowed, not the least.
        note: The sides in numbers, or why there is no value.
        sides: What each side measured in each turn.
        control: The first side against itself.
        broken: Whether there is no value because something failed.
    """

    name: str
    value: float | None
    wanted: float | None
    most: bool = False
    note: str = ""
    sides: Mapping[str, Sequence[float]] = field(default_factory=dict)
    control: float | None = None
    broken: bool = False

    @property
    def reached(self) -> bool:
        if self.value is None or self.wanted is None:
            return not self.broken
        return self.value <= self.wanted if self.most else self.value >= self.wanted


class Turns(Mapping[str, float]):
    """The median of what each side measured; not a number where no turn counted."""

    def __init__(self, values: Mapping[str, list[float]], note: str = "") -> None:
        """Args: values: what each side measured, one a turn; note: why there are none."""
        self.values_of, self.note = values, note

    def __getitem__(self, name: str) -> float:
        values = self.values_of[name]
        return statistics.median(values) if values else math.nan

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.values_of if name != AGAIN)

    def __len__(self) -> int:
        return len(list(iter(self)))

    @property
    def control(self) -> float | None:
        """The first side against itself; None where it was not measured twice."""
        values = self.values_of.get(AGAIN)
        return self[next(iter(self))] / self[AGAIN] if values else None

    def in_numbers(self, unit: str, scale: float = 1.0) -> str:
        """The medians of all sides as a sentence."""
        return self.note or ", ".join(f"{name} {scale * value:,.4g}" for name, value in self.items()) + f" {unit}"

    def figure(self, name: str, over: str, under: str, wanted: float | None, *, most: bool = False, note: str = "") -> Figure:
        """The ratio of two sides as a figure."""
        ratio = self[over] / self[under]
        value = None if math.isnan(ratio) else ratio
        return Figure(name, value, wanted, most, note or self.note, self.values_of, self.control)


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes on the clock: for what waits, or keeps more than one core busy."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def processor_seconds(work: Callable[[], object]) -> float:
    """The processor time of some work, in this process and in those that it started and waited for."""
    start = _processor_time()
    work()
    return _processor_time() - start


def _processor_time() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def side_by_side(sides: Mapping[str, Callable[[], float]], turns: int, *, warm: bool = True, on_two: bool = False) -> Turns:
    """What each side measures in each turn, after one turn to warm up.

    Args:
        sides: By name, what measures once.
        turns: How many are to count.
        warm: Whether one turn is played before, which does not count.
        on_two: Whether turns need two free cores, and are dropped where a control without a lock says that there are none.
    """
    measured: dict[str, list[float]] = {name: [] for name in (*sides, AGAIN)}
    with two_cores() if on_two else nullcontext():
        if warm:
            _turn(sides)
        tried = 0
        while not on_two and tried < turns:
            _keep(measured, _turn(sides))
            tried += 1
        while len(measured[AGAIN]) < turns and tried < TRIES * turns:
            before, turn, tried = lock_free_gain(), _turn(sides), tried + 1
            if min(before, lock_free_gain()) > ENOUGH:
                _keep(measured, turn)
    if len(measured[AGAIN]) < turns:
        note = f"{len(measured[AGAIN])} of {tried} turns had two free cores"
        return Turns({name: [] for name in measured}, note)
    return Turns(measured)


def _turn(sides: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    first = next(iter(sides.values()))
    return {**{name: measure() for name, measure in sides.items()}, AGAIN: first()}


def _keep(measured: Mapping[str, list[float]], turn: Mapping[str, float]) -> None:
    for name, value in turn.items():
        measured[name].append(value)
