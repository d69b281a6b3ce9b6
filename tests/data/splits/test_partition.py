"""Which part of the data is validated on: nothing twice, nothing lost, and a function of the seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset
from fittool.data.splits.partition import split_off
from fittool.data.splits.split_setting import SplitSetting
from fittool.data.splits.validation_split import Split
from fittool.errors import DataError

LABELS = np.repeat([0, 1, 2], [60, 30, 10])
GROUPS = np.array([f"patient {number // 7}" for number in range(100)])


def divided(seed: int = 1, labels: Any = LABELS, groups: Any = None, **arguments: Any) -> Split:
    names = tuple(map(str, range(3)))
    data = ArrayDataset(np.arange(len(labels))[:, np.newaxis], (labels,), class_names=names, labels=labels)
    return split_off(data, SplitSetting(**arguments), seed, groups)


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
    part = SplitSetting(kind="random", seed=3)
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


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("sizes", "fraction", "found"),
    [([80, 6, 7, 7], 0.2, 20), ([80, 6, 7, 7], 0.13, 13), ([80, 20], 0.3, 20), ([1] * 70 + [30], 0.3, 30), ([97, 3], 0.9, 97)],
)
def test_groups_come_as_near_to_the_fraction_as_they_can(sizes: list[int], fraction: float, found: int, seed: int):
    groups = np.repeat([f"g{number}" for number in range(len(sizes))], sizes)
    assert len(validated(seed=seed, kind="group", fraction=fraction, group="g", groups=groups)) == found


@pytest.mark.parametrize("seed", range(10))
def test_one_large_group_among_many_small_ones_counts(seed: int):
    groups = np.repeat([f"g{number}" for number in range(100)], [1000] + [1] * 99)
    parts = divided(labels=np.zeros(1099, np.int64), seed=seed, kind="group", fraction=0.6, group="g", groups=groups)
    assert 1000 <= len(parts.validation) <= 1050


def test_groups_that_miss_the_fraction_by_far_are_told():
    groups = np.repeat(["big", "small"], [60, 40])
    assert divided(kind="group", fraction=0.1, group="g", groups=groups).warnings[0] == (
        "data.validation.split validates on 0.4 of the samples instead of 0.1, as groups stay whole and there are 2 with "
        "40 to 60 samples."
    )
    near = divided(kind="group", fraction=0.3, group="g", groups=groups).warnings
    assert not any("groups stay whole" in text for text in near)


@pytest.mark.parametrize(
    ("labels", "arguments", "message"),
    [
        ([0] * 9 + [2], {"kind": "stratified"}, "needs 2 samples of each class at least, but 2 has 1. .* use kind: random"),
        ([0] * 9 + [1] * 4, {"kind": "kfold", "by": "stratified"}, "needs 5 samples of each class .*1 has 4. .*fewer folds"),
    ],
)
def test_stratified_refuses_classes_that_one_part_would_lack(labels: list[int], arguments: dict[str, Any], message: str):
    with pytest.raises(DataError, match=message):
        divided(labels=np.array(labels), **arguments)


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
        split_off(data, SplitSetting(kind="stratified"), 0)


def test_a_class_that_is_left_out_is_told():
    told = "data.validation.split (last) leaves 1 class without samples to train on: 2."
    assert divided(kind="last", fraction=0.2).warnings[0] == told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "kfold", "folds": 3, "fold": 3}, "below folds, which is 3"),
        ({"kind": "group"}, "what tells the groups apart"),
    ],
)
def test_settings_must_hold_together(arguments: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        SplitSetting(**arguments)
