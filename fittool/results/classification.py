"""Classes that were predicted, counted against those that are true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]


def confusion_matrix(truth: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> Counts:
    """(classes, classes) how many samples of each true class (row) were taken for each class (column).

    Args:
        truth, predicted: (N,) class numbers from 0.
        classes: How many classes there are.
    """
    cells = np.bincount(truth * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


@dataclass(frozen=True)
class PerClass:
    """Figures of each of K classes, each (K,); what would be 0 divided by 0 is 0.

    Attributes:
        precision: Of those taken for the class, the share that is of it.
        recall: Of those of the class, the share that was taken for it.
        f1: The harmonic mean of both.
        support: How many are of the class.
        taken: How many were taken for it.
    """

    precision: Numbers
    recall: Numbers
    f1: Numbers
    support: Counts
    taken: Counts

    @classmethod
    def of(cls, confusion: Counts) -> PerClass:
        """The figures behind a confusion matrix (K, K)."""
        return cls.from_counts(np.diagonal(confusion), confusion.sum(axis=0), confusion.sum(axis=1))

    @classmethod
    def of_labels(cls, truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> PerClass:
        """The figures of K labels that hold or not, each (N, K)."""
        return cls.from_counts((truth & predicted).sum(axis=0), predicted.sum(axis=0), truth.sum(axis=0))

    @classmethod
    def from_counts(cls, hits: Counts, taken: Counts, support: Counts) -> PerClass:
        """From how often each class was met, was predicted and is true, each (K,)."""
        counted = support.astype(np.int64), taken.astype(np.int64)
        return cls(ratio(hits, taken), ratio(hits, support), ratio(2 * hits, taken + support), *counted)

    @property
    def macro(self) -> dict[str, float]:
        """The mean over the classes that are there, truly or as a prediction, each counting the same."""
        there = (self.support > 0) | (self.taken > 0)
        return {name: float(values[there].mean()) if there.any() else 0.0 for name, values in self._figures.items()}

    @property
    def weighted(self) -> dict[str, float]:
        """The mean over the classes, each counting as its support."""
        total = self.support.sum()
        return {name: float((values * self.support).sum() / total) if total else 0.0 for name, values in self._figures.items()}

    @property
    def _figures(self) -> dict[str, Numbers]:
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1}


def ratio(above: NDArray[Any], below: NDArray[Any]) -> Numbers:
    """A quotient of arrays, 0 where there is nothing to divide by."""
    divisor: Numbers = np.asarray(below, np.float64)
    return np.asarray(np.divide(above, divisor, out=np.zeros_like(divisor), where=divisor > 0))


def balanced_accuracy(confusion: Counts) -> float:
    """The mean recall of the classes that are there."""
    support = confusion.sum(axis=1)
    there = support > 0
    return float((np.diagonal(confusion)[there] / support[there]).mean()) if there.any() else 0.0


class Confused(NamedTuple):
    """A class that was taken for another.

    Attributes:
        truth, predicted: The numbers of both.
        times: How often.
        share: Of those of the true class.
    """

    truth: int
    predicted: int
    times: int
    share: float


def most_confused(confusion: Counts, most: int = 10) -> list[Confused]:
    """The pairs of classes (true, predicted) with the most mistakes, the most first, of equal ones those in order."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    flat = wrong.reshape(-1)
    mistaken = np.flatnonzero(flat)  # of a thousand classes there are a million pairs, and few of them have any mistake
    order = mistaken[np.argsort(-flat[mistaken], kind="stable")[:most]]
    support = confusion.sum(axis=1)
    pairs = [(int(cell // len(wrong)), int(cell % len(wrong)), int(flat[cell])) for cell in order]
    return [Confused(truth, taken, count, count / int(support[truth])) for truth, taken, count in pairs]
