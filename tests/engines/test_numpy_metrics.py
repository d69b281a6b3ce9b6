from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.numpy_engine.metrics import metric_function
from fittool.errors import DataError
from fittool.nn import metrics as m

NUMBERS = np.array([0, 2, 1])
OUTPUTS = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]])
ONE_HOT = np.eye(3)[NUMBERS]


def measured(metric: m.Metric, targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None = None) -> float:
    function = metric_function(metric, targets.shape[1:], outputs.shape[1:])
    accumulator = np.zeros(function.size)
    function.update(accumulator, targets, outputs, weights)
    return function.result(accumulator)


@pytest.mark.parametrize(
    ("metric", "targets", "expected"),
    [
        (m.SparseCategoricalAccuracy(), NUMBERS, 2 / 3),
        (m.CategoricalAccuracy(), ONE_HOT, 2 / 3),
        (m.BinaryAccuracy(), ONE_HOT, 8 / 9),
        (m.BinaryAccuracy(threshold=0.15), ONE_HOT, 6 / 9),
        (m.SparseTopKCategoricalAccuracy(2), NUMBERS, 2 / 3),
        (m.SparseTopKCategoricalAccuracy(3), NUMBERS, 1.0),
        (m.TopKCategoricalAccuracy(1), ONE_HOT, 2 / 3),
        (m.SparseCategoricalCrossentropy(), NUMBERS, -np.log([0.7, 0.2, 0.8]).mean()),
        (m.SparseCategoricalCrossentropy(ignore_class=2), NUMBERS, -np.log([0.7, 0.8]).mean()),
        (m.CategoricalCrossentropy(), ONE_HOT, -np.log([0.7, 0.2, 0.8]).mean()),
        (m.BinaryCrossentropy(), ONE_HOT, -np.log([0.7, 0.8, 0.9, 0.5, 0.7, 0.2, 0.9, 0.8, 0.9]).mean()),
        (m.MeanSquaredError(), ONE_HOT, (0.14 + 0.98 + 0.06) / 9),
        (m.MeanAbsoluteError(), ONE_HOT, (0.6 + 1.6 + 0.4) / 9),
        (m.RootMeanSquaredError(), ONE_HOT, ((0.14 + 0.98 + 0.06) / 9) ** 0.5),
        (m.Accuracy(), NUMBERS, 2 / 3),
        (m.Accuracy(), ONE_HOT, 2 / 3),
        (m.Crossentropy(), NUMBERS, -np.log([0.7, 0.2, 0.8]).mean()),
    ],
    ids=str,
)
def test_values(metric: m.Metric, targets: np.ndarray, expected: float) -> None:
    assert measured(metric, targets, OUTPUTS) == pytest.approx(expected)


def test_every_metric_has_a_function() -> None:
    for metric in m.METRICS.members.values():
        targets = ONE_HOT if metric.expects == "one-hot" or not metric().keras_name.startswith("sparse") else NUMBERS
        assert np.isfinite(measured(metric(), targets, OUTPUTS)), metric


def test_accuracy_of_one_output_is_binary() -> None:
    assert measured(m.Accuracy(), np.array([1, 0, 1]), np.array([[0.9], [0.6], [0.7]])) == pytest.approx(2 / 3)


def test_weights_divide_by_their_sum() -> None:
    assert measured(m.SparseCategoricalAccuracy(), NUMBERS, OUTPUTS, np.array([1.0, 2.0, 1.0])) == pytest.approx(0.5)


def test_weights_count_positions_by_their_sample() -> None:
    targets, outputs = np.array([[0, 1], [1, 1]]), np.tile([0.9, 0.1], (2, 2, 1))
    assert measured(m.SparseCategoricalAccuracy(), targets, outputs, np.array([3.0, 1.0])) == pytest.approx(0.375)


def test_weights_and_an_ignored_class() -> None:
    metric = m.SparseCategoricalCrossentropy(ignore_class=2)
    expected = -(np.log(0.7) + 3 * np.log(0.8)) / 4
    assert measured(metric, NUMBERS, OUTPUTS, np.array([1.0, 7.0, 3.0])) == pytest.approx(expected)


def test_batches_add_up() -> None:
    function = metric_function(m.RootMeanSquaredError(), (1,), (1,))
    accumulator = np.zeros(function.size)
    for value in (1.0, 5.0):
        function.update(accumulator, np.zeros((1, 1)), np.array([[value]]), None)
    assert function.result(accumulator) == pytest.approx(13**0.5)


def test_nothing_measured_is_zero() -> None:
    assert metric_function(m.Accuracy(), (), (3,)).result(np.zeros(2)) == 0


def test_outputs_that_are_no_numbers_are_not_among_the_largest() -> None:
    assert measured(m.SparseTopKCategoricalAccuracy(2), np.array([0]), np.full((1, 3), np.nan)) == 0


def test_a_class_number_without_an_output_is_refused() -> None:
    with pytest.raises(DataError, match="class number 3"):
        measured(m.SparseCategoricalAccuracy(), np.array([0, 3, 1]), OUTPUTS)


def test_targets_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"outputs' shape \(3, 3\), got \(3, 2\)"):
        measured(m.CategoricalAccuracy(), np.ones((3, 2)), OUTPUTS)
