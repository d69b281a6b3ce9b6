from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.engines.numpy_engine.metrics import metric_update
from fittool.errors import DataError
from fittool.nn import metrics as m
from fittool.nn.accumulators import accumulator_of

NUMBERS = np.array([0, 2, 1])
OUTPUTS = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]])
ONE_HOT = np.eye(3)[NUMBERS]


def measured(metric: m.Metric, targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None = None) -> float:
    accumulator = accumulator_of(metric.resolved(targets.shape[1:], outputs.shape[1:]), outputs.shape[1:])
    sums = np.zeros(accumulator.size)
    metric_update(accumulator)(sums, targets, outputs, weights)
    return accumulator.result(sums)


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
        (m.KLDivergence(), OUTPUTS[::-1], (OUTPUTS[::-1] * np.log(OUTPUTS[::-1] / OUTPUTS)).sum() / 3),
        (m.Poisson(), ONE_HOT, (3 - np.log([0.7, 0.2, 0.8]).sum()) / 9),
        (m.MeanSquaredLogarithmicError(), np.zeros((3, 3)), (np.log1p(OUTPUTS) ** 2).mean()),
        (m.MeanAbsolutePercentageError(), 2 * OUTPUTS, 50.0),
        (m.LogCoshError(), ONE_HOT, np.log(np.cosh(OUTPUTS - ONE_HOT)).mean()),
        (m.CosineSimilarity(), 2 * OUTPUTS, 1.0),
        (m.Hinge(), ONE_HOT, (0.3 + 1.2 + 1.1 + 1.5 + 1.3 + 0.8 + 1.1 + 0.2 + 1.1) / 9),
        (m.SquaredHinge(), np.ones((3, 3)), ((1 - OUTPUTS) ** 2).mean()),
        (m.CategoricalHinge(), ONE_HOT, (0.5 + 1.3 + 0.3) / 3),
        (m.TruePositives(), ONE_HOT, 2),
        (m.FalsePositives(0.4), ONE_HOT, 1),
        (m.TrueNegatives(0.4), ONE_HOT, 5),
        (m.FalseNegatives(0.7), ONE_HOT, 2),
        (m.Precision(0.4), ONE_HOT, 2 / 3),
        (m.Precision(0.9), ONE_HOT, 0),
        (m.Recall(), ONE_HOT, 2 / 3),
        (m.Recall(class_id=1), ONE_HOT, 1),
        (m.Precision(top_k=2), ONE_HOT, 1 / 3),
        (m.Recall(0.6, 2), ONE_HOT, 2 / 3),
        (m.F1Score(), ONE_HOT, (2 / 3 + 1 + 0) / 3),
        (m.F1Score("weighted"), np.eye(3)[[0, 0, 1]], (2 * 1 + 1) / 3),
        (m.F1Score("micro", 0.15), ONE_HOT, 2 * 3 / (3 + 6)),
        (
            m.R2Score(),
            np.array([[1.0, 0, 0], [0, 0, 1], [1, 1, 0]]),
            np.mean([1 - 1.15 / (2 / 3), 1 - 0.17 / (2 / 3), 1 - 0.66 / (2 / 3)]),
        ),
        (m.Accuracy(), NUMBERS, 2 / 3),
        (m.Accuracy(), ONE_HOT, 2 / 3),
        (m.Crossentropy(), NUMBERS, -np.log([0.7, 0.2, 0.8]).mean()),
    ],
    ids=str,
)
def test_values(metric: m.Metric, targets: np.ndarray, expected: float) -> None:
    assert measured(metric, targets, OUTPUTS) == pytest.approx(expected)


def test_every_metric_can_be_added_to() -> None:
    for metric in m.METRICS.members.values():
        targets = ONE_HOT if metric.expects == "one-hot" or not metric().keras_name.startswith("sparse") else NUMBERS
        assert np.isfinite(measured(metric(), targets, OUTPUTS)), metric


def test_accuracy_of_one_output_is_binary() -> None:
    assert measured(m.Accuracy(), np.array([1, 0, 1]), np.array([[0.9], [0.6], [0.7]])) == pytest.approx(2 / 3)


def test_a_curve_through_every_output_has_the_area_of_the_rank_statistic() -> None:
    truth, outputs = np.array([0, 0, 1, 0, 1, 1]), np.array([0.1, 0.35, 0.3, 0.6, 0.65, 0.9])[:, None]
    assert measured(m.AUC(), truth, outputs) == pytest.approx(7 / 9)


def test_the_area_under_precision_over_recall_is_interpolated() -> None:
    truth, outputs = np.array([1, 0, 1]), np.array([[0.9], [0.5], [0.3]])
    expected = 0.5 + (1 - np.log(3 / 2)) / 2
    assert measured(m.AUC(curve="PR", thresholds=(0.4, 0.7)), truth, outputs) == pytest.approx(expected)


@pytest.mark.parametrize(("method", "expected"), [("minoring", 0.5), ("interpolation", 0.75), ("majoring", 1.0)])
def test_areas_are_summed_by_the_lower_mean_or_higher_side(method: Any, expected: float) -> None:
    truth, outputs = np.array([1, 0, 1]), np.array([[0.9], [0.5], [0.5]])
    assert measured(m.AUC(summation_method=method), truth, outputs) == pytest.approx(expected)


def test_labels_have_their_own_curves() -> None:
    truth, outputs = np.array([[1, 0], [0, 1]]), np.array([[0.3, 0.7], [0.2, 0.8]])
    assert measured(m.AUC(multi_label=True), truth, outputs) == 1
    assert measured(m.AUC(), truth, outputs) == pytest.approx(0.75)


def test_outputs_beyond_zero_and_one_count_as_these() -> None:
    assert measured(m.AUC(), np.array([1, 0]), np.array([[7.0], [-3.0]])) == 1


def test_logits_become_probabilities() -> None:
    assert measured(m.AUC(from_logits=True), np.array([1, 0]), np.array([[-2.0], [-3.0]])) == 1


def test_nothing_above_a_threshold_that_is_no_number() -> None:
    assert measured(m.Recall(), np.array([1]), np.array([[np.nan]])) == 0


@pytest.mark.parametrize(
    "metric", [m.TruePositives(), m.Precision(0.4), m.AUC(), m.F1Score(threshold=0.4), m.MeanSquaredError(), m.R2Score()], ids=str
)
def test_each_kind_counts_samples_by_their_weights(metric: m.Metric) -> None:
    truth, outputs, weights = np.array([[1.0], [0], [1]]), np.array([[0.8], [0.7], [0.6]]), np.array([1.0, 3, 2])
    repeated = measured(metric, np.repeat(truth, [1, 3, 2], 0), np.repeat(outputs, [1, 3, 2], 0))
    assert measured(metric, truth, outputs, weights) == pytest.approx(repeated)
    assert measured(metric, truth, outputs) != pytest.approx(repeated)


def test_adjusted_r2_needs_values_enough() -> None:
    truth, outputs = np.array([[1.0], [2], [3], [4]]), np.array([[1.0], [2], [3], [5]])
    assert measured(m.R2Score(num_regressors=1), truth, outputs) == pytest.approx(1 - 0.2 * 3 / 2)
    assert measured(m.R2Score(num_regressors=3), truth, outputs) == pytest.approx(0.8)


def test_a_column_of_equal_targets_has_an_r2_of_zero() -> None:
    assert measured(m.R2Score(), np.ones((2, 1)), np.zeros((2, 1))) == 0


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
    accumulator = accumulator_of(m.RootMeanSquaredError(), (1,))
    sums = np.zeros(accumulator.size)
    for value in (1.0, 5.0):
        metric_update(accumulator)(sums, np.zeros((1, 1)), np.array([[value]]), None)
    assert accumulator.result(sums) == pytest.approx(13**0.5)


def test_outputs_that_are_no_numbers_are_not_among_the_largest() -> None:
    assert measured(m.SparseTopKCategoricalAccuracy(2), np.array([0]), np.full((1, 3), np.nan)) == 0


def test_a_class_number_without_an_output_is_refused() -> None:
    with pytest.raises(DataError, match="class number 3"):
        measured(m.SparseCategoricalAccuracy(), np.array([0, 3, 1]), OUTPUTS)


def test_targets_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"outputs' shape \(3, 3\), got \(3, 2\)"):
        measured(m.CategoricalAccuracy(), np.ones((3, 2)), OUTPUTS)
