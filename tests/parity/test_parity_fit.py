"""All ways to hand data to `fit`, and what may go with them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from parity.networks import Network, chain
from parity.pair import BATCH, SAMPLES, SGD, Pair, assert_same_history, classes, numbers, one_hot

HIDDEN, LAST = {"Dense": {"units": 8, "activation": "tanh"}}, {"Dense": {"units": 3, "activation": "softmax"}}
NETWORK = chain((5,), HIDDEN, "BatchNormalization", LAST)
X, Y, HOT = numbers(SAMPLES, 5), classes(3), one_hot(3)
X_VAL, Y_VAL = numbers(21, 5, seed=8), classes(3, 21, seed=9)
WEIGHTS = np.random.default_rng(5).uniform(0, 2, SAMPLES).astype(np.float32)
WEIGHTS_VAL = np.random.default_rng(6).uniform(0, 2, 21).astype(np.float32)
CLASS_WEIGHT = {0: 0.5, 1: 2.0, 2: 1.5}
SPARSE = {"loss": "SparseCategoricalCrossentropy", "metrics": ["accuracy"], "weighted_metrics": ["accuracy"]}


def classifier(**compile):
    return Pair(NETWORK, **SPARSE | compile)


class Batches(keras.utils.PyDataset):
    """A sequence of batches, as Keras and fittool take it."""

    def __init__(self, *arrays, size=BATCH):
        super().__init__()
        self.arrays, self.size = arrays, size

    def __len__(self):
        return -(-len(self.arrays[0]) // self.size)

    def __getitem__(self, index):
        return tuple(array[index * self.size : (index + 1) * self.size] for array in self.arrays)


def endless(*arrays, size=BATCH):
    batches = Batches(*arrays, size=size)
    while True:
        for index in range(len(batches)):
            yield batches[index]


ARRAY_SETTINGS = {
    "plain": {},
    "one ragged batch": {"batch_size": 1000},
    "batches that fit": {"batch_size": 19},
    "single samples": {"batch_size": 1, "epochs": 1},
    "initial_epoch": {"initial_epoch": 2, "epochs": 7},
    "initial_epoch at the end": {"initial_epoch": 5},
    "steps_per_epoch over passes": {"steps_per_epoch": 5, "epochs": 2},
    "sample_weight": {"sample_weight": WEIGHTS},
    "sample_weight with zeros": {"sample_weight": np.round(WEIGHTS / 2)},
    "class_weight": {"class_weight": CLASS_WEIGHT},
    "class_weight without some": {"class_weight": {1: 3.0}},
    "validation_split": {"validation_split": 0.3},
    "validation_split odd": {"validation_split": 0.1234},
    "validation_split with sample_weight": {"validation_split": 0.3, "sample_weight": WEIGHTS},
    "validation_split with class_weight": {"validation_split": 0.3, "class_weight": CLASS_WEIGHT},
    "validation_data": {"validation_data": (X_VAL, Y_VAL)},
    "validation_data with weights": {"validation_data": (X_VAL, Y_VAL, WEIGHTS_VAL)},
    "validation_data before validation_split": {"validation_data": (X_VAL, Y_VAL), "validation_split": 0.5},
    "validation_steps": {"validation_data": (X_VAL, Y_VAL), "validation_steps": 2},
    "validation_batch_size": {"validation_data": (X_VAL, Y_VAL), "validation_batch_size": 4},
    "validation_batch_size and validation_steps": {"validation_split": 0.4, "validation_batch_size": 4, "validation_steps": 3},
    "validation_freq": {"validation_data": (X_VAL, Y_VAL), "validation_freq": 2},
    "validation_freq as a list": {"validation_data": (X_VAL, Y_VAL), "validation_freq": [1, 4]},
    "validation_freq and initial_epoch": {"validation_data": (X_VAL, Y_VAL), "validation_freq": 2, "initial_epoch": 1},
}  # fmt: skip


@pytest.mark.parametrize("settings", ARRAY_SETTINGS.values(), ids=ARRAY_SETTINGS)
def test_fit_on_arrays(settings):
    classifier().assert_agree(X, Y, **settings)


GENERATORS = {
    "pairs": ((X, Y), {}),
    "with sample weights": ((X, Y, WEIGHTS), {}),
    "few steps": ((X, Y), {"steps_per_epoch": 4}),
    "steps beyond a pass": ((X, Y), {"steps_per_epoch": 13}),
    "initial_epoch": ((X, Y), {"initial_epoch": 3, "steps_per_epoch": 7}),
    "validation arrays": ((X, Y), {"validation_data": (X_VAL, Y_VAL), "validation_batch_size": 32}),
}


def agree_on_generator(arrays, settings, make):
    pair = classifier()
    settings = {"epochs": 5, "verbose": 0, "steps_per_epoch": 10} | settings
    size = {"validation_batch_size": settings.pop("validation_batch_size")} if "validation_batch_size" in settings else {}
    theirs = pair.keras.fit(make(*arrays), shuffle=False, **settings, **size).history
    ours = pair.ours.fit_generator(make(*arrays), **settings).history
    assert_same_history(ours, theirs, pair.tolerance)
    pair.assert_same_weights()


@pytest.mark.parametrize(("arrays", "settings"), GENERATORS.values(), ids=GENERATORS)
def test_fit_generator_on_a_generator(arrays, settings):
    agree_on_generator(arrays, settings, endless)


@pytest.mark.parametrize("settings", [{}, {"class_weight": CLASS_WEIGHT}, {"steps_per_epoch": None}], ids=str)
def test_fit_generator_on_a_sequence(settings):
    agree_on_generator((X, Y), settings, Batches)


@pytest.mark.parametrize("steps", [None, 2])
def test_validation_on_a_sequence(steps):
    pair = classifier()
    settings = {"epochs": 3, "verbose": 0, "validation_steps": steps}
    theirs = pair.keras.fit(Batches(X, Y), shuffle=False, validation_data=Batches(X_VAL, Y_VAL), **settings).history
    ours = pair.ours.fit_generator(Batches(X, Y), validation_data=Batches(X_VAL, Y_VAL), **settings).history
    assert_same_history(ours, theirs, pair.tolerance)


def test_fit_takes_a_generator_as_well():
    pair = classifier()
    settings = {"epochs": 3, "steps_per_epoch": 10, "verbose": 0}
    theirs = pair.keras.fit(endless(X, Y), shuffle=False, **settings).history
    assert_same_history(pair.ours.fit(endless(X, Y), **settings).history, theirs, pair.tolerance)


@pytest.mark.parametrize("optimizer", [SGD, "Adam", {"SGD": {"momentum": 0.9, "learning_rate": 0.01}}], ids=str)
def test_fit_again_goes_on_with_weights_and_optimizer(optimizer):
    pair = classifier(optimizer=optimizer)
    pair.fit(X, Y, epochs=2)
    pair.assert_agree(X, Y, epochs=5, initial_epoch=2)


def test_groups_of_accumulated_gradients_run_across_epochs():
    pair = classifier(optimizer={"SGD": {"learning_rate": 0.05, "gradient_accumulation_steps": 7}})
    pair.assert_agree(X, Y)
    pair.assert_agree(X, Y, epochs=2)


def test_batches_one_at_a_time():
    pair = classifier()
    for x, y in (Batches(X, Y)[index] for index in range(5)):
        theirs = pair.keras.train_on_batch(x, y, return_dict=True)
        pair.keras.reset_metrics()
        ours = pair.ours.train_on_batch(x, y, return_dict=True)
        assert ours == pytest.approx({name: float(value) for name, value in theirs.items()}, rel=1e-5)
    pair.assert_same_weights()


@pytest.mark.parametrize("weights", [{"sample_weight": WEIGHTS[:8]}, {"class_weight": CLASS_WEIGHT}], ids=["sample", "class"])
def test_one_weighted_batch(weights):
    pair = classifier()
    theirs = pair.keras.train_on_batch(X[:8], Y[:8], return_dict=True, **weights)
    ours = pair.ours.train_on_batch(X[:8], Y[:8], return_dict=True, **weights)
    assert ours == pytest.approx({name: float(value) for name, value in theirs.items()}, rel=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_evaluate_and_predict(weights):
    pair = classifier()
    pair.fit(X, Y, epochs=1)
    theirs = pair.keras.evaluate(X, Y, batch_size=BATCH, sample_weight=weights, verbose=0, return_dict=True)
    assert pair.ours.evaluate(X, Y, batch_size=BATCH, sample_weight=weights, verbose=0, return_dict=True) == pytest.approx(
        theirs, rel=1e-5
    )
    np.testing.assert_allclose(pair.ours.predict(X), pair.keras.predict(X, verbose=0), rtol=1e-4, atol=1e-6)


SEVERAL = Network(
    (
        {"Dense": {"units": 4, "inputs": ["a"], "name": "left", "activation": "tanh"}},
        {"Dense": {"units": 4, "inputs": ["b"], "name": "right", "activation": "tanh"}},
        {"Add": {"inputs": ["left", "right"], "name": "sum"}},
        {"Dense": {"units": 3, "inputs": ["sum"], "name": "kind", "activation": "softmax"}},
        {"Dense": {"units": 2, "inputs": ["sum"], "name": "size", "kernel_regularizer": {"L2": {"l2": 0.05}}}},
    ),
    {"a": (5,), "b": (2,)},
    ("kind", "size"),
)
A, B, KIND, SIZE = numbers(SAMPLES, 5), numbers(SAMPLES, 2, seed=4), classes(3), numbers(SAMPLES, 2, seed=2)
BOTH = {"loss": ["SparseCategoricalCrossentropy", "MeanSquaredError"], "metrics": [["accuracy"], ["mae"]]}
BY_NAME = {
    "loss": {"kind": "SparseCategoricalCrossentropy", "size": "MeanSquaredError"},
    "metrics": {"kind": ["accuracy"], "size": ["mae", "mse"]},
    "weighted_metrics": {"size": ["mae"]},
}
SEVERAL_CASES = {
    "lists": (BOTH, {}),
    "by name": (BY_NAME, {}),
    "loss_weights": (BOTH | {"loss_weights": [0.3, 2.0]}, {}),
    "loss_weights by name": (BY_NAME | {"loss_weights": {"kind": 0.5, "size": 3.0}}, {}),
    "one loss for both": ({"loss": ["MeanSquaredError", "MeanAbsoluteError"]}, {"y": [one_hot(3), SIZE]}),
    "weights for each": (BY_NAME, {"sample_weight": [WEIGHTS, WEIGHTS[::-1].copy()]}),
    "validation": (BOTH, {"validation_split": 0.25}),
    "adam": (BOTH | {"optimizer": "Adam"}, {}),
}  # fmt: skip


@pytest.mark.parametrize(("compile", "settings"), SEVERAL_CASES.values(), ids=SEVERAL_CASES)
def test_several_inputs_and_outputs(compile, settings):
    targets = settings.get("y", [KIND, SIZE])
    settings = {name: value for name, value in settings.items() if name != "y"}
    Pair(SEVERAL, **compile).assert_agree([A, B], targets, **settings)


def test_several_inputs_and_outputs_by_name():
    Pair(SEVERAL, **BY_NAME).assert_agree({"b": B, "a": A}, {"size": SIZE, "kind": KIND})


REGULARIZERS = ["L1", "L2", {"L1": {"l1": 0.02}}, {"L2": {"l2": 0.02}}, {"L1L2": {"l1": 0.01, "l2": 0.03}}]


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=str)
@pytest.mark.parametrize("place", ["kernel_regularizer", "bias_regularizer"])
def test_penalties_are_in_the_loss_and_in_the_gradient(regularizer, place):
    regularizer = {regularizer: {}} if isinstance(regularizer, str) else regularizer
    network = chain((5,), {"Dense": {"units": 8, place: regularizer}}, {"Dense": {"units": 2, place: regularizer}})
    Pair(network, metrics=["mse"]).assert_agree(X, numbers(SAMPLES, 2, seed=2), validation_split=0.2)


ACTIVATIONS = [
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu",
    "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax",
    "softplus", "softsign", "sparse_plus", "squareplus", "swish", "tanh", "tanh_shrink",
]  # fmt: skip


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_and_its_gradient(activation):
    network = chain((5,), {"Dense": {"units": 6, "activation": activation}}, {"Dense": {"units": 2}})
    Pair(network).assert_agree(X, numbers(SAMPLES, 2, seed=2), epochs=2)
