"""The samples to validate on: a function of labels, groups and a seed, without any sample being loaded.

And which training samples a pass shows: a part of them, or rare classes as often as frequent ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.data.dataset import Dataset, Subset
from fittool.data.splits.folds import folds_of, stratified_folds_of
from fittool.data.splits.split_column import column_split
from fittool.data.splits.split_setting import By, SplitSetting
from fittool.data.splits.validation_split import Split, first_part, split_at
from fittool.errors import DataError

Labels = NDArray[np.int64]
Flags = NDArray[np.bool_]

_EXACT = 64  # groups among which the best choice is sought
_SHOWN = 5


def split_off(dataset: Dataset, part: SplitSetting, seed: int, groups: NDArray[np.str_] | None = None) -> Split:
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
    told: tuple[str, ...] = ()
    if part.kind == "column":
        assert groups is not None
        return _by_column(dataset, part, groups)
    if part.kind == "time":
        assert groups is not None
        from fittool.data.splits.split_by_time import latest  # which reads dates

        return split_at(dataset, latest(str(part.column), groups, part.fraction), "data.validation.split (time)")
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
            told = () if folds else _far_off(groups, chosen, share)
        else:
            stratified = by == "stratified" or (by == "auto" and labels is not None)
            if stratified:
                _check_stratified(dataset, folds)
            chosen = _samples(size, labels, seed, part, folds, stratified=stratified)
    divided = split_at(dataset, chosen, f"data.validation.split ({part.kind})")
    return replace(divided, warnings=(*told, *divided.warnings))


def _by_column(dataset: Dataset, part: SplitSetting, values: NDArray[np.str_]) -> Split:
    """The parts that a column says; samples of neither are in none."""
    column = str(part.column)
    divided = column_split(column, values, part.value)
    of_both = np.flatnonzero(np.isin(values, list(divided.training | divided.validation)))
    chosen = np.isin(values[of_both], list(divided.validation))
    parts = split_at(Subset(dataset, of_both), chosen, f"data.validation.split (column {column})")
    remark = divided.remark(column)
    return parts if remark is None else replace(parts, warnings=(remark, *parts.warnings))


def _samples(size: int, labels: Labels | None, seed: int, part: SplitSetting, folds: int | None, *, stratified: bool) -> Flags:
    """Single samples, by chance, or the same share of each class."""
    if folds is not None:
        return _fold(size, labels if stratified else None, seed if part.shuffle else None, part, folds)
    order = rng.permuted(seed, "validation split", positions=np.arange(size), size=size)
    chosen = np.zeros(size, bool)
    if not stratified:
        chosen[order[: _share(size, part.fraction)]] = True
        return chosen
    assert labels is not None
    for members in _by_value(labels[order]):
        chosen[order[members[: _share(len(members), part.fraction)]]] = True
    return chosen


def _fold(size: int, labels: Labels | None, seed: int | None, part: SplitSetting, folds: int) -> Flags:
    """One of several parts of equal size, with the same share of each class where labels are given."""
    if folds > size:
        raise DataError(f"validation.split: {folds} folds need as many samples, but there are {size:,}. Use fewer folds.")
    fold_of = folds_of(size, folds, seed) if labels is None else stratified_folds_of(labels, folds, seed)
    return np.asarray(fold_of == part.fold)


def _check_stratified(dataset: Dataset, folds: int | None) -> None:
    """Refuse classes that cannot be on both sides, or not in each fold."""
    labels, needed = dataset.labels(), folds or 2
    if labels is None:
        raise DataError("validation.split: stratified needs targets that are classes. Use kind: random.")
    counts = np.bincount(labels)
    few = np.flatnonzero((counts > 0) & (counts < needed)).tolist()
    if few:
        names = dataset.class_names or tuple(map(str, range(len(counts))))
        listed = ", ".join(f"{names[number]} has {counts[number]}" for number in few[:_SHOWN]) + ", …" * (len(few) > _SHOWN)
        mend = "use fewer folds" if folds else "use kind: random"
        raise DataError(
            f"validation.split: stratified needs {needed} samples of each class at least, but {listed}. "
            f"Add samples, leave the class out, or {mend}."
        )


def _groups(groups: NDArray[np.str_], seed: int, part: SplitSetting, folds: int | None, share: float) -> Flags:
    """Whole groups, as near to the share as they allow; or the largest first, each to the smallest fold."""
    names, members, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    needed = folds or 2
    if len(names) < needed:
        raise DataError(f"validation.split: there are {len(names)} groups ({_few(names)}), but {needed} at least are needed.")
    order = rng.permuted(seed, "validation groups", positions=np.arange(len(names)), size=len(names))
    if folds is not None:
        return np.asarray(_dealt(sizes, order, folds)[members] == part.fold)
    return np.asarray(_nearest(sizes, order, share * len(groups))[members])


def _nearest(sizes: Labels, order: Labels, wanted: float) -> Flags:
    """Groups that together are as near to so many samples as can be; one at least, and never all.

    In a random order, those that fit; of the last ones, and some that did not fit, those whose sum is the best of all their
    sums. Sums are the bits of whole numbers, as many of them at once as there are samples.
    """
    taken, held, passed_by = np.zeros(len(sizes), bool), 0, []
    for group in order[:-_EXACT].tolist():
        if held + sizes[group] <= wanted:
            taken[group], held = True, held + int(sizes[group])
        else:
            passed_by.append(group)
    last, sums = [*passed_by[:_EXACT], *order[-_EXACT:].tolist()], [1]
    for group in last:
        sums.append(sums[-1] | sums[-1] << int(sizes[group]))
    possible = held + _bits(sums[-1])
    possible = possible[(possible > 0) & (possible < sizes.sum())]
    left = int(possible[np.abs(possible - wanted).argmin()]) - held
    for group, before in zip(reversed(last), reversed(sums[:-1]), strict=True):
        if (rest := left - int(sizes[group])) >= 0 and before >> rest & 1:
            taken[group], left = True, rest
    return taken


def _bits(number: int) -> Labels:
    """The places of the ones in a whole number."""
    content = number.to_bytes(number.bit_length() // 8 + 1, "little")
    return np.flatnonzero(np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little"))


def _far_off(groups: NDArray[np.str_], chosen: Flags, share: float) -> tuple[str, ...]:
    """A warning where whole groups give much more or less than was asked for."""
    found = float(chosen.mean())
    if abs(found - share) <= share / 2:
        return ()
    names, sizes = np.unique(groups, return_counts=True)
    return (
        f"data.validation.split validates on {found:.2g} of the samples instead of {share:g}, as groups stay whole and there are "
        f"{len(names):,} with {sizes.min():,} to {sizes.max():,} samples.",
    )


def _dealt(sizes: Labels, order: Labels, folds: int) -> Labels:
    """The fold of each group."""
    fold_of, filled = np.empty(len(sizes), np.int64), np.zeros(folds, np.int64)
    for group in order[np.argsort(-sizes[order], kind="stable")].tolist():
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of


def _share(size: int, fraction: float) -> int:
    """The number out of `size` to validate on: the nearest number that leaves at least one on each side, if there are two."""
    return min(max(round(size * fraction), 1), size - 1)


def _by_value(values: Labels) -> list[Labels]:
    return np.split(np.argsort(values, kind="stable"), np.cumsum(np.bincount(values))[:-1])


def _few(names: NDArray[np.str_]) -> str:
    return ", ".join(map(str, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")


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

    Which samples of a class come once more than others is random, and the same in all passes.

    Raises:
        DataError: The targets are no classes.
    """
    labels = dataset.labels()
    if labels is None:
        raise DataError("oversample: balanced needs targets that are classes, but these are numbers or none. Remove it.")
    most = int(np.bincount(labels).max())
    return Subset(dataset, np.concatenate([_repeat(members, most, seed) for members in _by_class(labels) if len(members)]))


def _repeat(members: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    times, rest = divmod(most, len(members))
    extra = rng.permuted(seed, "oversample", int(members[0]), positions=np.arange(rest), size=len(members))
    return np.concatenate([np.tile(members, times), members[extra]])


def _by_class(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels))[:-1])
