"""The arrays for gradients, which serve one value after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.numpy_engine.lowering import GradientSlots, lower
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD

IMAGE = (8, 8, 2)
NETWORKS: dict[str, list[nn.Layer]] = {
    "sizes that change": [
        nn.Conv2D(3, 3, padding="same", activation="gelu"),
        nn.MaxPooling2D(),
        nn.Conv2D(9, 3, padding="same", activation="gelu"),
        nn.UpSampling2D(),
        nn.DepthwiseConv2D(3, activation="gelu"),
        nn.GlobalAveragePooling2D(),
        nn.Dense(2),
    ],
    "residual": [
        nn.Conv2D(4, 3, padding="same", name="a"),
        nn.BatchNormalization(),
        nn.ReLU(),
        nn.Conv2D(4, 3, padding="same", name="b"),
        nn.Add(inputs=["a", "b"], name="c"),
        nn.Conv2D(4, 3, padding="same", activation="tanh", name="d"),
        nn.BatchNormalization(name="e"),
        nn.Subtract(inputs=["c", "e"], name="f"),
        nn.Multiply(inputs=["c", "f", "d"]),
        nn.Flatten(),
        nn.Dense(2),
    ],
    "steps": [
        nn.Reshape((8, 16)),
        nn.MultiHeadAttention(2, 4, name="a"),
        nn.TimeDistributed(nn.Dense(16, "gelu")),
        nn.Add(inputs=["a", "time_distributed"]),
        nn.LayerNormalization(),
        nn.Bidirectional(nn.GRU(3, return_sequences=True)),
        nn.Flatten(),
        nn.Dense(2),
    ],
}


def elements(layers: list[nn.Layer]) -> int:
    """How many numbers one sample's gradients take."""
    return sum(lower(Graph.build(layers, {"input": IMAGE})).gradient_slots().sizes)


def test_the_gradients_of_a_deep_chain_take_as_much_as_those_of_a_short_one() -> None:
    def chain(depth: int) -> list[nn.Layer]:
        block = [nn.Conv2D(4, 3, padding="same"), nn.BatchNormalization(), nn.ReLU()]
        return [*(layer for _ in range(depth) for layer in block), nn.GlobalAveragePooling2D(), nn.Dense(2)]

    assert elements(chain(20)) == elements(chain(2)) == 2 * 8 * 8 * 4


def test_the_gradients_of_a_deep_residual_network_take_one_array_more() -> None:
    layers: list[nn.Layer] = [nn.Conv2D(4, 3, padding="same", name="end0")]
    for number in range(10):
        layers += [nn.Conv2D(4, 3, padding="same"), nn.BatchNormalization(), nn.ReLU(), nn.Conv2D(4, 3, padding="same")]
        layers += [nn.BatchNormalization(name=f"last{number}"), nn.Add(inputs=[f"end{number}", f"last{number}"])]
        layers += [nn.ReLU(name=f"end{number + 1}")]
    assert elements([*layers, nn.GlobalAveragePooling2D(), nn.Dense(2)]) == 3 * 8 * 8 * 4


def trained(layers: list[nn.Layer], threads: int) -> dict[str, np.ndarray[Any, Any]]:
    """The weights after three steps, the last with fewer samples."""
    graph = Graph.build(layers, {"input": IMAGE})
    engine = NumpyEngine(graph, loss=MeanSquaredError(), optimizer=SGD(0.1), target_shape=(2,), threads=threads)
    generator = np.random.default_rng(0)
    for size in (9, 9, 4):
        engine.train_step(Batch((generator.normal(size=(size, *IMAGE)),), (generator.normal(size=(size, 2)),)))
    return dict(engine.state(("weights",)))


@pytest.mark.parametrize("worth_cutting", [0, 10**12], ids=["eight groups", "one group"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_gradients_that_share_arrays_are_the_same(
    monkeypatch: pytest.MonkeyPatch, layers: list[nn.Layer], worth_cutting: int
) -> None:
    # Many slices, so that one is through the whole network before the next begins.
    monkeypatch.setattr("fittool.engines.numpy_engine.program._SLICE_ELEMENTS", 1)
    monkeypatch.setattr("fittool.engines.numpy_engine.program._WORTH_CUTTING", worth_cutting)
    shared = [trained(layers, threads) for threads in (1, 2)]
    monkeypatch.setattr(GradientSlots, "give_back", lambda slots, slot, size: None)
    alone = trained(layers, 1)
    assert all(np.array_equal(weights[name], array) for weights in shared for name, array in alone.items())
