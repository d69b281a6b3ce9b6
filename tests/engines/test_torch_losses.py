"""The losses of the PyTorch engine against those of the NumPy engine: values, gradients and reductions, in float64."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engines.test_numpy_losses import CASES

from fittool.engines.numpy_engine.losses import loss_function
from fittool.nn.losses import LOSSES, CategoricalHinge, CosineSimilarity, Loss, SparseCategoricalCrossentropy

torch = pytest.importorskip("torch")

WEIGHTS = np.array([0.5, 0.0, 2.0])


def batch_loss(loss: Loss, targets: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None) -> tuple[float, np.ndarray]:
    """The loss of a batch and its gradient with respect to the outputs, by the PyTorch engine."""
    from fittool.engines.torch_engine.losses import LossFunction

    held = torch.tensor(outputs, requires_grad=True)
    weight = None if weights is None else torch.tensor(weights)
    value = LossFunction(loss).batch_loss(torch.tensor(targets), held, weight)
    value.backward()
    return float(value.detach()), held.grad.numpy()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize(("loss", "targets", "outputs"), CASES, ids=[repr(case[0]) for case in CASES])
def test_values_and_gradients(loss: Loss, targets: np.ndarray, outputs: np.ndarray, reduction: Any, weights: Any) -> None:
    loss, gradient = replace(loss, reduction=reduction), np.empty_like(outputs)
    expected = loss_function(loss).batch_loss(targets, outputs, weights, gradient)
    value, slope = batch_loss(loss, targets, outputs, weights)
    assert value == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(slope, gradient, rtol=1e-7, atol=1e-10)


def test_both_engines_have_the_same_losses() -> None:
    from fittool.engines.torch_engine.losses import FORMULAS

    assert set(FORMULAS) == set(LOSSES.members.values())


def test_a_probability_of_zero_counts_as_1e_7_and_has_no_gradient() -> None:
    value, slope = batch_loss(SparseCategoricalCrossentropy(), np.array([0]), np.array([[0.0, 1.0]]), None)
    assert value == pytest.approx(-np.log(1e-7))
    np.testing.assert_array_equal(slope, [[0, 0]])


def test_outputs_that_tie_share_the_gradient() -> None:
    _, slope = batch_loss(CategoricalHinge(), np.array([[1.0, 0, 0]]), np.array([[0.0, 0.5, 0.5]]), None)
    np.testing.assert_allclose(slope, [[-1, 0.5, 0.5]])


def test_a_vector_of_zeros_has_no_direction() -> None:
    value, slope = batch_loss(CosineSimilarity(), np.array([[1.0, 0]]), np.array([[0.0, 0.0]]), None)
    assert value == 0
    np.testing.assert_allclose(slope, [[-1e7, 0]])


def test_weights_that_sum_to_nothing_give_no_loss_and_no_gradient() -> None:
    loss = SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")
    value, slope = batch_loss(loss, np.array([0]), np.array([[0.4, 0.6]]), np.array([0.0]))
    assert value == 0
    np.testing.assert_array_equal(slope, [[0, 0]])
