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
    ("name", "mode"), [("accuracy", "max"), ("top_k_categorical_accuracy", "max"), ("mse", "min"), ("ce", "min")]
)
def test_directions(name: str, mode: str) -> None:
    assert METRICS.parse(name).mode == mode


def test_losses_are_minimised() -> None:
    assert {loss.mode for loss in LOSSES.members.values()} == {"min"}


@pytest.mark.parametrize("cls", [*LOSSES.members.values(), *METRICS.members.values()])
def test_every_field_is_described(cls: type[Loss | Metric]) -> None:
    assert all((field.description or "").endswith(".") for field in fields_of(cls).values())
