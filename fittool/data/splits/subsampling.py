"""Which training samples a pass shows: a part of them, or rare classes as often as frequent ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.data.dataset import Dataset, Subset
from fittool.errors import DataError


def fraction_of(dataset: Dataset, share: float, seed: int) -> Subset:
    """A random part of the samples, the same part of each class where there are classes; they keep their order.

    Args:
        dataset: All samples.
        share: How many of them, above 0 and up to 1; at least one of each class stays.
        seed: The experiment's.
    """
    size, labels = len(dataset), dataset.labels()
    order = rng.permuted(seed, "fraction", positions=np.arange(size), size=size)
    chosen = np.zeros(size, bool)
    for members in _by_class(np.zeros(size, np.int64) if labels is None else labels[order]):
        chosen[order[members[: max(round(len(members) * share), min(len(members), 1))]]] = True
    return Subset(dataset, np.flatnonzero(chosen))


def balanced(dataset: Dataset, seed: int) -> Subset:
    """All samples, those of rarer classes several times, so that each class has as many as the most frequent one.

    Which samples of a class come once more than others is left to chance, and the same in all passes.

    Raises:
        DataError: The targets are no classes.
    """
    labels = dataset.labels()
    if labels is None:
        raise DataError("oversample: balanced needs targets that are classes, but these are numbers or none. Remove it.")
    most = int(np.bincount(labels).max())
    return Subset(dataset, np.concatenate([_repeated(members, most, seed) for members in _by_class(labels) if len(members)]))


def _repeated(members: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    times, rest = divmod(most, len(members))
    extra = rng.permuted(seed, "oversample", int(members[0]), positions=np.arange(rest), size=len(members))
    return np.concatenate([np.tile(members, times), members[extra]])


def _by_class(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1])
