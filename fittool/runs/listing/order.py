"""The order of runs in a list, and which of them are kept when others go."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from fittool.errors import UsageError, visible
from fittool.runs.listing.summary import RunSummary
from fittool.settings import nearest_name

_LESS_IS_BETTER = re.compile(
    r"loss|error|entropy|divergence|poisson|hinge|logcosh|false_|(^|_)(mse|mae|mape|msle|rmse|brier|ece)(_|$)"
)
KEYS = ("started", "name", "state", "best", "epochs", "seconds", "size")
"""What a list can be sorted by, beside any value of the rows."""


def is_less_better(metric: str) -> bool:
    """True for the name of a loss or an error, of which less is better; of everything else more is."""
    return _LESS_IS_BETTER.search(metric.casefold()) is not None


def badness(value: float | None, metric: str) -> float:
    """A number that is smaller for a better value, and infinite for what is missing or no number."""
    if value is None or math.isnan(value):
        return math.inf
    return value if is_less_better(metric) else -value


def best_among(metric: str, values: Sequence[float | None]) -> set[int]:
    """The places of the best among values of a metric; none where they are all alike."""
    ranked = [badness(value, metric) for value in values]
    known = [rank for rank in ranked if not math.isinf(rank)]
    if len(known) < 2 or min(known) == max(known):
        return set()
    return {place for place, rank in enumerate(ranked) if rank == min(known)}


def in_order(runs: Sequence[RunSummary], key: str = "started") -> list[RunSummary]:
    """The runs sorted.

    Args:
        runs: In any order.
        key: `started`: the newest last; `name` and `state` by the alphabet; `epochs`, `seconds`, `size`: the most first;
            `best`, or the name of a value in the rows: the best first, of `best` those that watched the same value together.

    Raises:
        UsageError: No run has such a value.
    """
    by_name = sorted(runs, key=lambda run: run.name)
    if key in KEYS:
        return sorted(by_name, key=_ORDERS[key])
    return [run for run, _ in best_first(by_name, key)]


_ORDERS: dict[str, Callable[[RunSummary], Any]] = {
    "started": lambda run: run.began,
    "name": lambda run: run.name,
    "state": lambda run: run.state,
    "best": lambda run: (run.monitor is None, run.monitor or "", badness(run.best, run.monitor or "")),
    "epochs": lambda run: -run.epochs,
    "seconds": lambda run: -(run.seconds or 0.0),
    "size": lambda run: -run.size,
}


def best_first(runs: Sequence[RunSummary], metric: str) -> list[tuple[RunSummary, float | None]]:
    """The runs with their value of a metric in their best epoch, the best first and those without it last.

    Raises:
        UsageError: There are runs, and none has it.
    """
    valued = [(run, run.value(metric)) for run in runs]
    if runs and all(value is None for _, value in valued):
        known = sorted({run.monitor for run in runs if run.monitor is not None} | set(KEYS))
        near = nearest_name(metric, known)
        hint = f" Did you mean {near}?" if near else f" There are {', '.join(known)}, and the values of the runs' rows."
        raise UsageError(f"No run has a value {visible(metric)}.{hint}")
    return sorted(valued, key=lambda pair: badness(pair[1], metric))


def to_remove(runs: Sequence[RunSummary], keep: int, metric: str | None = None) -> list[RunSummary]:
    """The runs that go where so many are to be kept; one at work never does, and is none of those that are counted.

    Args:
        runs: In any order.
        keep: How many stay.
        metric: The best by this value stay; by default the newest do.

    Raises:
        UsageError: No run has such a value.
    """
    idle = [run for run in in_order(runs) if not run.at_work][::-1]
    if metric is None:
        return idle[keep:]
    return [run for run, _ in best_first(idle, metric)][keep:]
