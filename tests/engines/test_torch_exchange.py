"""Engines that share their batches, in threads: each layer gives the weights of one engine, in float64 to its last digits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engines.test_torch_layers import NETWORKS
from engines.torch_pair import assert_same_states, some_weights
from training.thread_group import together

from fittool.data.batch import Batch
from fittool.engines.settings import Torch
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError, SparseCategoricalCrossentropy
from fittool.nn.optimizers import SGD, Adam
from fittool.nn.shapes import Shape
from fittool.process_group import ALONE, ProcessGroup, share_of

torch = pytest.importorskip("torch")

SIZES = (5, 2, 7)
"""Samples of each step's batch: of the second one, one of three engines has none."""


def shared(batch: Batch, group: ProcessGroup) -> Batch:
    """The part of a batch that falls to one engine."""
    share = share_of(batch.size, group)
    inputs, targets = (tuple(array[share] for array in arrays) for arrays in (batch.inputs, batch.targets))
    return Batch(inputs, targets, None if batch.sample_weight is None else batch.sample_weight[share], share.start, batch.size)


def trained(graph: Graph, batches: list[Batch], group: ProcessGroup, setting: Torch, **options: Any) -> dict[str, Any]:
    """The state after a step on each batch, running values added up."""
    from fittool.engines.torch_engine import TorchEngine

    engine = TorchEngine(graph, setting, seed=3, dtype=torch.float64, group=group, **options)
    for batch in batches:
        engine.train_step(shared(batch, group))
        engine.test_step(shared(batch, group))
    return {**engine.state(), **group.sum(engine.metrics_state())}


def batches_for(graph: Graph, chance: np.random.Generator) -> list[Batch]:
    """One for each of `SIZES`, with weights of the samples; for embeddings, of whole numbers."""
    whole = isinstance(graph.nodes[0].layer, nn.Embedding | nn.ColumnEmbedding)
    found = []
    for size in SIZES:
        shapes = [(size, *shape) for shape in graph.inputs.values()]
        inputs = tuple(chance.integers(0, 3, shape) if whole else chance.random(shape) for shape in shapes)
        targets = tuple(chance.standard_normal((size, *shape)) for shape in graph.output_shapes.values())
        found.append(Batch(inputs, targets, chance.random(size).astype(np.float32)))
    return found


SYNCHRONIZED = Torch(device="cpu", threads=1, synchronized_batch_normalization=True)


@pytest.mark.parametrize(("layers", "shape"), NETWORKS, ids=[type(layers[0]).__name__ for layers, _ in NETWORKS])
def test_three_engines_give_the_weights_of_one(layers: list[nn.Layer], shape: Shape) -> None:
    graph = Graph.build(layers, {"input": shape})
    if not any(parameter.trainable for _, parameter in graph.weights()):
        graph = Graph.build([nn.Dense(shape[-1]), *layers], {"input": shape})
    options = {"loss": MeanSquaredError(), "target_shape": graph.output_shapes[graph.outputs[0]], "optimizer": Adam()}
    options |= {"weights": some_weights(graph)}
    batches = batches_for(graph, np.random.default_rng(1))
    expected = trained(graph, batches, ALONE, SYNCHRONIZED, **options)
    for state in together(3, lambda group: trained(graph, batches, group, SYNCHRONIZED, **options)):
        assert_same_states(expected, state, tolerance=1e-8)


def test_without_synchronization_moving_averages_are_the_same_everywhere() -> None:
    """Each engine normalizes by its own samples, and all keep the mean of what they found."""
    graph = Graph.build([nn.Dense(4), nn.BatchNormalization(momentum=0.5), nn.Dense(2)], {"input": (3,)})
    chance = np.random.default_rng(1)
    batch = Batch((chance.random((6, 3)),), (chance.random((6, 2)),))
    options = {"loss": MeanSquaredError(), "target_shape": (2,), "optimizer": SGD(), "weights": some_weights(graph)}
    setting = Torch(device="cpu", threads=1)
    one, other = together(2, lambda group: trained(graph, [batch], group, setting, **options))
    assert_same_states(one, other, tolerance=0)
    halves = [batch.inputs[0][:3], batch.inputs[0][3:]]
    weights = options["weights"]
    found = [half @ weights["dense/kernel"] + weights["dense/bias"] for half in halves]
    expected = 0.5 * weights["batch_normalization/moving_variance"] + 0.25 * sum(half.var(axis=0) for half in found)
    np.testing.assert_allclose(one["weights/batch_normalization/moving_variance"], expected, rtol=1e-12)


def test_a_loss_of_one_that_is_not_finite_skips_the_step_of_all() -> None:
    graph = Graph.build([nn.Dense(3, activation="softmax")], {"input": (2,)})
    inputs = np.ones((4, 2))
    inputs[3] = np.nan
    batch = Batch((inputs,), (np.arange(4) % 3,))
    options = {"loss": SparseCategoricalCrossentropy(), "optimizer": SGD(), "weights": some_weights(graph)}

    def work(group: ProcessGroup) -> Any:
        from fittool.engines.torch_engine import TorchEngine

        setting = Torch(device="cpu", threads=1)
        engine = TorchEngine(graph, setting, seed=3, dtype=torch.float64, group=group, skips_bad_steps=True, **options)
        engine.train_step(shared(batch, group))
        return engine.health.first_bad_step, engine.state(("weights",))["weights/dense/kernel"]

    for bad, kernel in together(2, work):
        assert bad == 1
        np.testing.assert_array_equal(kernel, options["weights"]["dense/kernel"])
