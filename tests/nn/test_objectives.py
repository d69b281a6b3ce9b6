"""The names of what is logged, and the penalties that belong to the loss."""

from __future__ import annotations

import pytest

from fittool.nn import losses as l
from fittool.nn import metrics as m
from fittool.nn.graph import Graph
from fittool.nn.layers import BatchNormalization, Dense
from fittool.nn.objectives import Objective, metrics_by_name, penalties, value_names
from fittool.nn.output_targets import OutputTargets
from fittool.nn.regularizers import L1, L1L2, L2

MSE = l.MeanSquaredError()


@pytest.mark.parametrize(
    ("objectives", "names"),
    [
        ({"a": Objective(MSE)}, ["loss"]),
        ({"a": Objective(MSE, metrics=(m.Accuracy(name="acc"), m.AUC()))}, ["loss", "acc", "auc"]),
        ({"a": Objective(metrics=(m.AUC(), m.AUC()))}, ["auc", "auc_1"]),
        ({"a": Objective(MSE), "b": Objective()}, ["loss"]),
        ({"a": Objective(MSE), "b": Objective(MSE, metrics=(m.AUC(),))}, ["loss", "a_loss", "b_loss", "b_auc"]),
        ({"a": Objective(MSE, metrics=(m.AUC(),), weighted_metrics=(m.AUC(),))}, ["loss", "auc", "weighted_auc"]),
    ],
)
def test_running_values(objectives: dict[str, Objective], names: list[str]) -> None:
    assert list(value_names(objectives)) == names


def test_a_metric_does_not_take_the_name_of_a_loss() -> None:
    named = m.AUC(name="loss")
    assert list(value_names({"a": Objective(MSE, metrics=(named,))})) == ["loss", "loss_1"]
    assert list(value_names({"a": Objective(metrics=(named,))})) == ["loss"]
    both = {"a": Objective(MSE, metrics=(named,)), "b": Objective(MSE)}
    assert list(value_names(both)) == ["loss", "a_loss", "b_loss", "a_loss_1"]


def test_penalties_of_all_layers_in_their_order() -> None:
    layers = [
        Dense(2, kernel_regularizer=L2(0.1), bias_regularizer=L1(0.2)),
        BatchNormalization(),
        Dense(1, name="last", trainable=False, kernel_regularizer=L1L2(0.3, 0.4)),
    ]
    found = penalties(Graph.build(layers, {"input": (3,)}))
    assert list(found.items()) == [("dense/kernel", (0.0, 0.1)), ("dense/bias", (0.2, 0.0)), ("last/kernel", (0.3, 0.4))]


@pytest.mark.parametrize(
    ("reduction", "weighted", "divisor"),
    [
        ("sum_over_batch_size", True, "positions"), ("mean", False, "positions"), ("sum", True, "nothing"),
        ("mean_with_sample_weight", True, "weights"), ("mean_with_sample_weight", False, "positions"),
    ],
)  # fmt: skip
def test_divisors(reduction: l.Reduction, weighted: bool, divisor: l.Divisor) -> None:
    assert l.MeanSquaredError(reduction=reduction).divisor(weighted=weighted) == divisor


def test_ignored_class_numbers_are_weights_too() -> None:
    loss = l.SparseCategoricalCrossentropy(ignore_class=1, reduction="mean_with_sample_weight")
    assert loss.divisor(weighted=False) == "weights"


def named(*names: str, metrics: tuple[m.Metric, ...] = (m.MeanAbsoluteError(),)) -> dict[str, Objective]:
    return {"out": Objective(MSE, metrics=metrics, numbers=OutputTargets(names))}


def test_metrics_of_single_targets_follow_that_of_all() -> None:
    asked = named("grams", "val_mm", metrics=(m.MeanAbsoluteError(), m.CosineSimilarity()))
    assert list(metrics_by_name(asked)) == [
        "mean_absolute_error", "mean_absolute_error_grams", "mean_absolute_error_val_mm", "cosine_similarity",
    ]  # fmt: skip
    assert [entry.target for entry in metrics_by_name(asked).values()] == [None, 0, 1, None]


def test_an_only_target_is_told_once() -> None:
    assert list(metrics_by_name(named("grams"))) == ["mean_absolute_error"]


def test_columns_become_names_of_values() -> None:
    asked = metrics_by_name(named("bill length (mm)", "Größe", "a\x1b[2J", "km/h", "km h", "%"))
    assert [name.removeprefix("mean_absolute_error") for name in asked] == [
        "", "_bill_length_mm", "_Größe", "_a_2J", "_km_h", "_km_h_1", "_5",
    ]  # fmt: skip
