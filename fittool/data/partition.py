"""Which samples are validated on: a function of labels, groups and a seed, without any sample being loaded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittool import chance
from fittool.data.dataset import Dataset
from fittool.data.splits import Split, first_part, split_at
from fittool.data.validation_part import By, ValidationPart
from fittool.errors import DataError

Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]


def split_off(dataset: Dataset, part: ValidationPart, seed: int, groups: NDArray[np.str_] | None = None) -> Split:
    """Divide samples into those to train and those to validate on.

    Args:
        dataset: All samples.
        part: How.
        seed: The experiment's.
        groups: (N,) what each sample belongs to, where `part` needs it.

    Raises:
        DataError: There are too few samples, classes or groups for it; with the numbers.
    """
    seed = seed if part.seed is None else part.seed
    size, labels = len(dataset), dataset.labels()
    if part.kind in ("last", "first"):
        grouped = labels if dataset.grouped_by_class else None
        first = first_part(size, grouped, part.fraction if part.kind == "first" else 1 - part.fraction)
        chosen = first if part.kind == "first" else ~first
    else:
        by: By = part.by if part.kind == "kfold" else part.kind  # type: ignore[assignment]  # the other kinds are done
        folds, share = (part.folds, 1 / part.folds) if part.kind == "kfold" else (None, part.fraction)
        if by == "group":
            assert groups is not None
            chosen = _groups(groups, seed, part, folds, share)
        else:
            chosen = _samples(size, labels, seed, part, folds, stratified=by == "stratified")
    return split_at(dataset, chosen, f"validation.split ({part.kind})")


def _samples(size: int, labels: Labels | None, seed: int, part: ValidationPart, folds: int | None, *, stratified: bool) -> Flags:
    """Single samples, by chance, or the same share of each class."""
    order = chance.permuted(seed, "validation split", positions=np.arange(size), size=size)
    if folds is not None and folds > size:
        raise DataError(f"validation.split: {folds} folds need as many samples, but there are {size:,}. Use fewer folds.")
    if not stratified:
        return _chosen(order, part, folds, size)
    if labels is None:
        raise DataError("validation.split: stratified needs targets that are classes. Use kind: random.")
    classes = labels[order]
    if folds is None:
        chosen = np.zeros(size, bool)
        for members in _by_value(classes):
            chosen[order[members[: _share(len(members), part.fraction)]]] = True
        return chosen
    dealt = order[np.argsort(classes, kind="stable")]  # class by class, so that dealing them out in turn serves each class
    chosen = np.zeros(size, bool)
    chosen[dealt[part.fold :: folds]] = True
    return chosen


def _chosen(order: Labels, part: ValidationPart, folds: int | None, size: int) -> Flags:
    chosen = np.zeros(size, bool)
    if folds is None:
        chosen[order[: _share(size, part.fraction)]] = True
    else:
        chosen[order[part.fold * size // folds : (part.fold + 1) * size // folds]] = True
    return chosen


def _groups(groups: NDArray[np.str_], seed: int, part: ValidationPart, folds: int | None, share: float) -> Flags:
    """Whole groups, in a random order, until there are enough; or the largest first, each to the smallest fold."""
    names, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    needed = folds or 2
    if len(names) < needed:
        raise DataError(f"validation.split: there are {len(names)} groups ({_few(names)}), but {needed} at least are needed.")
    order = chance.permuted(seed, "validation groups", positions=np.arange(len(names)), size=len(names))
    if folds is not None:
        return np.asarray(_dealt(sizes, order, folds)[members] == part.fold)
    wanted, taken = share * len(groups), np.zeros(len(names), bool)
    for group in order[:-1].tolist():  # one group is left to train on
        if sizes[taken].sum() + sizes[group] / 2 <= wanted or not taken.any():
            taken[group] = True
    return np.asarray(taken[members])


def _dealt(sizes: Labels, order: Labels, folds: int) -> Labels:
    """The fold of each group."""
    fold_of, filled = np.empty(len(sizes), np.int64), np.zeros(folds, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")].tolist():
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of


def _share(size: int, fraction: float) -> int:
    """How many of `size` are validated on: the nearest number that leaves at least one on each side, if there are two."""
    return min(max(round(size * fraction), 1), size - 1)


def _by_value(values: Labels) -> list[Labels]:
    return np.split(np.argsort(values, kind="stable"), np.cumsum(np.bincount(values))[:-1])


def _few(names: NDArray[np.str_]) -> str:
    return ", ".join(map(str, names[:5])) + (", …" if len(names) > 5 else "")
