"""The statistics of numbers that the layers of a table take: a robust centre and scale, and the edges of bins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_ROUNDS = 50


def center_and_scale(numbers: Floats) -> dict[str, NDArray[np.float64]]:
    """Median and factor of each column.

    The factor is 1 by the distance of the quartiles; 2 by the range where the quartiles are one number, and 0 for a constant
    (Holzmüller et al., "Better by Default", 2024, section 3).

    Args:
        numbers: (N, K).

    Returns:
        `center` and `scale`, (K,) each.
    """
    first, middle, third = np.quantile(numbers.astype(np.float64), (0.25, 0.5, 0.75), axis=0)
    whole = numbers.max(axis=0).astype(np.float64) - numbers.min(axis=0)
    between = third - first
    divisor = np.where(between > 0, between, whole / 2)
    return {"center": middle, "scale": np.divide(1, divisor, out=np.zeros_like(divisor), where=divisor > 0)}


def bin_edges(numbers: Floats, bins: int) -> Floats:
    """Edges of at most so many bins of each column, at quantiles of it; a frequent value takes one bin, never several.

    Args:
        numbers: (N, K).
        bins: The most bins, T.

    Returns:
        (K, T + 1), rising; those that are not needed equal the last.
    """
    edges = np.empty((numbers.shape[1], bins + 1), np.float32)
    for column, out in zip(numbers.T, edges, strict=True):
        found = _edges(column, bins)
        out[: len(found)], out[len(found) :] = found, found[-1]
    return edges


def _edges(column: Floats, bins: int) -> Floats:
    """(n,) rising edges of one column (N,), the first its smallest value and the last its largest."""
    values, counts = np.unique(column, return_counts=True)
    if len(values) <= bins + 1:
        return values
    reached = np.cumsum(np.minimum(counts, _share(counts, bins)))
    places = np.searchsorted(reached, np.linspace(0, reached[-1], bins + 1))
    chosen: Floats = values[np.unique(np.minimum(places, len(values) - 1))]
    return chosen


def _share(counts: NDArray[np.int64], bins: int) -> float:
    """The rows of a bin where no distinct value counts for more than one bin, though it may have more rows."""
    # Each round takes from frequent values what is beyond a bin, so that bins become smaller; it settles in a few rounds.
    share = counts.sum() / bins
    for _ in range(_ROUNDS):
        share = np.minimum(counts, share).sum() / bins
    return float(share)
