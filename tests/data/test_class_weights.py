"""Class weights to sample weights."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.class_weights import class_factors, classes_of, per_sample
from fittool.errors import ExperimentError

LABELS = np.array([0, 0, 0, 1, 2, 2])
NAMES = ("cat", "dog", "1")


def test_weights_by_name() -> None:
    assert class_factors({"dog": 2.5}, NAMES, LABELS).tolist() == [1, 2.5, 1]


def test_weights_by_number_and_by_number_as_text() -> None:
    assert class_factors({0: 3, "2": 4}, ("a", "b", "c"), LABELS).tolist() == [3, 1, 4]


def test_a_name_is_tried_before_a_number() -> None:
    assert class_factors({"1": 5}, NAMES, LABELS).tolist() == [1, 1, 5]


def test_balanced_is_n_over_classes_times_count() -> None:
    np.testing.assert_allclose(class_factors("balanced", NAMES, LABELS), [6 / 9, 6 / 3, 6 / 6])


def test_a_class_that_does_not_occur_leaves_the_others_balanced() -> None:
    assert class_factors("balanced", ("a", "b", "c"), np.array([0, 0, 2, 2])).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("weights", "names", "text"),
    [
        ({"dgo": 1}, NAMES, r"there is no class dgo. Did you mean dog\?"),
        ({"zebra": 1}, NAMES, "there is no class zebra. Classes are cat, dog, 1"),
        ({3: 1}, None, "there is no class 3. Classes are 0 to 2"),
        ({-1: 1}, None, "there is no class -1"),
        ({0: -1}, None, "the weight of 0 is -1; it must be at least 0"),
    ],
)
def test_wrong_weights_are_refused(weights: dict[object, float], names: tuple[str, ...] | None, text: str) -> None:
    with pytest.raises(ExperimentError, match=text):
        class_factors(weights, names, LABELS)


def test_balanced_cannot_be_known_of_a_generator() -> None:
    with pytest.raises(ExperimentError, match="balanced needs to count all labels"):
        class_factors("balanced", None, None)


def test_weights_of_samples_and_classes_multiply() -> None:
    factors = np.array([1, 10], np.float32)
    assert per_sample(factors, np.array([0, 1, 1]), np.array([2.0, 3.0, 0.0])).tolist() == [2, 30, 0]


def test_a_class_beyond_the_factors_weighs_1() -> None:
    assert per_sample(np.array([4], np.float32), np.array([0, 5]), None).tolist() == [4, 1]


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        (np.array([1, 0]), [1, 0]),
        (np.array([[1.0], [0.0]]), [1, 0]),
        (np.array([[0.1, 0.9], [0.6, 0.4]]), [1, 0]),
        (np.array([0.5]), None),
        (np.array([-1]), None),
        (np.zeros((2, 3, 3)), None),
    ],
)
def test_classes_of_targets_by_keras_rule(targets: np.ndarray, classes: list[int] | None) -> None:
    found = classes_of(targets)
    assert (None if found is None else found.tolist()) == classes
