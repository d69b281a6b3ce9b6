"""`validation_split`: the last part of the data, taken before any shuffling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Dataset, Subset
from fittool.errors import DataError


@dataclass(frozen=True)
class Split:
    """Two parts of a dataset, and what the user should know about them.

    Attributes:
        train: The samples to train on.
        validation: The samples to validate on.
        warnings: Sentences about classes that one part lacks.
    """

    train: Subset
    validation: Subset
    warnings: tuple[str, ...]


def split(dataset: Dataset, validation_split: float) -> Split:
    """Cut off the last part: of all samples, or of each class where they stand class by class.

    The first `floor(n * (1 - validation_split))` samples are for training, as in Keras.

    Args:
        dataset: All samples.
        validation_split: The share to validate on, between 0 and 1.

    Raises:
        DataError: One of the parts is empty.
    """
    labels = dataset.labels() if dataset.grouped_by_class else None
    return split_at(dataset, ~first_part(len(dataset), labels, 1 - validation_split), f"validation_split: {validation_split:g}")


def first_part(size: int, labels: NDArray[np.int64] | None, share: float) -> NDArray[np.bool_]:
    """(size,) marks of the first `floor(n * share)` of all samples, or of each class where labels (size,) are given."""
    first = np.zeros(size, bool)
    if labels is None:
        first[: int(size * share)] = True
        return first
    for members in _by_class(labels):
        first[members[: int(len(members) * share)]] = True
    return first


def split_at(dataset: Dataset, for_validation: NDArray[np.bool_], what: str) -> Split:
    """The two parts of a dataset, given which of its (N,) samples are for validation; `what` is the setting that says so.

    Raises:
        DataError: One of the parts is empty.
    """
    train, validation = np.flatnonzero(~for_validation), np.flatnonzero(for_validation)
    for part, name in ((train, "train"), (validation, "validate")):
        if len(part) == 0:
            raise DataError(
                f"{what} of {len(dataset):,} samples leaves none to {name} on. "
                "Use another share, more samples, or data.validation."
            )
    warnings = _warnings(dataset, ~for_validation, what)
    return Split(Subset(dataset, train), Subset(dataset, validation), warnings)


def _by_class(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels))[:-1])


def _warnings(dataset: Dataset, for_training: NDArray[np.bool_], what: str) -> tuple[str, ...]:
    class_names, labels = dataset.class_names, dataset.labels()
    if class_names is None or labels is None:
        return ()
    texts = []
    for part, name in ((for_training, "train"), (~for_training, "validate")):
        counts = np.bincount(labels[part], minlength=len(class_names))
        missing = [class_names[number] for number in np.flatnonzero(np.bincount(labels)) if counts[number] == 0]
        if missing:
            listed = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
            texts.append(f"{what} leaves {_classes(len(missing))} without samples to {name} on: {listed}.")
    return tuple(texts)


def _classes(count: int) -> str:
    return "1 class" if count == 1 else f"{count} classes"
