"""Random predictions and truths for tests against scikit-learn: 200 cases, among them hard ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CASES = range(200)


@dataclass(frozen=True)
class Case:
    """Samples of classes.

    Attributes:
        truth: (N,) class numbers.
        probabilities: (N, K), rows that sum to 1; some equal ones, some 0 and 1.
    """

    truth: np.ndarray
    probabilities: np.ndarray

    @property
    def classes(self) -> int:
        """K."""
        return self.probabilities.shape[1]

    @property
    def predicted(self) -> np.ndarray:
        """(N,) the likeliest class."""
        return self.probabilities.argmax(axis=1)


def case(number: int) -> Case:
    """One of the cases; every fourth has two classes, every fifth lacks one, every third has coarse probabilities."""
    chance = np.random.default_rng(number)
    classes = 2 if number % 4 == 0 else int(chance.integers(2, 12))
    count = int(chance.integers(classes, 300))
    truth = chance.integers(0, classes if number % 5 else max(classes - 1, 1), count)
    scores = chance.normal(size=(count, classes)) * chance.choice([0.1, 1.0, 10.0])
    scores[np.arange(count), truth] += chance.uniform(0, 3)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    if number % 3 == 0 and classes == 2:
        second = np.round(probabilities[:, 1], 1)
        probabilities = np.stack([1 - second, second], axis=1)
    return Case(truth, probabilities)
