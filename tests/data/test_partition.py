"""Which part of the data is validated on: nothing twice, nothing lost, and a function of the seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset
from fittool.data.partition import split_off
from fittool.data.splits import Split
from fittool.data.validation_part import ValidationPart
from fittool.errors import DataError

LABELS = np.repeat([0, 1, 2], [60, 30, 10])
GROUPS = np.array([f"patient {number // 7}" for number in range(100)])


def divided(seed: int = 1, labels: Any = LABELS, groups: Any = None, **arguments: Any) -> Split:
    names = tuple(map(str, range(3)))
    data = ArrayDataset(np.arange(len(labels))[:, np.newaxis], (labels,), class_names=names, labels=labels)
    return split_off(data, ValidationPart(**arguments), seed, groups)


def validated(**arguments: Any) -> list[int]:
    parts = divided(**arguments)
    train, validation = parts.train.indices.tolist(), parts.validation.indices.tolist()
    assert sorted(train + validation) == list(range(100))
    return validation


def test_the_last_and_the_first_part():
    assert validated(kind="last", fraction=0.2) == list(range(80, 100))
    assert validated(kind="first", fraction=0.2) == list(range(20))


def test_a_random_part_is_a_function_of_the_seed():
    first = validated(kind="random", fraction=0.2)
    assert len(first) == 20
    assert first == validated(kind="random", fraction=0.2)
    assert first != validated(kind="random", fraction=0.2, seed=2)


def test_the_splits_own_seed_stands_above_the_experiments():
    data = ArrayDataset(np.zeros((100, 1)), (LABELS,))
    part = ValidationPart(kind="random", seed=3)
    first, second = (split_off(data, part, seed).validation.indices.tolist() for seed in (1, 2))
    assert first == second


def test_stratified_takes_the_same_share_of_each_class():
    assert np.bincount(LABELS[validated(kind="stratified", fraction=0.2)]).tolist() == [12, 6, 2]


def test_stratified_leaves_a_rare_class_on_both_sides():
    labels = np.array([0] * 98 + [1] * 2)
    assert np.bincount(labels[validated(labels=labels, kind="stratified", fraction=0.1)]).tolist() == [10, 1]


@pytest.mark.parametrize("by", ["random", "stratified", "group"])
def test_folds_divide_the_data(by: str):
    group = {"group": "patient", "groups": GROUPS} if by == "group" else {}
    folds = [validated(kind="kfold", folds=4, fold=fold, by=by, **group) for fold in range(4)]
    assert sorted(index for fold in folds for index in fold) == list(range(100))
    assert max(map(len, folds)) - min(map(len, folds)) <= (7 if by == "group" else 1)


def test_stratified_folds_hold_each_class_alike():
    for fold in range(5):
        counts = np.bincount(LABELS[validated(kind="kfold", folds=5, fold=fold, by="stratified")])
        assert counts.tolist() == [12, 6, 2]


@pytest.mark.parametrize("arguments", [{"kind": "group", "fraction": 0.3}, {"kind": "kfold", "by": "group", "folds": 3}])
def test_groups_stay_whole(arguments: dict[str, Any]):
    chosen = validated(**arguments, group="patient", groups=GROUPS)
    inside, outside = set(GROUPS[chosen]), set(np.delete(GROUPS, chosen))
    assert not inside & outside
    assert abs(len(chosen) - 31) <= 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "kfold", "folds": 101}, "101 folds need as many samples, but there are 100"),
        ({"kind": "group", "group": "a", "groups": np.full(100, "one")}, r"there are 1 groups \(one\), but 2 at least"),
    ],
)
def test_too_few_are_refused_with_the_numbers(arguments: dict[str, Any], message: str):
    with pytest.raises(DataError, match=message):
        divided(**arguments)


def test_stratified_needs_classes():
    data = ArrayDataset(np.zeros((10, 1)), (np.linspace(0, 1, 10),))
    with pytest.raises(DataError, match="stratified needs targets that are classes"):
        split_off(data, ValidationPart(kind="stratified"), 0)


def test_a_class_that_is_left_out_is_told():
    assert "1 class without samples to train on: 2" in divided(kind="last", fraction=0.2).warnings[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "kfold", "folds": 3, "fold": 3}, "below folds, which is 3"),
        ({"kind": "group"}, "what tells the groups apart"),
    ],
)
def test_settings_must_hold_together(arguments: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        ValidationPart(**arguments)
