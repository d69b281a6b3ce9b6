"""Layers that take statistics of the training data before training: `Normalization` without mean and variance, and its like."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.standardize import fit, moments
from fittool.data.dataset import Dataset
from fittool.model.network import Network
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Layer

_BATCH = 256
_ADAPTING = frozenset({"Normalization", "Standardization", "RobustScaling", "PiecewiseLinearEmbedding"})
"""By their names, as their modules are not imported where nobody names such a layer."""


def adapting(graph: Graph) -> list[Node]:
    """The layers that want statistics of the training data, in the order of the network."""
    return [node for node in graph.nodes if node.layer.public_name() in _ADAPTING and cast("Any", node.layer).adapts]


def adapt(network: Network, data: Dataset) -> None:
    """Give every adapting layer the statistics of what it sees of the data, each after those before it.

    Args:
        network: The network, before its first step.
        data: The samples that it is trained on.
    """
    for node in adapting(network.graph):
        statistics = _statistics(node, partial(_look_through, node, network, data))
        network.load({f"weights/{node.name}/{name}": array.astype(np.float32) for name, array in statistics.items()})


def adapt_once(network: Network, data: Dataset) -> None:
    """The same before the first step of a model's life alone, unless the statistics were set already."""
    waiting = adapting(network.graph)
    if waiting and not network.iterations:
        weights = network.weights()
        if all(_is_as_started(node, weights) for node in waiting):
            adapt(network, data)


def _is_as_started(node: Node, weights: Mapping[str, NDArray[Any]]) -> bool:
    """True where no weight of a layer that adapts is another than before any data were seen; each starts at 0 or at 1."""
    fixed = [parameter for parameter in node.parameters if not parameter.trainable]
    starts = [parameter.initializer.draw(parameter.shape, np.random.default_rng(0)) for parameter in fixed]
    return all(
        np.array_equal(weights[f"weights/{node.name}/{parameter.name}"], start)
        for parameter, start in zip(fixed, starts, strict=True)
    )


def _statistics(node: Node, seen: Callable[[], Iterator[NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The weights that a layer takes from the data, by name."""
    from fittool.nn.layers import PiecewiseLinearEmbedding, RobustScaling, Standardization
    from fittool.nn.number_statistics import bin_edges, center_and_scale

    layer: Layer = node.layer
    if isinstance(layer, Standardization):
        return {name: array for name, array in vars(fit(seen, layer)).items() if array is not None}
    if isinstance(layer, RobustScaling | PiecewiseLinearEmbedding):
        columns = list(layer.numbers(node.input_shapes))
        numbers = np.concatenate([rows[:, columns].astype(np.float32) for rows in seen()])
        return center_and_scale(numbers) if isinstance(layer, RobustScaling) else {"edges": bin_edges(numbers, layer.bins)}
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
