"""Scores as an order: the area under the receiver operating characteristic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def roc_auc(truth: NDArray[np.bool_], scores: NDArray[np.floating]) -> float | None:
    """The probability that a score of a true one is above that of another, equal ones counting half (Mann and Whitney 1947).

    Args:
        truth: (N,) which samples are true.
        scores: (N,) larger where that is likelier.

    Returns:
        0 to 1; None where all samples are alike, so that nothing can be told apart.
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = (last - (count - 1) / 2)[place]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def macro_auc(truth: NDArray[np.int64], scores: NDArray[np.floating]) -> float | None:
    """The mean area of each class against all others.

    Args:
        truth: (N,) class numbers.
        scores: (N, K) a score for each class.

    Returns:
        The mean over the K classes; None where one of them is not there.
    """
    areas = [roc_auc(truth == number, scores[:, number]) for number in range(scores.shape[1])]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if len(known) == len(areas) else None
