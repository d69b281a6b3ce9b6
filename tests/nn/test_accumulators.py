"""The sums of every value, and the numbers that they give."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.nn import losses as l
from fittool.nn import metrics as m
from fittool.nn.accumulators import accumulator_of, running_values
from fittool.nn.objectives import Objective, value_names


@pytest.mark.parametrize(
    ("metric", "size"),
    [
        (m.SparseCategoricalAccuracy(), 2), (m.RootMeanSquaredError(), 2), (m.Precision(), 4), (m.TruePositives(0.3), 4),
        (m.AUC(), 402), (m.AUC(multi_label=True), 1206), (m.AUC(thresholds=(0.2, 0.7)), 10), (m.F1Score(), 12), (m.R2Score(), 13),
    ],
    ids=str,
)  # fmt: skip
def test_sizes_for_three_outputs(metric: m.Metric, size: int) -> None:
    assert accumulator_of(metric, (5, 3)).size == size


@pytest.mark.parametrize("name", m.METRICS.members)
def test_nothing_measured_is_zero(name: str) -> None:
    accumulator = accumulator_of(m.METRICS.members[name]().resolved((), (3,)), (3,))
    assert accumulator.result(np.zeros(accumulator.size)) == 0


@pytest.mark.parametrize(
    ("metric", "sums", "expected"),
    [
        (m.MeanSquaredError(), [18, 2], 9),
        (m.RootMeanSquaredError(), [18, 2], 3),
        (m.CosineSimilarity(), [18, 2], -9),
        (m.BinaryAccuracy(), [1, 2], 0.5),
        (m.Recall(), [1, 3, 0, 0], 0.75),
        (m.Precision(), [1, 3, 0, 9], 0.25),
        (m.TrueNegatives(), [1, 3, 5, 9], 5),
        (m.F1Score("micro"), [3, 1, 0, 1], 6 / 7),
        (m.R2Score(), [6, 20, 2, 2, 2], 0),
    ],
    ids=str,
)
def test_results_by_hand(metric: m.Metric, sums: list[float], expected: float) -> None:
    assert accumulator_of(metric, (1,)).result(np.array(sums, np.float64)) == pytest.approx(expected, abs=1e-6)


def test_sums_of_two_processes_can_be_added() -> None:
    accumulator = accumulator_of(m.AUC(thresholds=(0.5,)), (1,))
    halves = np.array([[0, 2, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 0]], np.float64)
    assert accumulator.result(halves[0]) == 0
    assert accumulator.result(halves.sum(axis=0)) == pytest.approx(0.25)


def test_every_value_has_sums_in_the_order_of_the_logs() -> None:
    objectives = {
        "a": Objective(l.MeanSquaredError(), metrics=(m.Accuracy(),), weighted_metrics=(m.Accuracy(),)),
        "b": Objective(l.MeanSquaredError(), metrics=(m.F1Score(),), target_shape=(2,)),
        "c": Objective(),
    }
    values = running_values(objectives, {"a": (1,), "b": (2,), "c": (1,)})
    assert {name: value.size for name, value in values.items()} == {
        "loss": 2, "a_loss": 2, "b_loss": 2, "a_accuracy": 2, "b_f1_score": 8, "a_weighted_accuracy": 2,
    }  # fmt: skip
    assert tuple(values) == value_names(objectives)


@pytest.mark.parametrize("name", [*m.METRICS.members, "AUC of each label", "many rows"])
def test_the_values_of_many_sums_are_those_of_each(name: str) -> None:
    settings = {"AUC of each label": m.AUC(multi_label=True), "many rows": m.AUC(num_thresholds=3000)}
    metric = settings[name] if name in settings else m.METRICS.members[name]()
    accumulator = accumulator_of(metric.resolved((), (3,)), (3,))
    table = np.random.default_rng(0).integers(0, 9, (400 if name == "many rows" else 20, accumulator.size)).astype(np.float64)
    table[0] = 0
    np.testing.assert_array_equal(accumulator.results(table), [accumulator.result(row) for row in table])
