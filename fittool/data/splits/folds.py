"""The parts of k-fold cross-validation: for the same seed those of scikit-learn's `KFold` and `StratifiedKFold`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittool import rng

Labels = NDArray[np.int64]


def folds_of(size: int, folds: int, seed: int | None) -> Labels:
    """The fold of each sample, (size,): those of `KFold(folds, shuffle=True, random_state=seed)`.

    The first `size % folds` of them hold one sample more than the others.

    Args:
        size: The number of samples, at least `folds`.
        folds: The number of parts.
        seed: Of the order in which samples are dealt out; None: as they stand (`shuffle=False`).
    """
    order = np.arange(size)
    if seed is not None:
        rng.numpy_random_state(seed).shuffle(order)
    sizes = np.full(folds, size // folds)
    sizes[: size % folds] += 1
    fold_of = np.empty(size, np.int64)
    fold_of[order] = np.repeat(np.arange(folds), sizes)
    return fold_of


def stratified_folds_of(labels: Labels, folds: int, seed: int | None) -> Labels:
    """The fold of each sample, (N,): those of `StratifiedKFold(folds, shuffle=True, random_state=seed)`.

    How many samples of a class a fold gets is found by dealing out the sorted labels in turn, so that folds differ by one sample
    at most, in all and of each class.

    Args:
        labels: (N,) class numbers.
        folds: The number of parts.
        seed: Of the order in which samples of a class are dealt out; None: as they stand (`shuffle=False`).
    """
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    # Classes count in the order in which they first occur, as the folds' sizes depend on it.
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    classes = rank[inverse]
    ordered = np.sort(classes)
    shares = np.stack([np.bincount(ordered[fold::folds], minlength=len(first)) for fold in range(folds)])
    random = None if seed is None else rng.numpy_random_state(seed)
    fold_of = np.empty(len(labels), np.int64)
    for number in range(len(first)):
        dealt = np.repeat(np.arange(folds), shares[:, number])
        if random is not None:
            random.shuffle(dealt)
        fold_of[classes == number] = dealt
    return fold_of
