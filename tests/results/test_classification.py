from __future__ import annotations

import numpy as np

from fittool.results.classification import PerClass, balanced_accuracy, confusion_matrix, most_confused

TRUTH = np.array([0, 0, 0, 1, 1, 2])
TAKEN = np.array([0, 1, 1, 1, 0, 1])


def test_rows_are_true_and_columns_predicted():
    assert confusion_matrix(TRUTH, TAKEN, 4).tolist() == [[1, 2, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_figures_by_hand():
    found = PerClass.of(confusion_matrix(TRUTH, TAKEN, 4))
    assert found.precision.tolist() == [0.5, 0.25, 0, 0]
    assert found.recall.tolist() == [1 / 3, 0.5, 0, 0]
    assert found.f1.tolist() == [0.4, 1 / 3, 0, 0]
    assert found.support.tolist() == [3, 2, 1, 0]


def test_a_class_that_nobody_meant_does_not_count_in_means():
    assert PerClass.of(confusion_matrix(TRUTH, TAKEN, 4)).macro == PerClass.of(confusion_matrix(TRUTH, TAKEN, 3)).macro
    assert balanced_accuracy(confusion_matrix(TRUTH, TAKEN, 4)) == np.mean([1 / 3, 0.5, 0])


def test_most_confused():
    found = most_confused(confusion_matrix(TRUTH, TAKEN, 4))
    assert [one[:3] for one in found] == [(0, 1, 2), (1, 0, 1), (2, 1, 1)]
    assert [one.share for one in found] == [2 / 3, 0.5, 1.0]
    assert len(most_confused(confusion_matrix(TRUTH, TAKEN, 4), 1)) == 1
    assert most_confused(np.diag([3, 4])) == []


def test_labels():
    truth = np.array([[1, 0], [1, 1], [0, 0]], bool)
    found = PerClass.of_labels(truth, np.array([[1, 1], [0, 1], [0, 0]], bool))
    assert (found.precision.tolist(), found.recall.tolist(), found.support.tolist()) == ([1, 0.5], [0.5, 1], [2, 1])


def test_nothing_at_all():
    found = PerClass.of(np.zeros((2, 2), int))
    assert found.macro == found.weighted == {"precision": 0, "recall": 0, "f1": 0}
    assert balanced_accuracy(np.zeros((2, 2), int)) == 0
