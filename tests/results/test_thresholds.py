from __future__ import annotations

import numpy as np
import pytest

from fittool.results.thresholds import Criterion, above

TRUTH = np.array([0, 0, 0, 1, 0, 1, 1, 1], bool)
PROBABILITY = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])


def best(name, truth=TRUTH, probability=PROBABILITY):
    return Criterion.parse(name).best(truth, probability)


@pytest.mark.parametrize(
    ("name", "threshold"),
    [("f1", 0.35), ("balanced_accuracy", 0.55), ("precision@0.9", 0.55), ("precision@.7", 0.35), ("recall@0.9", 0.35),
     ("recall@0.5", 0.55), ("cost(1, 5)", 0.35), ("cost(5,1)", 0.55), ("COST(0,1)", 0.35)],
)  # fmt: skip
def test_by_hand(name, threshold):
    assert best(name) == pytest.approx(threshold)


@pytest.mark.parametrize("name", ["", "accuracy", "precision@", "precision@1.1", "cost(1)", "cost(-1,1)", "f1 ,"])
def test_what_is_no_criterion(name):
    assert Criterion.parse(name) is None


@pytest.mark.parametrize("number", range(50))
@pytest.mark.parametrize("name", ["f1", "balanced_accuracy", "cost(1,3)"])
def test_no_other_threshold_is_better(number, name):
    chance = np.random.default_rng(number)
    truth = chance.uniform(size=60) < 0.3
    probability = np.round(chance.uniform(size=60), 2).astype(np.float32)

    def figure(threshold):
        taken = above(probability, threshold)
        hits, alarms, misses = (truth & taken).sum(), (~truth & taken).sum(), (truth & ~taken).sum()
        if name == "f1":
            return 2 * hits / max(2 * hits + alarms + misses, 1)
        if name == "balanced_accuracy":
            return (hits / max(hits + misses, 1) + 1 - alarms / max((~truth).sum(), 1)) / 2
        return -(alarms + 3 * misses)

    found = best(name, truth, probability)
    assert figure(found) == pytest.approx(max(figure(threshold) for threshold in np.linspace(0.001, 0.999, 999)))


def test_a_precision_that_nothing_reaches_gives_the_nearest():
    assert best("precision@1", ~TRUTH) == pytest.approx(0.05)


def test_probabilities_of_0_and_1():
    assert 0 < best("f1", np.array([False, True]), np.array([0.0, 1.0])) < 1


def test_a_threshold_between_two_float32_parts_them():
    low, high = np.float32(0.5), np.nextafter(np.float32(0.5), np.float32(1))
    threshold = best("f1", np.array([False, True]), np.array([low, high]))
    assert above(np.array([low, high]), threshold).tolist() == [False, True]
