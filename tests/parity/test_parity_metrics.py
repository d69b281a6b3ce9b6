from __future__ import annotations

import numpy as np
import pytest
from parity.networks import chain
from parity.pair import SAMPLES, Pair, classes, numbers, one_hot

from fittool.nn.metrics import METRICS

CLASSES = 7
REAL = numbers(SAMPLES, CLASSES, seed=3)
BITS = (REAL > 0).astype(np.float32)
POSITIVE = np.abs(REAL) + 0.1
INT, HOT = classes(CLASSES), one_hot(CLASSES)
WEIGHTS = np.random.default_rng(5).uniform(0, 2, SAMPLES).astype(np.float32)

CASES = [
    # metric, last activation, targets
    ("accuracy", "softmax", INT),
    ("acc", "softmax", HOT),
    ("accuracy", "softmax", INT[:, None]),
    ("accuracy", "sigmoid", BITS[:, :1]),
    ("BinaryAccuracy", "sigmoid", BITS),
    ({"BinaryAccuracy": {"threshold": 0.3}}, "sigmoid", BITS),
    ("SparseCategoricalAccuracy", "softmax", INT),
    ("CategoricalAccuracy", "softmax", HOT),
    ("SparseTopKCategoricalAccuracy", "softmax", INT),
    ({"SparseTopKCategoricalAccuracy": {"k": 2}}, "softmax", INT),
    ("TopKCategoricalAccuracy", "softmax", HOT),
    ({"TopKCategoricalAccuracy": {"k": 3, "name": "top3"}}, "softmax", HOT),
    ("SparseCategoricalCrossentropy", "softmax", INT),
    ({"SparseCategoricalCrossentropy": {"from_logits": True}}, None, INT),
    ("CategoricalCrossentropy", "softmax", HOT),
    ({"CategoricalCrossentropy": {"label_smoothing": 0.1}}, "softmax", HOT),
    ("BinaryCrossentropy", "sigmoid", BITS),
    ({"BinaryCrossentropy": {"from_logits": True}}, None, BITS),
    ("mse", None, REAL),
    ("MeanSquaredError", None, REAL),
    ("mae", None, REAL),
    ("MeanAbsoluteError", None, REAL),
    ("MeanAbsolutePercentageError", None, POSITIVE),
    ("MeanSquaredLogarithmicError", "softplus", POSITIVE),
    ("RootMeanSquaredError", None, REAL),
    ("CosineSimilarity", None, REAL),
    ("Hinge", "tanh", BITS),
    ("SquaredHinge", "tanh", BITS),
    ("CategoricalHinge", None, HOT),
    ("KLDivergence", "softmax", POSITIVE / POSITIVE.sum(1, keepdims=True)),
    ("LogCoshError", None, REAL),
    ("Poisson", "softplus", POSITIVE),
    ("Precision", "sigmoid", BITS),
    ({"Precision": {"thresholds": 0.4}}, "sigmoid", BITS),
    ({"Precision": {"class_id": 1}}, "softmax", HOT),
    ({"Precision": {"top_k": 2}}, "softmax", HOT),
    ("Recall", "sigmoid", BITS),
    ({"Recall": {"thresholds": 0.4}}, "sigmoid", BITS),
    ({"Recall": {"class_id": 1}}, "softmax", HOT),
    ({"F1Score": {"average": "macro"}}, "softmax", HOT),
    ({"F1Score": {"average": "micro"}}, "softmax", HOT),
    ({"F1Score": {"average": "weighted"}}, "softmax", HOT),
    ({"F1Score": {"average": "macro", "threshold": 0.4}}, "sigmoid", BITS),
    ("R2Score", None, REAL),
    ({"R2Score": {"class_aggregation": "variance_weighted_average"}}, None, REAL),
    ("AUC", "sigmoid", BITS),
    ({"AUC": {"curve": "PR"}}, "sigmoid", BITS),
    ({"AUC": {"num_thresholds": 50, "summation_method": "minoring"}}, "sigmoid", BITS),
    ({"AUC": {"summation_method": "majoring"}}, "sigmoid", BITS),
    ({"AUC": {"multi_label": True}}, "sigmoid", BITS),
    ({"AUC": {"from_logits": True}}, None, BITS),
]
COUNTS = ["TruePositives", "TrueNegatives", {"FalsePositives": {"thresholds": 0.4}}, "FalseNegatives"]


def named(metric):
    return metric if isinstance(metric, str) else next(iter(metric))


KNOWN_CASES = [case for case in CASES if METRICS.class_of(named(case[0])) is not None]
IDS = [f"{metric}-{activation}".replace(" ", "") for metric, activation, _ in KNOWN_CASES]


def pair_with(activation, targets, **compile):
    units = 1 if targets.shape[1:] == (1,) and activation == "sigmoid" else CLASSES
    layers = {"Dense": {"units": 8, "activation": "tanh"}}, {"Dense": {"units": units, "activation": activation}}
    sparse = {"SparseCategoricalCrossentropy": {"from_logits": activation is None}}
    return Pair(chain((5,), *layers), loss=sparse if targets.dtype.kind == "i" else "MeanSquaredError", **compile)


@pytest.mark.parametrize(("metric", "activation", "targets"), KNOWN_CASES, ids=IDS)
def test_metric_is_kerass_in_every_epoch(metric, activation, targets):
    pair = pair_with(activation, targets, metrics=[metric])
    pair.fit(numbers(SAMPLES, 5), targets, validation_split=0.25, epochs=3)


@pytest.mark.parametrize(("metric", "activation", "targets"), KNOWN_CASES, ids=IDS)
def test_weighted_metric_is_kerass_and_stands_beside_the_plain_one(metric, activation, targets):
    if not isinstance(metric, str) or metric in METRICS.members:  # Keras numbers its objects, and only names meet by themselves
        metric = {named(metric): {"name": "watched"} | ({} if isinstance(metric, str) else metric[named(metric)])}
    pair = pair_with(activation, targets, metrics=[metric], weighted_metrics=[metric])
    pair.fit(numbers(SAMPLES, 5), targets, sample_weight=WEIGHTS, epochs=3)


@pytest.mark.parametrize("metric", COUNTS, ids=str)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_counts_are_kerass_without_validation(metric, weights):
    """With validation, Keras on torch reports the validation's counts as those of the training: its logs hold the variable."""
    pair = pair_with("sigmoid", BITS, weighted_metrics=[metric])
    pair.fit(numbers(SAMPLES, 5), BITS, sample_weight=weights)


@pytest.mark.parametrize(
    ("name", "full_name", "activation", "targets"),
    [
        ("crossentropy", "SparseCategoricalCrossentropy", "softmax", INT),
        ("ce", "CategoricalCrossentropy", "softmax", HOT),
        ("crossentropy", "BinaryCrossentropy", "sigmoid", BITS[:, :1]),
    ],
)
def test_crossentropy_is_found_by_shapes_though_keras_knows_it_as_a_loss_alone(name, full_name, activation, targets):
    ours = pair_with(activation, targets, metrics=[name])
    theirs = pair_with(activation, targets, metrics=[full_name])
    settings = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}
    found = ours.ours.fit(numbers(SAMPLES, 5), targets, **settings).history[name]
    (expected,) = [values for key, values in theirs.fit(numbers(SAMPLES, 5), targets, **settings).items() if "entropy" in key]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_every_metric_has_a_case():
    tried = [*(case[0] for case in CASES), *COUNTS, "crossentropy"]
    assert {METRICS.class_of(named(metric)) for metric in tried} >= set(METRICS.members.values())
