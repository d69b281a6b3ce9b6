"""Probabilities held against what came true, and the temperature that brings them nearer to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
BINS = 10
LEAST = 1e-7
"""Probabilities are taken for no less, so that one mistake that a network was certain of leaves figures finite."""
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Reliability:
    """Probabilities in bins of equal width; bins without samples are left out.

    Attributes:
        low, high: (B,) the ends of each bin; a probability on an end counts to the lower one.
        count: (B,) samples.
        probability: (B,) the mean probability of its samples.
        share: (B,) the share of them that came true.
    """

    low: Numbers
    high: Numbers
    count: NDArray[np.int64]
    probability: Numbers
    share: Numbers

    @classmethod
    def of(cls, came_true: NDArray[np.bool_], probability: NDArray[np.floating], bins: int = BINS) -> Reliability:
        """Of N samples, each (N,)."""
        edges = np.linspace(0.0, 1.0, bins + 1)
        place = np.searchsorted(edges[1:-1], probability)
        count = np.bincount(place, minlength=bins)
        there = count > 0
        sums = [np.bincount(place, weights=weights, minlength=bins)[there] for weights in (probability, came_true)]
        mean, share = (one / count[there] for one in sums)
        return cls(edges[:-1][there], edges[1:][there], count[there].astype(np.int64), mean, share)

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of probability and share, by samples (Naeini et al. 2015)."""
        total = self.count.sum()
        return float((np.abs(self.probability - self.share) * self.count).sum() / total) if total else 0.0


def brier(truth: NDArray[np.bool_], probabilities: NDArray[np.floating]) -> float:
    """The mean squared distance of probabilities and truth (Brier 1950), summed over the classes.

    Args:
        truth: (N,), or (N, K) with one true class a row.
        probabilities: The same shape.
    """
    squares = (np.asarray(probabilities, np.float64) - truth) ** 2
    return float(squares.reshape(len(squares), -1).sum(axis=1).mean())


def log_loss(truth: NDArray[np.int64], probabilities: NDArray[np.floating]) -> float:
    """The mean of minus the logarithm of the probability (N, K) of the true class (N,)."""
    chosen = np.asarray(probabilities, np.float64)[np.arange(len(truth)), truth]
    return float(-np.log(np.clip(chosen, LEAST, 1.0)).mean())


def with_temperature(probabilities: NDArray[np.floating], temperature: float) -> Numbers:
    """Probabilities (N, K) with their logits divided by a temperature; above 1 they are less certain (Guo et al. 2017)."""
    logits = np.log(np.clip(np.asarray(probabilities, np.float64), LEAST, 1.0)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def best_temperature(truth: NDArray[np.int64], probabilities: NDArray[np.floating]) -> float:
    """The temperature with the least logarithmic loss, between 1/20 and 20.

    The loss has one minimum along the reciprocal of the temperature, in which it is convex.

    Args:
        truth: (N,) class numbers.
        probabilities: (N, K).
    """
    power = _minimum(
        lambda place: log_loss(truth, with_temperature(probabilities, float(np.exp(place)))), -np.log(20), np.log(20)
    )
    return float(np.exp(power))


def _minimum(function: Callable[[float], float], low: float, high: float, steps: int = 60) -> float:
    """Where a function with one minimum has it (golden-section search)."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(steps):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2
