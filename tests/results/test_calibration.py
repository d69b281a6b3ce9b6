from __future__ import annotations

import numpy as np
import pytest

from fittool.results.calibration import Reliability, best_temperature, brier, log_loss, with_temperature


def test_bins_by_hand():
    found = Reliability.of(np.array([True, False, True, True]), np.array([0.05, 0.1, 0.95, 1.0]))
    assert found.low == pytest.approx([0, 0.9])
    assert (found.count.tolist(), found.share.tolist()) == ([2, 2], [0.5, 1])
    assert found.probability == pytest.approx([0.075, 0.975])
    assert found.error == pytest.approx((0.425 * 2 + 0.025 * 2) / 4)


def test_brier_and_log_loss_by_hand():
    probabilities = np.array([[0.75, 0.25], [0.5, 0.5]])
    assert brier(np.array([[True, False], [False, True]]), probabilities) == pytest.approx((2 / 16 + 2 / 4) / 2)
    assert log_loss(np.array([0, 1]), probabilities) == pytest.approx(-(np.log(0.75) + np.log(0.5)) / 2)


def test_a_mistake_that_was_certain_is_finite():
    assert np.isfinite(log_loss(np.array([0]), np.array([[0.0, 1.0]])))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_was_put_in_is_found(temperature):
    """Truth is drawn from the probabilities, which are then made too certain, or not certain enough."""
    chance = np.random.default_rng(1)
    logits = chance.normal(size=(20_000, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (probabilities.cumsum(axis=1) < chance.uniform(size=(20_000, 1))).sum(axis=1)
    assert best_temperature(truth, with_temperature(probabilities, 1 / temperature)) == pytest.approx(temperature, rel=0.05)


def test_temperature_keeps_order_and_one_changes_nothing():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    np.testing.assert_allclose(with_temperature(probabilities, 1.0), probabilities)
    assert (with_temperature(probabilities, 5.0).argsort(axis=1) == probabilities.argsort(axis=1)).all()


def test_best_temperature_is_a_minimum():
    chance = np.random.default_rng(2)
    probabilities = chance.dirichlet([1, 1, 1], 200)
    truth = chance.integers(0, 3, 200)
    best = best_temperature(truth, probabilities)
    losses = [log_loss(truth, with_temperature(probabilities, best * factor)) for factor in (0.9, 1.0, 1.1)]
    assert min(losses) == losses[1] or best == pytest.approx(20, rel=1e-3)
