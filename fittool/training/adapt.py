"""`Normalization` without mean and variance takes them from the training data, before the first epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Dataset
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Normalization

_BATCH = 256


def adapting(graph: Graph) -> list[Node]:
    """The layers that want mean and variance of the training data, in the order of the network."""
    return [node for node in graph.nodes if isinstance(node.layer, Normalization) and node.layer.adapts]


def adapt(graph: Graph, data: Dataset, engine: NumpyEngine) -> None:
    """Give every adapting layer the mean and variance of what it sees of the data, each after those before it.

    Args:
        graph: The network.
        data: What it is trained on.
        engine: Takes the statistics as the layers' weights.
    """
    for node in adapting(graph):
        mean, variance = moments(_seen_by(node, graph, data, engine))
        engine.load_state(
            {
                f"weights/{node.name}/mean": mean.astype(np.float32),
                f"weights/{node.name}/variance": variance.astype(np.float32),
            }
        )


def moments(arrays: Iterator[NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each place on the last axis, over arrays (N, …, C) of any number, merged as by Chan et al. 1979.

    Returns:
        (C,) mean and (C,) biased variance.
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for array in arrays:
        rows = array.reshape(-1, array.shape[-1]).astype(np.float64)
        here, more = rows.mean(axis=0), len(rows)
        step = here - mean
        mean = mean + step * (more / (count + more))
        squares = squares + np.square(rows - here).sum(axis=0) + np.square(step) * (count * more / (count + more))
        count += more
    return mean, squares / count


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
