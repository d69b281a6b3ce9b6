from __future__ import annotations

import numpy as np
import pytest
from parity.networks import chain
from parity.pair import SAMPLES, Pair, classes, numbers, one_hot

from fittool.nn.losses import LOSSES

CLASSES = 4
SIGNS = np.sign(numbers(SAMPLES, CLASSES, seed=3))
BITS = (SIGNS > 0).astype(np.float32)
POSITIVE = np.abs(numbers(SAMPLES, CLASSES, seed=3)) + 0.1
REAL = numbers(SAMPLES, CLASSES, seed=3)
SOFT = POSITIVE / POSITIVE.sum(1, keepdims=True)
INT, HOT = classes(CLASSES), one_hot(CLASSES)

CASES = [
    # loss, arguments, last activation, targets
    ("SparseCategoricalCrossentropy", {}, "softmax", INT),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, None, INT),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "softmax", INT),
    ("SparseCategoricalCrossentropy", {}, "softmax", INT[:, None]),
    ("CategoricalCrossentropy", {}, "softmax", HOT),
    ("CategoricalCrossentropy", {"from_logits": True}, None, HOT),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "softmax", HOT),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, None, HOT),
    ("CategoricalCrossentropy", {}, "sigmoid", HOT),
    ("CategoricalCrossentropy", {}, "softmax", SOFT),
    ("CategoricalFocalCrossentropy", {}, "softmax", HOT),
    ("CategoricalFocalCrossentropy", {"alpha": 0.5, "gamma": 1.0, "label_smoothing": 0.1}, "softmax", HOT),
    ("CategoricalFocalCrossentropy", {"from_logits": True}, None, HOT),
    ("BinaryCrossentropy", {}, "sigmoid", BITS),
    ("BinaryCrossentropy", {"from_logits": True}, None, BITS),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, "sigmoid", BITS),
    ("BinaryCrossentropy", {"label_smoothing": 0.1, "from_logits": True}, None, BITS),
    ("BinaryFocalCrossentropy", {}, "sigmoid", BITS),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5}, "sigmoid", BITS),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, None, BITS),
    ("MeanSquaredError", {}, None, REAL),
    ("MeanAbsoluteError", {}, None, REAL),
    ("MeanAbsolutePercentageError", {}, None, POSITIVE),
    ("MeanSquaredLogarithmicError", {}, "softplus", POSITIVE),
    ("Huber", {}, None, REAL),
    ("Huber", {"delta": 0.3}, None, REAL),
    ("LogCosh", {}, None, REAL),
    ("Poisson", {}, "softplus", POSITIVE),
    ("KLDivergence", {}, "softmax", SOFT),
    ("Hinge", {}, "tanh", SIGNS),
    ("Hinge", {}, "tanh", BITS),
    ("SquaredHinge", {}, "tanh", SIGNS),
    ("CategoricalHinge", {}, None, HOT),
    ("CosineSimilarity", {}, None, REAL),
]
KNOWN_CASES = [case for case in CASES if case[0] in LOSSES.members]


def titled(case):
    return "-".join([*(f"{key}={value}" for key, value in case[1].items()), case[0], str(case[2])])


def network(activation, shape=(5,)):
    return chain(shape, {"Dense": {"units": 8, "activation": "tanh"}}, {"Dense": {"units": CLASSES, "activation": activation}})


@pytest.mark.parametrize(("name", "arguments", "activation", "targets"), KNOWN_CASES, ids=map(titled, KNOWN_CASES))
@pytest.mark.filterwarnings("ignore:loss. CategoricalCrossentropy needs:fittool.errors.SettingWarning")  # with sigmoid
def test_loss_and_its_gradient_are_kerass(name, arguments, activation, targets):
    Pair(network(activation), loss={name: arguments}).assert_agree(numbers(SAMPLES, 5), targets)


@pytest.mark.parametrize("name", sorted({case[0] for case in KNOWN_CASES}))
def test_loss_counts_samples_by_weight_as_in_keras(name):
    _, arguments, activation, targets = next(case for case in CASES if case[0] == name)
    weights = np.random.default_rng(5).uniform(0, 2, SAMPLES).astype(np.float32)
    pair = Pair(network(activation), loss={name: arguments})
    pair.assert_agree(numbers(SAMPLES, 5), targets, sample_weight=weights, epochs=2)


@pytest.mark.parametrize("name", sorted({case[0] for case in KNOWN_CASES}))
def test_loss_of_sequences_is_kerass(name):
    _, arguments, activation, targets = next(case for case in CASES if case[0] == name)
    along_time = np.stack([targets, targets[::-1], np.roll(targets, 7, axis=0)], axis=1)
    Pair(network(activation, (3, 5)), loss={name: arguments}).assert_agree(numbers(SAMPLES, 3, 5), along_time, epochs=2)


def test_every_loss_has_a_case():
    assert {case[0] for case in CASES} >= set(LOSSES.members)
