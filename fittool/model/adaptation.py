"""`Normalization` without mean and variance, and `Standardization`, take statistics of the training data before training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.standardize import fit, moments
from fittool.data.dataset import Dataset
from fittool.model.network import Network
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Layer, Normalization, Standardization

_BATCH = 256


def adapting(graph: Graph) -> list[Node]:
    """The layers that want statistics of the training data, in the order of the network."""
    return [node for node in graph.nodes if isinstance(node.layer, Normalization | Standardization) and node.layer.adapts]


def adapt(network: Network, data: Dataset) -> None:
    """Give every adapting layer the statistics of what it sees of the data, each after those before it.

    Args:
        network: The network, before its first step.
        data: The samples that it is trained on.
    """
    for node in adapting(network.graph):
        statistics = _statistics(node.layer, partial(_look_through, node, network, data))
        network.load({f"weights/{node.name}/{name}": array.astype(np.float32) for name, array in statistics.items()})


def adapt_once(network: Network, data: Dataset) -> None:
    """The same before the first step of a model's life alone, unless the statistics were set already."""
    waiting = adapting(network.graph)
    if waiting and not network.iterations:
        weights = network.weights()
        if not any(weights[f"weights/{node.name}/mean"].any() for node in waiting):
            adapt(network, data)


def _statistics(layer: Layer, seen: Callable[[], Iterator[NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The weights that a layer takes from the data, by name."""
    if isinstance(layer, Standardization):
        return {name: array for name, array in vars(fit(seen, layer)).items() if array is not None}
    mean, variance = moments(seen())
    return {"mean": mean, "variance": variance}


def _look_through(node: Node, network: Network, data: Dataset) -> Iterator[NDArray[Any]]:
    """The arrays (N, …) that a layer gets, batch by batch: an input as it is, or the outputs of the layers before it."""
    (source,) = node.inputs
    names = list(network.graph.inputs)
    before = None if source in names else network.part(_before(node, network.graph))
    try:
        for start in range(0, len(data), _BATCH):
            inputs = data.load(np.arange(start, min(start + _BATCH, len(data)), dtype=np.int64))[0]
            yield inputs[names.index(source)] if before is None else before.predict_step(inputs)[0]
    finally:
        if before is not None:
            before.close()


def _before(node: Node, graph: Graph) -> Graph:
    """The part of the network that a layer stands on."""
    return Graph(graph.inputs, tuple(other for other in graph.nodes if other.index < node.index), node.inputs)
