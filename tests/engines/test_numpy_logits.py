"""Losses that meet their activation are computed from the logits behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.numpy_engine.losses import loss_function
from fittool.nn.activations import sigmoid, softmax
from fittool.nn.graph import Graph
from fittool.nn.layers import (
    Activation,
    Add,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    Reshape,
    Sigmoid,
    Softmax,
)
from fittool.nn.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from fittool.nn.objectives import Objective
from fittool.nn.optimizers import SGD

RNG = np.random.default_rng(3)
N = 6
SPARSE, CATEGORICAL, BINARY = SparseCategoricalCrossentropy(), CategoricalCrossentropy(), BinaryCrossentropy()
CLASSES = RNG.integers(0, 4, N)
ROWS = RNG.dirichlet(np.ones(4), N)
YES = RNG.integers(0, 2, (N, 4)).astype(float)


def engine(
    layers: list[Layer],
    losses: Mapping[str, Loss | None],
    shape: tuple[int, ...] = (3,),
    dtype: Any = np.float64,
    threads: int = 1,
    scale: float = 1.0,
) -> NumpyEngine:
    """A network with these losses by the names of its outputs, its first weights times a factor."""
    graph = Graph.build(layers, {"input": shape}, tuple(losses))
    made = NumpyEngine(
        graph,
        objectives={name: Objective(loss, 1 + index) for index, (name, loss) in enumerate(losses.items())},
        optimizer=SGD(0.5),
        seed=1,
        dtype=dtype,
        threads=threads,
    )
    made.load_state({name: array * dtype(scale) for name, array in made.state(("weights",)).items()})
    return made


def inputs(*shape: int) -> np.ndarray:
    return np.random.default_rng(8).normal(size=(N, *shape))


def loss_at(made: NumpyEngine, batch: Batch, weights: Mapping[str, np.ndarray]) -> float:
    made.load_state(weights)
    made.reset_metrics()
    made.test_step(batch)
    return made.metrics()["loss"]


def dense(activation: str | None, name: str = "out") -> Dense:
    return Dense(4, activation, name=name)


NETWORKS: dict[str, tuple[list[Layer], dict[str, Loss | None], tuple[np.ndarray, ...], np.ndarray | None]] = {
    "in the layer": ([dense("softmax")], {"out": SPARSE}, (CLASSES,), None),
    "one-hot": ([dense("softmax")], {"out": CATEGORICAL}, (np.eye(4)[CLASSES],), None),
    "rows that add up to 1.5": ([dense("softmax")], {"out": CATEGORICAL}, (ROWS * 1.5,), None),
    "smoothed": ([dense("softmax")], {"out": CategoricalCrossentropy(label_smoothing=0.2)}, (ROWS,), None),
    "weighted": ([dense("softmax")], {"out": SPARSE}, (CLASSES,), RNG.uniform(0, 2, N)),
    "an ignored class": ([dense("softmax")], {"out": SparseCategoricalCrossentropy(ignore_class=2)}, (CLASSES,), None),
    "summed": ([dense("softmax")], {"out": SparseCategoricalCrossentropy(reduction="sum")}, (CLASSES,), None),
    "a layer of its own": ([dense(None, "d"), Softmax(name="out")], {"out": SPARSE}, (CLASSES,), None),
    "by name": ([dense(None, "d"), Activation("softmax", name="out")], {"out": SPARSE}, (CLASSES,), None),
    "behind dropout": ([dense(None, "d"), Dropout(0.0), Softmax(name="out")], {"out": SPARSE}, (CLASSES,), None),
    "the inputs themselves": (
        [dense("relu", "d"), Reshape((4,)), Softmax(name="out")],
        {"out": SPARSE},
        (CLASSES,),
        None,
    ),
    "yes or no": ([dense("sigmoid")], {"out": BINARY}, (YES,), None),
    "yes or no, smoothed": ([dense("sigmoid")], {"out": BinaryCrossentropy(label_smoothing=0.3)}, (YES,), None),
    "yes or no, weighted": ([dense(None, "d"), Sigmoid(name="out")], {"out": BINARY}, (YES,), RNG.uniform(0, 2, N)),
    "two outputs of the same logits": (
        [dense(None, "d"), Softmax(name="a", inputs=("d",)), Sigmoid(name="b", inputs=("d",))],
        {"a": SPARSE, "b": BINARY},
        (CLASSES, YES),
        RNG.uniform(0, 2, (N, 2)),
    ),
    "logits are an output too": (
        [dense(None, "d"), Softmax(name="a")],
        {"a": SPARSE, "d": SparseCategoricalCrossentropy(from_logits=True)},
        (CLASSES, CLASSES[::-1].copy()),
        None,
    ),
    "its output is read on": (
        [dense("softmax", "a"), Dense(4, "sigmoid", name="b")],
        {"a": SPARSE, "b": BINARY},
        (CLASSES, YES),
        None,
    ),
    "a view of it is an output too": (
        [dense("softmax", "a"), Reshape((2, 2), name="b")],
        {"a": SPARSE, "b": BinaryCrossentropy()},
        (CLASSES, YES.reshape(N, 2, 2)),
        None,
    ),
    "only one of two outputs has a loss": (
        [dense("softmax", "a"), Dense(4, "sigmoid", name="b")],
        {"a": None, "b": BINARY},
        (CLASSES, YES),
        None,
    ),
    "logits are added to what comes later": (
        [dense(None, "d"), Softmax(name="a"), Add(name="s", inputs=("d", "a")), Sigmoid(name="b")],
        {"a": SPARSE, "b": BINARY},
        (CLASSES, YES),
        None,
    ),
}
"""Layers, losses by output, targets, sample weights; inputs are (N, 3)."""


@pytest.mark.parametrize("case", NETWORKS)
def test_a_step_follows_the_slope_of_the_loss(case: str) -> None:
    layers, losses, targets, weights = NETWORKS[case]
    batch = Batch((inputs(3),), targets, weights)
    made = engine(layers, losses)
    start = made.state(("weights",))
    made.train_step(batch)
    moved = made.state(("weights",))
    for name, array in start.items():
        for index in np.ndindex(array.shape):
            sides = []
            for step in (1e-5, -1e-5):
                shifted = {**start, name: array.copy()}
                shifted[name][index] += step
                sides.append(loss_at(made, batch, shifted))
            slope = (sides[0] - sides[1]) / 2e-5
            assert (array[index] - moved[name][index]) / 0.5 == pytest.approx(slope, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("case", NETWORKS)
def test_where_nothing_is_saturated_the_loss_is_that_of_the_probabilities(case: str) -> None:
    layers, losses, targets, weights = NETWORKS[case]
    made = engine(layers, losses)
    outputs = made.predict_step((inputs(3),))
    made.test_step(Batch((inputs(3),), targets, weights))
    total = 0.0
    for number, loss in enumerate(losses.values()):
        if loss is not None:
            own = weights if weights is None or weights.ndim == 1 else weights[:, number]
            total += (1 + number) * loss_function(loss).batch_loss(targets[number], outputs[number], own, None)
    assert made.metrics()["loss"] == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize(
    ("layers", "shape", "loss", "targets"),
    [
        ([Dense(4, "softmax")], (3,), SPARSE, CLASSES),
        ([Dense(4), Softmax()], (3,), CATEGORICAL, np.eye(4)[CLASSES]),
        ([Dense(4), Activation("softmax")], (5, 3), SPARSE, RNG.integers(0, 4, (N, 5))),
        ([Conv2D(4, (1, 1), activation="softmax")], (2, 2, 3), SPARSE, RNG.integers(0, 4, (N, 2, 2))),
        ([Dense(1, "sigmoid")], (3,), BINARY, YES[:, :1]),
        ([Dense(4), Sigmoid()], (3,), BINARY, YES),
    ],
)
def test_saturated_outputs_have_a_loss_and_a_slope(
    layers: list[Layer], shape: tuple[int, ...], loss: Loss, targets: np.ndarray
) -> None:
    name = Graph.build(layers, {"input": shape}).outputs[0]
    made = engine(layers, {name: loss}, shape, np.float32, scale=1e6)
    batch = Batch((inputs(*shape).astype(np.float32),), (targets,))
    assert set(np.unique(made.predict_step(batch.inputs)[0].round(30))) <= {0.0, 1.0}
    before = made.state(("weights",))
    made.train_step(batch)
    assert made.metrics()["loss"] > 100  # 16.1 is all that probabilities kept from 0 by 1e-7 can give
    assert all(np.any(array != before[key]) for key, array in made.state(("weights",)).items())


def test_outputs_are_those_of_the_activation() -> None:
    layers, losses, _, _ = NETWORKS["logits are an output too"]
    probabilities, logits = engine(layers, losses).predict_step((inputs(3),))
    np.testing.assert_allclose(probabilities, softmax(logits), rtol=1e-12)


def test_evaluating_measures_as_testing_does_and_gives_the_outputs_of_predicting() -> None:
    layers, losses, _, _ = NETWORKS["logits are an output too"]
    made, batch = engine(layers, losses), Batch((inputs(3),), tuple(RNG.integers(0, 4, N) for _ in losses))
    made.test_step(batch)
    values = made.metrics()
    made.reset_metrics()
    outputs = made.evaluate_step(batch)
    assert made.metrics() == values
    for found, expected in zip(outputs, made.predict_step(batch.inputs), strict=True):
        np.testing.assert_array_equal(found, expected)
    kept = [array.copy() for array in outputs]
    made.evaluate_step(Batch((inputs(3) + 1,), batch.targets))
    assert all((found == before).all() for found, before in zip(outputs, kept, strict=True))  # they are the caller's to keep


def test_a_softmax_along_another_axis_is_none_for_the_loss() -> None:
    made = engine([Dense(4), Softmax(axis=1, name="out")], {"out": SPARSE}, (5, 3))
    batch = Batch((inputs(5, 3),), (RNG.integers(0, 4, (N, 5)),))
    made.test_step(batch)
    outputs = made.predict_step(batch.inputs)[0]
    assert made.metrics()["loss"] == pytest.approx(loss_function(SPARSE).batch_loss(batch.targets[0], outputs, None, None))


def test_any_number_of_threads_gives_the_same_bytes() -> None:
    layers: list[Layer] = [Conv2D(32, (3, 3), activation="relu"), Flatten(), dense("softmax")]
    batch = Batch((np.random.default_rng(0).normal(size=(64, 24, 24, 3)).astype(np.float32),), (RNG.integers(0, 4, 64),))
    states = []
    for threads in (1, 2, 3):
        made = engine(layers, {"out": SPARSE}, (24, 24, 3), np.float32, threads)
        for _ in range(3):
            made.train_step(batch)
        states.append({name: array.tobytes() for name, array in made.state().items()})
        made.close()
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize("scale", [1, 30, 1000, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("loss", "targets", "squash"),
    [
        (SparseCategoricalCrossentropy(from_logits=True), CLASSES, softmax),
        (SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), CLASSES, softmax),
        (CategoricalCrossentropy(from_logits=True), np.eye(4)[CLASSES], softmax),
        (CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), ROWS * 1.5, softmax),
        (BinaryCrossentropy(from_logits=True, label_smoothing=0.1), YES, sigmoid),
    ],
)
def test_the_activations_output_spares_the_exponentials_and_changes_nothing(
    loss: Loss, targets: np.ndarray, squash: Any, dtype: Any, scale: float
) -> None:
    logits = (scale * np.random.default_rng(4).normal(size=(N, 4))).astype(dtype)
    gradients = [np.zeros_like(logits), np.zeros_like(logits)]
    plain = loss_function(loss)(targets, logits, gradients[0])
    spared = loss_function(loss)(targets, logits, gradients[1], squash(logits))
    np.testing.assert_allclose(spared, plain, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", [SparseCategoricalCrossentropy(from_logits=True), CategoricalCrossentropy(from_logits=True)])
def test_logits_are_asked_only_where_a_probability_has_no_logarithm(loss: Loss) -> None:
    probabilities, unread = ROWS.astype(np.float32), np.full((N, 4), np.nan, np.float32)
    targets = CLASSES if isinstance(loss, SparseCategoricalCrossentropy) else np.eye(4)[CLASSES]
    slopes = np.empty_like(probabilities)
    values = loss_function(loss)(targets, unread, slopes, probabilities)
    # To the bit, whatever calls it takes: the same run gives the same numbers from release to release.
    np.testing.assert_array_equal(values, -np.log(probabilities[np.arange(N), CLASSES]))
    np.testing.assert_array_equal(slopes, probabilities - np.eye(4, dtype=np.float32)[CLASSES])
    probabilities[2, CLASSES[2]] = 0
    assert np.isnan(loss_function(loss)(targets, unread, None, probabilities)[2])
