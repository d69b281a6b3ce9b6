"""`Normalization` without mean and variance, and `Standardization`, take statistics of the training data before training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.standardize import fit, moments
from fittool.data.dataset import Dataset
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Layer, Normalization, Standardization

_BATCH = 256


def adapting(graph: Graph) -> list[Node]:
    """The layers that want statistics of the training data, in the order of the network."""
    return [node for node in graph.nodes if isinstance(node.layer, Normalization | Standardization) and node.layer.adapts]


def adapt(graph: Graph, data: Dataset, engine: NumpyEngine) -> None:
    """Give every adapting layer the statistics of what it sees of the data, each after those before it.

    Args:
        graph: The network.
        data: What it is trained on.
        engine: Takes the statistics as the layers' weights.
    """
    for node in adapting(graph):
        statistics = _statistics(node.layer, partial(_seen_by, node, graph, data, engine))
        engine.load_state({f"weights/{node.name}/{name}": array.astype(np.float32) for name, array in statistics.items()})


def _statistics(layer: Layer, seen: Callable[[], Iterator[NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The weights that a layer takes from the data, by name."""
    if isinstance(layer, Standardization):
        return {name: array for name, array in vars(fit(seen, layer)).items() if array is not None}
    mean, variance = moments(seen())
    return {"mean": mean, "variance": variance}


def _seen_by(node: Node, graph: Graph, data: Dataset, engine: NumpyEngine) -> Iterator[NDArray[Any]]:
    """What a layer gets, batch by batch: an input as it is, or what the layers before it make of it."""
    (source,) = node.inputs
    names = list(graph.inputs)
    before = None if source in names else _network_before(node, graph, engine)
    for start in range(0, len(data), _BATCH):
        inputs = data.load(np.arange(start, min(start + _BATCH, len(data)), dtype=np.int64))[0]
        yield inputs[names.index(source)] if before is None else before.predict_step(inputs)[0]


def _network_before(node: Node, graph: Graph, engine: NumpyEngine) -> NumpyEngine:
    """The part of the network that a layer stands on, with the weights as they are now."""
    kept = tuple(other for other in graph.nodes if other.index < node.index)
    weights = {name.removeprefix("weights/"): array for name, array in engine.state().items() if name.startswith("weights/")}
    names = {f"{other.name}/{parameter.name}" for other in kept for parameter in other.parameters}
    part = Graph(graph.inputs, kept, node.inputs)
    return NumpyEngine(part, weights={name: weights[name] for name in names}, threads=engine.threads)
