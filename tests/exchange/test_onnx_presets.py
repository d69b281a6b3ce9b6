"""Every preset in onnxruntime against fittool's own engine."""

from __future__ import annotations

import numpy as np
import pytest
from exchange.networks import distance, outputs_of

from fittool.exchange.onnx_format.model import write_onnx
from fittool.exchange.trained_network import InputForm, OutputForm, TrainedNetwork
from fittool.nn.graph import Graph
from fittool.nn.layers.base import Layer
from fittool.nn.presets import PRESETS, TrainingData
from fittool.nn.table_layout import Feature, TableLayout

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

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
        found[name] = start
    return found


def network_of(layers: list[Layer], shape: tuple[int, ...], dtype: str) -> TrainedNetwork:
    graph = Graph.build(layers, {"input": shape})
    return TrainedNetwork(
        graph, random_weights(graph), (InputForm("input", shape, dtype),), {graph.outputs[0]: OutputForm("numbers")}
    )


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize(
    "name", [name if name in SMALL else pytest.param(name, marks=pytest.mark.long) for name in PRESETS.members]
)
def test_presets_compute_the_same(name, fold):
    preset = PRESETS.parse(name)
    generator = np.random.default_rng(0)
    if name in TABLES:
        network = network_of(preset.expand_for(TrainingData(500, LAYOUT), 3), (3,), "float32")
        arrays = [(generator.integers(0, 5, (count, 3)).astype(np.float32),) for count in (1, 7, 64)]
    else:
        side = 32 if name in SMALL else 64 if not name.startswith("vit") else 224
        network = network_of(preset.for_pixels().expand(5), (side, side, 3), "uint8")
        counts = (1, 7, 64) if name in SMALL else (1, 3)
        arrays = [(generator.integers(0, 256, (count, side, side, 3), np.uint8),) for count in counts]
    session = onnxruntime.InferenceSession(write_onnx(network, fold=fold).content, providers=["CPUExecutionProvider"])
    for (given,) in arrays:
        (found,), (expected,) = session.run(None, {"input": given}), outputs_of(network, (given,))
        assert distance(found, expected) < 1e-5
