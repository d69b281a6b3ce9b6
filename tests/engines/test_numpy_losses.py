from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.engines.numpy_engine.floating_point import FloatingPointMonitor
from fittool.engines.numpy_engine.losses import loss_function
from fittool.errors import DataError
from fittool.nn.losses import (
    LOSSES,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    Loss,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)

RNG = np.random.default_rng(1)
CLASSES = RNG.integers(0, 4, (3, 2))
ROWS = RNG.dirichlet(np.ones(4), (3, 2))
PROBABILITIES = RNG.uniform(0.05, 0.95, (3, 2, 4))
LOGITS = RNG.normal(0, 2, (3, 2, 4))

CASES: list[tuple[Loss, np.ndarray, np.ndarray]] = [
    (SparseCategoricalCrossentropy(), CLASSES, PROBABILITIES),
    (SparseCategoricalCrossentropy(from_logits=True), CLASSES, LOGITS),
    (SparseCategoricalCrossentropy(ignore_class=int(CLASSES[0, 0])), CLASSES, PROBABILITIES),
    (SparseCategoricalCrossentropy(True, int(CLASSES[0, 0])), CLASSES, LOGITS),
    (CategoricalCrossentropy(), ROWS, PROBABILITIES),
    (CategoricalCrossentropy(label_smoothing=0.2), ROWS, PROBABILITIES),
    (CategoricalCrossentropy(from_logits=True), ROWS * 1.5, LOGITS),
    (CategoricalCrossentropy(True, 0.1), ROWS, LOGITS),
    (BinaryCrossentropy(), ROWS.round(), PROBABILITIES),
    (BinaryCrossentropy(label_smoothing=0.2), ROWS, PROBABILITIES),
    (BinaryCrossentropy(from_logits=True), ROWS.round(), LOGITS),
    (MeanSquaredError(), ROWS, LOGITS),
    (MeanAbsoluteError(), ROWS, LOGITS),
    (Huber(0.7), ROWS, LOGITS),
    (CategoricalFocalCrossentropy(), ROWS, PROBABILITIES),
    (CategoricalFocalCrossentropy(0.5, 0.7, True, 0.2), ROWS, LOGITS),
    (BinaryFocalCrossentropy(), ROWS, PROBABILITIES),
    (BinaryFocalCrossentropy(True, 0.3, 0.5, True, 0.1), ROWS.round(), LOGITS),
    (KLDivergence(), ROWS, PROBABILITIES),
    (Poisson(), ROWS * 3, PROBABILITIES),
    (MeanAbsolutePercentageError(), ROWS, LOGITS),
    (MeanSquaredLogarithmicError(), ROWS, LOGITS),
    (LogCosh(), ROWS, LOGITS),
    (CosineSimilarity(), ROWS, LOGITS),
    (Hinge(), ROWS.round(), LOGITS),
    (SquaredHinge(), ROWS, LOGITS),
    (CategoricalHinge(), np.eye(4)[CLASSES], LOGITS),
]


@pytest.mark.parametrize(("loss", "targets", "outputs"), CASES, ids=[repr(case[0]) for case in CASES])
def test_gradients_agree_with_differences(loss: Loss, targets: np.ndarray, outputs: np.ndarray) -> None:
    function, gradient, expected = loss_function(loss), np.empty_like(outputs), np.empty_like(outputs)
    values = function(targets, outputs, gradient)
    for place in np.ndindex(outputs.shape):
        step = np.zeros_like(outputs)
        step[place] = 1e-6
        expected[place] = (function(targets, outputs + step, None) - function(targets, outputs - step, None)).sum() / 2e-6
    assert values.shape == outputs.shape[:-1]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)


def test_every_loss_is_checked() -> None:
    assert {type(case[0]) for case in CASES} == set(LOSSES.members.values())


@pytest.mark.parametrize(
    ("loss", "targets", "outputs", "expected"),
    [
        (SparseCategoricalCrossentropy(), [1, 0], [[0.2, 0.6], [0.5, 0.5]], [0.28768207, 0.69314718]),
        (SparseCategoricalCrossentropy(True), [1, 0], [[1.0, 3.0], [0.0, 1000.0]], [0.12692801, 1000]),
        (CategoricalCrossentropy(), [[0, 1, 0]], [[0.05, 0.95, 0]], [0.05129329]),
        (CategoricalCrossentropy(label_smoothing=0.3), [[0, 1]], [[0.25, 0.75]], [0.15 * 1.38629436 + 0.85 * 0.28768207]),
        (CategoricalCrossentropy(True), [[0, 1]], [[1.0, 3.0]], [0.12692801]),
        (BinaryCrossentropy(), [[0, 1]], [[0.6, 0.9]], [(0.91629073 + 0.10536052) / 2]),
        (BinaryCrossentropy(label_smoothing=0.2), [[1]], [[0.9]], [0.9 * 0.10536052 + 0.1 * 2.30258509]),
        (BinaryCrossentropy(True), [[1, 0]], [[-2.0, 1000.0]], [(2.12692801 + 1000) / 2]),
        (MeanSquaredError(), [[0, 1]], [[2.0, 4.0]], [6.5]),
        (MeanAbsoluteError(), [[0, 1]], [[2.0, 4.0]], [2.5]),
        (CategoricalFocalCrossentropy(), [[0, 1]], [[0.5, 1.5]], [0.25 * 0.25**2 * 0.28768207]),
        (CategoricalFocalCrossentropy(from_logits=True), [[0, 1]], [[1.0, 1.0]], [0.25 * 0.5**2 * 0.69314718]),
        (BinaryFocalCrossentropy(), [[0, 1]], [[0.6, 0.9]], [(0.36 * 0.91629073 + 0.01 * 0.10536052) / 2]),
        (BinaryFocalCrossentropy(True, 0.3, 1.0), [[0, 1]], [[0.6, 0.9]], [(0.42 * 0.91629073 + 0.03 * 0.10536052) / 2]),
        (KLDivergence(), [[0.5, 0.5]], [[0.25, 2.0]], [0.5 * 0.69314718 - 0.5 * 0.69314718]),
        (Poisson(), [[2, 0]], [[1.0, 3.0]], [2.0 - 1e-7]),
        (MeanAbsolutePercentageError(), [[2, -4]], [[1.0, -5.0]], [37.5]),
        (MeanSquaredLogarithmicError(), [[0, 3]], [[1.0, -5.0]], [(0.69314718**2 + 1.38629436**2) / 2]),
        (LogCosh(), [[0, 0]], [[1.0, -1000.0]], [(0.43378083 + 1000 - 0.69314718) / 2]),
        (CosineSimilarity(), [[3, 4], [1, 0]], [[4.0, 3.0], [-2.0, 0.0]], [-0.96, 1.0]),
        (Hinge(), [[0, 1]], [[0.5, 3.0]], [0.75]),
        (Hinge(), [[-1, 1]], [[0.5, 0.0]], [1.25]),
        (SquaredHinge(), [[0, 1]], [[0.5, 3.0]], [1.125]),
        (CategoricalHinge(), [[0, 1, 0]], [[0.5, 1.0, 0.75]], [0.75]),
        (Huber(), [[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 3.0]], [0.18, (0.08 + 2.5) / 2]),
    ],
)  # fmt: skip
def test_values(loss: Loss, targets: list[int], outputs: list[list[float]], expected: list[float]) -> None:
    for dtype in (np.float32, np.float64):
        values = loss_function(loss)(np.array(targets), np.array(outputs, dtype), None)
        assert values.dtype == dtype
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-7)


def test_a_probability_of_zero_counts_as_1e_7_and_has_no_gradient() -> None:
    gradient = np.empty((1, 2), np.float32)
    values = loss_function(SparseCategoricalCrossentropy())(np.array([1]), np.array([[1.0, 0.0]], np.float32), gradient)
    np.testing.assert_allclose(values, [16.118095], rtol=1e-6)
    np.testing.assert_array_equal(gradient, [[0, 0]])


def test_ignored_classes_leave_the_mean_to_the_others() -> None:
    function = loss_function(SparseCategoricalCrossentropy(ignore_class=-1))
    values = function(np.array([-1, 0, 1, -1]), np.full((4, 2), 0.5), None)
    np.testing.assert_allclose(values, [0, 2 * np.log(2), 2 * np.log(2), 0])


def test_one_column_of_class_numbers_is_welcome() -> None:
    function = loss_function(SparseCategoricalCrossentropy())
    np.testing.assert_array_equal(function(np.array([[1.0]], np.float32), np.array([[0.5, 0.5]]), None), [np.log(2)])


@pytest.mark.parametrize("number", [-1, 3])
def test_a_class_number_without_an_output_is_refused(number: int) -> None:
    with pytest.raises(DataError, match=f"class number {number}, but the network's output has places for 0 to 2 only"):
        loss_function(SparseCategoricalCrossentropy())(np.array([0, number]), np.full((2, 3), 0.3), None)


def test_targets_without_the_last_axis_are_not_broadcast() -> None:
    values = loss_function(MeanSquaredError())(np.array([1.0, 2.0]), np.array([[1.0], [4.0]]), None)
    np.testing.assert_array_equal(values, [0, 4])


@pytest.mark.parametrize("loss", [MeanSquaredError(), BinaryCrossentropy(), CategoricalCrossentropy()])
def test_targets_of_another_shape_are_refused(loss: Loss) -> None:
    with pytest.raises(DataError, match=r"outputs' shape \(3, 2\), got \(2,\)"):
        loss_function(loss)(np.ones(2), np.ones((3, 2)), None)


def test_overflow_gives_infinity_and_is_counted() -> None:
    monitor = FloatingPointMonitor()
    with monitor.watched():
        values = loss_function(MeanSquaredError())(np.zeros((1, 1)), np.full((1, 1), 1e30, np.float32), None)
    assert monitor.faults == {"overflow": 1}
    assert np.isinf(values).all()


def test_outputs_that_tie_share_the_gradient() -> None:
    gradient = np.empty((1, 3))
    loss_function(CategoricalHinge())(np.array([[1, 0, 0]]), np.array([[0.5, 2.0, 2.0]]), gradient)
    np.testing.assert_array_equal(gradient, [[-1, 0.5, 0.5]])


def test_a_vector_of_zeros_has_no_direction() -> None:
    gradient = np.empty((1, 2))
    assert loss_function(CosineSimilarity())(np.array([[1.0, 0.0]]), np.zeros((1, 2)), gradient) == 0
    assert np.isfinite(gradient).all()


WEIGHTS = np.array([1.0, 3.0, 0.0])


@pytest.mark.parametrize(
    ("reduction", "without", "weighted"),
    [
        ("sum_over_batch_size", 11 / 3, 28 / 3),
        ("mean", 11 / 3, 28 / 3),
        ("sum", 11.0, 28.0),
        ("mean_with_sample_weight", 11 / 3, 7.0),
    ],
)
def test_reductions(reduction: Any, without: float, weighted: float) -> None:
    function, outputs = loss_function(MeanSquaredError(reduction=reduction)), np.array([[1.0], [3.0], [1.0]])
    assert function.batch_loss(np.zeros(3), outputs, None, None) == pytest.approx(without)
    assert function.batch_loss(np.zeros(3), outputs, WEIGHTS, None) == pytest.approx(weighted)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("ignored", [None, int(CLASSES[0, 0])])
def test_gradients_of_reductions(reduction: Any, ignored: int | None) -> None:
    function = loss_function(SparseCategoricalCrossentropy(True, ignored, reduction=reduction))
    gradient, step = np.empty_like(LOGITS), np.zeros_like(LOGITS)
    function.batch_loss(CLASSES, LOGITS, WEIGHTS, gradient)
    step[1, 1, 2] = 1e-6
    up, down = (function.batch_loss(CLASSES, LOGITS + sign * step, WEIGHTS, None) for sign in (1, -1))
    assert gradient[1, 1, 2] == pytest.approx((up - down) / 2e-6, rel=1e-6)


@pytest.mark.parametrize(("reduction", "expected"), [("mean", 1), ("sum", 2), ("mean_with_sample_weight", 1)])
def test_ignored_classes_count_in_no_reduction(reduction: Any, expected: float) -> None:
    function = loss_function(SparseCategoricalCrossentropy(ignore_class=-1, reduction=reduction))
    value = function.batch_loss(np.array([-1, 0, 1]), np.full((3, 2), 0.5), None, None)
    assert value == pytest.approx(expected * np.log(2))


def test_weights_that_sum_to_nothing_give_no_loss() -> None:
    function, gradient = loss_function(MeanSquaredError(reduction="mean_with_sample_weight")), np.ones((2, 1))
    assert function.batch_loss(np.zeros(2), np.ones((2, 1)), np.zeros(2), gradient) == 0
    np.testing.assert_array_equal(gradient, 0)
