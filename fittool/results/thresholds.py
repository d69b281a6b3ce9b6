"""Where a probability becomes a yes: the threshold that is best by a figure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittool.results.classification import ratio

Numbers = NDArray[np.float64]
DEFAULT = 0.5
_NUMBER = r"\s*(\d+(?:\.\d*)?|\.\d+)\s*"
_AT = re.compile(rf"(precision|recall)@{_NUMBER}")
_COST = re.compile(rf"cost\({_NUMBER},{_NUMBER}\)")
FORMS = "f1, balanced_accuracy, precision@0.9, recall@0.9, or cost(FALSE_ALARM,MISS) such as cost(1,5)"


class _Counts(NamedTuple):
    """Of each threshold that makes a difference, each (T,): hits, false alarms, misses, and those rightly let go."""

    hits: Numbers
    alarms: Numbers
    misses: Numbers
    rightly_not: Numbers


@dataclass(frozen=True)
class Criterion:
    """What a threshold is to be best by.

    Attributes:
        name: As it was written.
    """

    name: str
    _score: Callable[[_Counts], Numbers]

    @classmethod
    def parse(cls, text: str) -> Criterion | None:
        """`f1`, `balanced_accuracy`, `precision@0.9`, `recall@0.9`, `cost(1,5)`; None for anything else.

        `precision@0.9` is the threshold with the most recall among those whose precision is 0.9 at least, `recall@0.9` that with
        the most precision; where none reaches it, the one that comes nearest. `cost(a,b)`: a false alarm costs a, a miss b.
        """
        name = text.strip().lower()
        if (at := _AT.fullmatch(name)) is not None and float(at[2]) <= 1:
            wanted, least = at[1], float(at[2])
            return cls(name, lambda counts: _at_least(counts, wanted, least))
        if (cost := _COST.fullmatch(name)) is not None:
            alarm, miss = float(cost[1]), float(cost[2])
            return cls(name, lambda counts: -(alarm * counts.alarms + miss * counts.misses))
        known = {"f1": _f1, "balanced_accuracy": _balanced_accuracy}
        return cls(name, known[name]) if name in known else None

    def best(self, truth: NDArray[np.bool_], probability: NDArray[np.floating]) -> float:
        """The threshold above which a probability is a yes; of equally good ones that nearest to a half.

        It lies midway between two probabilities that were there, so that none of them is near to it.

        Args:
            truth: (N,) which samples are true.
            probability: (N,).
        """
        thresholds, counts = _candidates(truth, np.asarray(probability, np.float64))
        scores = self._score(counts)
        best = np.flatnonzero(scores >= scores.max() - 1e-12)
        return float(thresholds[best[np.argmin(np.abs(thresholds[best] - DEFAULT))]])


def above(probability: NDArray[np.floating], threshold: float | Numbers) -> NDArray[np.bool_]:
    """Which probabilities are a yes; compared in float64, as float32 might round a threshold onto one of them."""
    return np.asarray(np.asarray(probability, np.float64) > threshold)


def _candidates(truth: NDArray[np.bool_], probability: Numbers) -> tuple[Numbers, _Counts]:
    """A threshold (T,) in each gap between the probabilities, and below and above all, and the counts of each."""
    order = np.argsort(probability, kind="stable")
    values, first = np.unique(probability[order], return_index=True)
    thresholds = np.concatenate([[values[0] / 2], (values[:-1] + values[1:]) / 2, [(values[-1] + 1) / 2]])
    below = np.concatenate([first, [len(order)]])
    if values[0] == 0:  # nothing lies above a threshold that it equals
        thresholds, below = thresholds[1:], below[1:]
    true_below = np.concatenate([[0], np.cumsum(truth[order])])[below].astype(np.float64)
    positives, misses = float(truth.sum()), true_below
    rightly_not = below - true_below
    alarms = (len(truth) - positives) - rightly_not
    return thresholds, _Counts(positives - misses, alarms, misses, rightly_not)


def _f1(counts: _Counts) -> Numbers:
    return ratio(2 * counts.hits, 2 * counts.hits + counts.alarms + counts.misses)


def _balanced_accuracy(counts: _Counts) -> Numbers:
    recall = ratio(counts.hits, counts.hits + counts.misses)
    return (recall + ratio(counts.rightly_not, counts.rightly_not + counts.alarms)) / 2


def _at_least(counts: _Counts, wanted: str, least: float) -> Numbers:
    """The other figure where the wanted one is reached; below all of these the wanted figure itself."""
    figures = {
        "precision": ratio(counts.hits, counts.hits + counts.alarms),
        "recall": ratio(counts.hits, counts.hits + counts.misses),
    }
    reached, other = figures[wanted], figures["recall" if wanted == "precision" else "precision"]
    return np.where(reached >= least - 1e-12, 2 + other, reached)
