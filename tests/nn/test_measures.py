from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from fittool.nn import losses as l
from fittool.nn import metrics as m
from fittool.nn.losses import LOSSES, Loss
from fittool.nn.metrics import METRICS, Metric
from fittool.settings import fields_of, plain


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("mape", l.MeanAbsolutePercentageError()), ("msle", l.MeanSquaredLogarithmicError()), ("kld", l.KLDivergence()),
        ("poisson", l.Poisson()), ("log_cosh", l.LogCosh()), ("cosine_similarity", l.CosineSimilarity()), ("hinge", l.Hinge()),
        ("squared_hinge", l.SquaredHinge()), ("categorical_hinge", l.CategoricalHinge()), ("kl_divergence", l.KLDivergence()),
        ({"mse": {"reduction": "sum"}}, l.MeanSquaredError(reduction="sum")),
        (
            {"BinaryFocalCrossentropy": {"apply_class_balancing": True, "gamma": 3}},
            l.BinaryFocalCrossentropy(True, 0.25, 3.0, False, 0.0),
        ),
        ("categorical_focal_crossentropy", l.CategoricalFocalCrossentropy(0.25, 2.0, False, 0.0)),
        ("mse", l.MeanSquaredError()), ("mae", l.MeanAbsoluteError()), ("huber", l.Huber(1.0)),
        ("sparse_categorical_crossentropy", l.SparseCategoricalCrossentropy()),
        ({"CategoricalCrossentropy": {"label_smoothing": 0.1}}, l.CategoricalCrossentropy(False, 0.1)),
    ],
)  # fmt: skip
def test_losses_by_name(written: object, expected: Loss) -> None:
    assert LOSSES.parse(written) == expected


@pytest.mark.parametrize(
    ("written", "log_name"),
    [
        ("auc", "auc"), ("AUC", "auc"), ("Precision", "precision"), ({"Recall": {"class_id": 1}}, "recall"), ("mape", "mape"),
        ("F1Score", "f1_score"), ("r2_score", "r2_score"), ("LogCoshError", "logcosh"), ("kld", "kld"), (m.AUC(7, "PR"), "auc"),
        ("FalsePositives", "false_positives"),
        ("acc", "acc"), ("accuracy", "accuracy"), ("Accuracy", "accuracy"), ("mse", "mse"), ({"mse": None}, "mse"),
        ("MeanSquaredError", "mean_squared_error"), ({"RMSE": {}}, "RMSE"), ({"mse": {"name": "error"}}, "error"),
        ({"SparseTopKCategoricalAccuracy": {"k": 3}}, "sparse_top_k_categorical_accuracy"), (m.BinaryAccuracy("right"), "right"),
    ],
)  # fmt: skip
def test_metrics_are_logged_as_written(written: object, log_name: str) -> None:
    metric = METRICS.parse(written)
    assert metric.log_name == log_name
    assert METRICS.parse(plain(metric)) == metric


def test_an_unknown_metric_is_refused_with_the_nearest() -> None:
    with pytest.raises(PydanticCustomError, match="no metric is called acuracy") as caught:
        METRICS.parse("acuracy")
    assert (caught.value.context or {})["nearest"] == "Accuracy"


@pytest.mark.parametrize(
    ("target_shape", "output_shape", "accuracy", "crossentropy"),
    [
        ((), (10,), m.SparseCategoricalAccuracy, m.SparseCategoricalCrossentropy),
        ((1,), (10,), m.SparseCategoricalAccuracy, m.SparseCategoricalCrossentropy),
        ((10,), (10,), m.CategoricalAccuracy, m.CategoricalCrossentropy),
        ((), (1,), m.BinaryAccuracy, m.BinaryCrossentropy),
        ((1,), (1,), m.BinaryAccuracy, m.BinaryCrossentropy),
        ((4, 4), (4, 4, 3), m.SparseCategoricalAccuracy, m.SparseCategoricalCrossentropy),
    ],
)
def test_accuracy_and_crossentropy_follow_the_shapes(
    target_shape: tuple[int, ...], output_shape: tuple[int, ...], accuracy: type[Metric], crossentropy: type[Metric]
) -> None:
    assert METRICS.parse("acc").resolved(target_shape, output_shape) == accuracy(name="acc")
    assert METRICS.parse("ce").resolved(target_shape, output_shape) == crossentropy(name="ce")


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("accuracy", "max"),
        ("top_k_categorical_accuracy", "max"),
        ("mse", "min"),
        ("ce", "min"),
        ("auc", "max"),
        ("f1_score", "max"),
        ("r2_score", "max"),
        ("cosine_similarity", "max"),
        ("true_positives", "max"),
        ("false_positives", "min"),
        ("poisson", "min"),
    ],
)
def test_directions(name: str, mode: str) -> None:
    assert METRICS.parse(name).mode == mode


def test_losses_are_minimised() -> None:
    assert {loss.mode for loss in LOSSES.members.values()} == {"min"}


@pytest.mark.parametrize("cls", [*LOSSES.members.values(), *METRICS.members.values()])
def test_every_field_is_described(cls: type[Loss | Metric]) -> None:
    assert all((field.description or "").endswith(".") for field in fields_of(cls).values())


@pytest.mark.parametrize("name", ["precision", "KLDivergence", "categorical_hinge", "mse"])
def test_metrics_expect_what_their_losses_do(name: str) -> None:
    loss = LOSSES.class_of(name)
    assert METRICS.parse(name).expects == ("probabilities" if loss is None else loss.expects)


def test_a_metric_passes_its_arguments_to_its_loss() -> None:
    assert m.CategoricalCrossentropy(True, 0.1, "x").loss() == l.CategoricalCrossentropy(True, 0.1)
