"""The memory of the machine that a training with NumPy needs, against what the engine then holds."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.registry import HOST, host_memory_estimate
from fittool.engines.settings import Numpy, Torch
from fittool.engines.step_profile import StepProfile
from fittool.nn import layers as l
from fittool.nn.graph import Graph
from fittool.nn.losses import SparseCategoricalCrossentropy
from fittool.nn.objectives import Objective
from fittool.nn.optimizers import SGD, Adam

SHAPE = (20, 20, 3)
GRAPH = Graph.build(
    [
        l.Conv2D(16, 3, activation="relu"),
        l.MaxPooling2D(),
        l.Flatten(),
        l.Dense(50, activation="relu"),
        l.Dense(7, activation="softmax"),
    ],
    {"input": SHAPE},
)
OBJECTIVES = {GRAPH.outputs[0]: Objective(SparseCategoricalCrossentropy())}
BATCH = 32


def estimate(optimizer=None, batch=BATCH, samples=0, setting=None):
    found = host_memory_estimate(setting or Numpy(), GRAPH, OBJECTIVES, optimizer or Adam(), batch, samples)
    assert found is not None
    return found


def test_the_parts_are_those_of_the_network_and_the_optimizer() -> None:
    found, numbers = estimate(samples=1000), GRAPH.parameter_count
    assert (found.device, found.weights, found.gradients, found.optimizer) == (HOST, 4 * numbers, 4 * numbers, 8 * numbers)
    assert (estimate(SGD()).optimizer, found.samples) == (0, 1000)
    assert estimate(batch=2 * BATCH).activations == 2 * found.activations


def test_activations_are_about_what_the_engine_keeps() -> None:
    engine, profile = NumpyEngine(GRAPH, objectives=OBJECTIVES, optimizer=Adam()), StepProfile()
    engine.watch_steps(profile)
    engine.train_step(Batch((np.zeros((BATCH, *SHAPE), np.float32),), (np.zeros(BATCH, np.int64),)))
    values = sum(profile.activations().values())
    engine.close()
    inputs, gradients = BATCH * 4 * 20 * 20 * 3, 2 * BATCH * 4 * 18 * 18 * 16
    assert values <= estimate().activations <= values + inputs + gradients


def test_what_is_more_than_there_is_is_too_much() -> None:
    assert not estimate().is_too_much
    assert estimate(samples=2**60).is_too_much
    assert "of which this process may use" in str(estimate())


def test_it_is_about_the_numpy_engine_alone() -> None:
    assert host_memory_estimate(Torch(), GRAPH, OBJECTIVES, Adam(), BATCH, 0) is None


@pytest.mark.parametrize(("frozen", "share"), [(("dense",), 1), ((), 0)])
def test_layers_that_do_not_learn_have_neither_gradients_nor_slots(frozen: tuple[str, ...], share: int) -> None:
    graph = GRAPH.with_trainable(frozen)
    found = host_memory_estimate(Numpy(), graph, OBJECTIVES, Adam(), BATCH, 0)
    assert found is not None
    assert found.gradients == 4 * graph.trainable_count and (found.gradients > 0) == bool(share)
