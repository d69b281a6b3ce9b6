"""Samples in memory, and parts of them."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.dataset import ArrayDataset, Subset
from fittool.errors import DataError


def dataset(**changes: object) -> ArrayDataset:
    given = {"inputs": np.arange(10, dtype=np.float32).reshape(5, 2), "targets": (np.array([0, 1, 1, 0, 2]),)} | changes
    return ArrayDataset(**given)  # type: ignore[arg-type]


def test_load_gives_the_asked_rows_in_order() -> None:
    (x,), (y,), weight = dataset().load(np.array([3, 0]))
    assert x.tolist() == [[6, 7], [0, 1]]
    assert y.tolist() == [0, 0]
    assert weight is None


def test_weights_come_along() -> None:
    assert dataset(sample_weight=np.arange(5.0)).load(np.array([4]))[2].tolist() == [4]


def test_several_inputs_have_names() -> None:
    both = dataset(inputs={"a": np.zeros((5, 2)), "b": np.zeros((5, 4, 4, 1))})
    assert both.input_shapes == {"a": (2,), "b": (4, 4, 1)}


def test_targets_that_are_the_inputs_are_loaded_once() -> None:
    x = np.zeros((5, 2))
    inputs, targets, _ = dataset(inputs=x, targets=(x,)).load(np.array([1]))
    assert targets is inputs


def test_lengths_are_compared() -> None:
    with pytest.raises(DataError, match="input has 5, targets 0 has 4"):
        dataset(targets=(np.zeros(4),))


def test_labels_are_those_of_the_target() -> None:
    assert dataset().labels().tolist() == [0, 1, 1, 0, 2]
    assert dataset(targets=(np.array([0.5] * 5),)).labels() is None


def test_the_fingerprint_follows_the_bytes() -> None:
    changed = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert dataset().fingerprint() == dataset(inputs=changed.copy()).fingerprint()
    changed[4, 1] += 1
    assert dataset().fingerprint() != dataset(inputs=changed).fingerprint()


def test_a_subset_loads_through_the_whole() -> None:
    part = Subset(dataset(), np.array([4, 2]))
    (x,), (y,), _ = part.load(np.array([1, 0]))
    assert len(part) == 2
    assert x.tolist() == [[4, 5], [8, 9]]
    assert y.tolist() == [1, 2]
    assert part.labels().tolist() == [2, 1]
    assert part.describe(0) == "sample 4"


def test_samples_are_known_wherever_they_stand() -> None:
    """The part of a whole has the fingerprint of an array that holds nothing else."""
    whole, indices = dataset(), np.array([2, 0])
    inputs, targets, weight = whole.load(indices)
    alone = ArrayDataset(inputs[0], targets, weight, class_names=whole.class_names)
    assert Subset(whole, indices).fingerprint_of(np.arange(2)) == alone.fingerprint() == whole.fingerprint_of(indices)


def test_subsets_of_other_samples_have_other_fingerprints() -> None:
    prints = {Subset(dataset(), np.array(indices)).fingerprint() for indices in ([0, 1], [1, 0], [0, 2])}
    assert len(prints) == 3
