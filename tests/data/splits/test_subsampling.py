"""A part of the training data, and rare classes as often as frequent ones."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset
from fittool.data.loading.batch_loader import DatasetLoader
from fittool.data.splits.partition import balanced, fraction_of
from fittool.errors import DataError

LABELS = np.repeat([0, 1, 2], [60, 25, 5])
DATA = ArrayDataset(np.arange(90)[:, np.newaxis], (LABELS,), labels=LABELS, class_names=("a", "b", "c"))


def test_a_fraction_of_each_class_in_its_order():
    indices = fraction_of(DATA, 0.2, seed=1).indices
    assert np.bincount(LABELS[indices]).tolist() == [12, 5, 1]
    assert (np.diff(indices) > 0).all()
    assert indices.tolist() != fraction_of(DATA, 0.2, seed=2).indices.tolist()


def test_a_small_fraction_keeps_one_of_each_class():
    assert np.bincount(LABELS[fraction_of(DATA, 0.01, seed=1).indices]).tolist() == [1, 1, 1]


def test_a_fraction_of_numbers():
    assert len(fraction_of(ArrayDataset(np.zeros((50, 1)), (np.linspace(0, 1, 50),)), 0.1, seed=1)) == 5


def test_each_class_comes_equally_often_in_a_pass():
    loader = DatasetLoader(balanced(DATA, seed=1), 32, seed=1)
    labels = np.concatenate([batch.targets[0] for batch in islice(loader.batches(0), loader.steps_per_pass)])
    assert np.bincount(labels).tolist() == [60, 60, 60]


def test_samples_of_a_class_come_almost_equally_often():
    counts = np.bincount(balanced(DATA, seed=1).indices)
    assert set(counts[:60]) == {1}
    assert set(counts[60:85]) == {2, 3}
    assert set(counts[85:]) == {12}


def test_oversampling_needs_classes():
    with pytest.raises(DataError, match="needs targets that are classes"):
        balanced(ArrayDataset(np.zeros((50, 1)), (np.linspace(0, 1, 50),)), seed=1)
