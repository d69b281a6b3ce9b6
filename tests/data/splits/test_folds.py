"""The parts of k-fold cross-validation are scikit-learn's, where it is installed, and by hand where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.splits.folds import folds_of, stratified_folds_of

SEEDS = (None, 0, 7, 2**32 - 1)


def test_folds_as_they_stand():
    assert folds_of(7, 3, None).tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_stratified_folds_as_they_stand():
    assert stratified_folds_of(np.array([1, 1, 1, 0, 0, 0, 0]), 2, None).tolist() == [0, 0, 1, 0, 0, 1, 1]


def test_a_seed_that_scikit_learn_does_not_take_decides_as_well():
    large = folds_of(100, 4, 2**63 - 1)
    assert np.bincount(large).tolist() == [25] * 4
    assert large.tolist() != folds_of(100, 4, 2**62).tolist()
    assert large.tolist() == folds_of(100, 4, 2**63 - 1).tolist()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("size", "folds"), [(10, 3), (150, 10), (7, 7), (101, 2)])
def test_folds_are_those_of_scikit_learn(size: int, folds: int, seed: int | None):
    selection = pytest.importorskip("sklearn.model_selection")
    theirs = selection.KFold(folds, shuffle=seed is not None, random_state=seed).split(np.zeros(size))
    ours = folds_of(size, folds, seed)
    for number, (_, validation) in enumerate(theirs):
        assert np.flatnonzero(ours == number).tolist() == validation.tolist()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("case", range(20))
def test_stratified_folds_are_those_of_scikit_learn(case: int, seed: int | None):
    selection = pytest.importorskip("sklearn.model_selection")
    random = np.random.default_rng(case)
    folds, classes = int(random.integers(2, 8)), int(random.integers(2, 6))
    labels = random.permutation(np.concatenate([np.arange(classes).repeat(folds), random.integers(0, classes, 60)]))
    theirs = selection.StratifiedKFold(folds, shuffle=seed is not None, random_state=seed).split(labels, labels)
    ours = stratified_folds_of(labels, folds, seed)
    for number, (_, validation) in enumerate(theirs):
        assert np.flatnonzero(ours == number).tolist() == validation.tolist()
