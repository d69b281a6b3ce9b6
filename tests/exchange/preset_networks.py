"""The presets as networks with weights, and inputs for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittool.exchange.trained_network import InputForm, OutputForm, TrainedNetwork
from fittool.nn.graph import Graph
from fittool.nn.layers.base import Layer
from fittool.nn.presets import PRESETS, TrainingData
from fittool.nn.table_layout import Feature, TableLayout

LAYOUT = TableLayout(
    (Feature("size", "size", "number"), Feature("colour", "colour", "code", 5, 3), Feature("age", "age", "number"))
)
TABLES = ("tabular", "linear")
SMALL = ("mlp", "simple_cnn", "mini_vgg", "resnet", "tabular", "linear")
"""The others have millions of weights."""


def random_weights(graph: Graph) -> dict[str, np.ndarray]:
    """Starting weights, with statistics of normalizations that are not 0 and 1."""
    generator = np.random.default_rng(1)
    found = {}
    for name, start in graph.initial_weights(1).items():
        if name.endswith(("moving_variance", "gamma")):
            start = generator.uniform(0.5, 1.5, start.shape).astype(np.float32)
        elif name.endswith(("moving_mean", "beta", "bias")):
            start = generator.normal(0, 0.1, start.shape).astype(np.float32)
        elif name.startswith(
            "predictions/"
        ):  # random blocks add up: the scores would be large, their rounding all there is to see
            start = start * np.float32(0.05)
        found[name] = start
    return found


def network_of(layers: list[Layer], shape: tuple[int, ...], dtype: str) -> TrainedNetwork:
    graph = Graph.build(layers, {"input": shape})
    return TrainedNetwork(
        graph, random_weights(graph), (InputForm("input", shape, dtype),), {graph.outputs[0]: OutputForm("numbers")}
    )


def preset_network(name: str, counts: tuple[int, ...]) -> tuple[TrainedNetwork, list[NDArray[np.float32]]]:
    """A preset for five classes, of pictures or of a table, and so many samples at a time."""
    preset, generator = PRESETS.parse(name), np.random.default_rng(0)
    if name in TABLES:
        network = network_of(preset.expand_for(TrainingData(500, LAYOUT), 3), (3,), "float32")
        return network, [generator.integers(0, 5, (count, 3)).astype(np.float32) for count in counts]
    side = 32 if name in SMALL else 224 if name.startswith("vit") else 64
    network = network_of(preset.for_pixels().expand(5), (side, side, 3), "uint8")
    return network, [generator.integers(0, 256, (count, side, side, 3)).astype(np.uint8) for count in counts]
