"""Whether labels are classes or numbers to predict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset
from fittool.data.targets import from_numbers
from fittool.errors import DataError
from fittool.scaffold.task import Task, task_of


def task(labels: Any) -> Task:
    array = np.asarray(labels)

    def opened(class_mode: Any) -> ArrayDataset:
        targets = from_numbers(array, class_mode, None, "y")
        inputs = np.zeros((len(array), 2), np.float32)
        return ArrayDataset(inputs, targets.all((inputs,)), class_names=targets.class_names, labels=targets.labels)

    return task_of(opened)[0]


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1] * 10,
        [1.0, 2.0, 7.0] * 10,
        [[3], [4]] * 10,
        list(range(30)) * 2,
        list(range(100)) * 10,
        [f"n{number}" for number in range(40)] * 3,
        ["a", "b"],
        [True, False] * 5,
    ],
)
def test_classes(labels: Any) -> None:
    found = task(labels)
    assert (found.kind, sum(found.classes.values()), found.units) == ("classes", len(labels), len(found.classes))


@pytest.mark.parametrize(
    "labels",
    [
        [0.5, 1.5] * 10,
        list(range(20)),
        list(range(31)) * 9,
        list(range(1, 101)) * 10,
        list(range(1001)) * 10,
        [[0.5], [1.5]] * 5,
    ],
)
def test_amounts(labels: Any) -> None:
    assert task(labels) == Task("numbers")


@pytest.mark.parametrize(
    ("labels", "kind", "outputs"),
    [
        (np.eye(3)[[0, 1, 2, 1]], "one-hot", 3),
        (np.eye(3, dtype=bool)[[0, 1, 2, 1]], "one-hot", 3),
        ([[0, 1], [1, 1], [0, 0]], "yes or no", 2),
        ([[0, 1], [1, 7]], "numbers", 2),
        ([[0.5, 1], [1, 2]], "numbers", 2),
        (np.zeros((4, 2, 3)), "numbers", 6),
    ],
)
def test_rows(labels: Any, kind: str, outputs: int) -> None:
    found = task(labels)
    assert (found.kind, found.outputs, found.units, found.classes) == (kind, outputs, outputs, {})


def test_text_that_is_no_class_is_refused() -> None:
    with pytest.raises(DataError, match="The labels are text, 20 different ones in 20 samples; these are no classes"):
        task([f"n{number}" for number in range(20)])


def test_what_is_wrong_with_labels_is_told() -> None:
    with pytest.raises(DataError, match="NaN or infinite"):
        task([1.0, np.nan])


def test_a_class_of_one_sample_cannot_be_stratified() -> None:
    assert task([0, 0, 1, 1]).can_be_stratified
    assert not task(["a", "a", "a", "b", "c", "c"]).can_be_stratified
    assert not task([0.5, 1.5]).can_be_stratified


def test_in_words() -> None:
    assert task([1, 2, 2] * 2).in_words() == "2 classes (1 2, 2 4)"
    assert task(list(range(6)) * 2).in_words() == "6 classes (0 2, 1 2, 2 2, 3 2, 4 2, …)"
    assert task([0.5]).in_words() == "a number to predict"
