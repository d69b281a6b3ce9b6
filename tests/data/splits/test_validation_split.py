"""validation_split."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset
from fittool.data.splits.validation_split import split
from fittool.errors import DataError


def dataset(labels: list[int], *, grouped: bool = False) -> ArrayDataset:
    names = tuple("abcdef"[: max(labels) + 1])
    return ArrayDataset(np.zeros((len(labels), 1)), (np.array(labels),), class_names=names, grouped_by_class=grouped)


@pytest.mark.parametrize(("count", "share", "first"), [(10, 0.2, 8), (10, 0.25, 7), (1797, 0.2, 1437), (3, 0.34, 1)])
def test_the_last_part_validates_as_in_keras(count: int, share: float, first: int) -> None:
    parts = split(dataset([0] * count), share)
    assert parts.train.indices.tolist() == list(range(first))
    assert parts.validation.indices.tolist() == list(range(first, count))
    assert parts.warnings == ()


def test_of_class_folders_the_last_part_of_each_class() -> None:
    parts = split(dataset([0] * 5 + [1] * 10, grouped=True), 0.2)
    assert parts.validation.indices.tolist() == [4, 13, 14]
    assert len(parts.train) == 12


def test_classes_that_a_part_lacks_are_told() -> None:
    parts = split(dataset([0, 0, 1, 1, 2, 2, 3, 3]), 0.25)
    assert parts.warnings == (
        "validation_split: 0.25 leaves 1 class without samples to train on: d.",
        "validation_split: 0.25 leaves 3 classes without samples to validate on: a, b, c.",
    )


def test_a_class_without_any_samples_is_not_told() -> None:
    assert split(dataset([0, 2, 0, 2, 0, 2]), 0.5).warnings == ()


@pytest.mark.parametrize(("share", "what"), [(0.9, "train"), (0.0, "validate")])
def test_an_empty_part_is_an_error(share: float, what: str) -> None:
    with pytest.raises(DataError, match=f"of 2 samples leaves none to {what} on"):
        split(dataset([0, 1]), share)
