"""The optimizer of a Keras file as it stood: its steps, its rate, and what it keeps for each weight.

Keras 3 writes an optimizer's variables in the order in which they were made, without their names: steps, rate (where no schedule
decides it), averages of the weights, accumulated gradients, then those of its formula. Of the latter some come weight by
weight, others one kind after the other, as `_TOGETHER` has it of 3.15. Where the shapes are not those of this order, nothing is
taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.exchange.incoming.foreign import Arrays
from fittool.exchange.incoming.keras_file import KerasFile
from fittool.exchange.incoming.keras_network import KerasNetwork
from fittool.nn.graph import Graph
from fittool.nn.optimizers import Nadam, Optimizer, RMSprop
from fittool.nn.schedules import Schedule
from fittool.nn.shapes import Shape

_TOGETHER = (("momentum", "velocity"), ("momentum", "norm"), ("accumulated_grad", "accumulated_delta_var"))
"""Slots that come weight by weight, but those of RMSprop."""


def optimizer_state(file: KerasFile, network: KerasNetwork, graph: Graph, optimizer: Optimizer) -> Arrays | None:
    """The state of an optimizer, by the names that it has in a state of ours.

    Args:
        file: What was read.
        network: Its layers, and where each came from.
        graph: The network that they make.
        optimizer: The counterpart of Keras's.

    Returns:
        `optimizer/iterations` and `optimizer/learning_rate` of shape (), `optimizer/<slot>/<layer>/<parameter>` in the shape of
        its weight; None where the file holds none, or in another order.
    """
    left = iter(file.optimizer)
    state: Arrays = {}
    try:
        state["optimizer/iterations"] = np.array(_number(next(left)), np.int64)
        if not isinstance(optimizer.learning_rate, Schedule):
            state["optimizer/learning_rate"] = np.array(_number(next(left)), np.float64)
        for slot, name, shape in _slots(optimizer, _learning(file.config or {}, network, graph)):
            state[f"optimizer/{slot}/{name}"] = _fitted(next(left), shape)
    except (StopIteration, ValueError):
        return None
    return state if len(list(left)) == isinstance(optimizer, Nadam) else None  # whose product follows from the steps


def _number(array: NDArray[Any]) -> float:
    number = float(array) if array.shape == () else -1.0
    if not 0 <= number < 2**53:
        raise ValueError
    return number


def _fitted(array: NDArray[Any], shape: Shape) -> NDArray[np.float32]:
    if tuple(array.shape) != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError
    return np.ascontiguousarray(array, np.float32)


def _slots(optimizer: Optimizer, weights: Sequence[tuple[str, Shape]]) -> Iterator[tuple[str, str, Shape]]:
    """Slot, name and shape of everything that an optimizer keeps, in Keras's order."""
    waiting = list(optimizer.slots())
    waiting.sort(key=lambda slot: slot not in ("average", "gradient_accumulator"))
    while waiting:
        together = _together(optimizer, waiting)
        for name, shape in weights:
            yield from ((slot, name, shape) for slot in together if optimizer.has_slot(slot, name, shape))
        waiting = [slot for slot in waiting if slot not in together]


def _together(optimizer: Optimizer, waiting: Sequence[str]) -> tuple[str, ...]:
    """The next slots that come weight by weight."""
    first = tuple(waiting[:2])
    return first if first in _TOGETHER and not isinstance(optimizer, RMSprop) else first[:1]


def _learning(config: Mapping[str, Any], network: KerasNetwork, graph: Graph) -> list[tuple[str, Shape]]:
    """Name and shape of the weights that learn, in the order of Keras's `trainable_variables`: layer by layer of the file."""
    nodes = {node.name: node for node in graph.nodes}
    by_path = {origin.path: name for name, origin in network.origins.items()}
    found = []
    for path in _paths(config, ()):
        node = nodes.get(by_path.get(path, ""))
        if node is not None:
            found += [(f"{node.name}/{one.name}", one.shape) for one in node.parameters if one.trainable]
    return found


def _paths(model: Mapping[str, Any], around: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The layers of a model, and of the models in it, as the file lists them."""
    config = model.get("config")
    for layer in config.get("layers", ()) if isinstance(config, Mapping) else ():
        own = layer.get("config") if isinstance(layer, Mapping) else None
        if isinstance(own, Mapping):
            path = (*around, str(layer.get("name") or own.get("name")))
            yield from _paths(layer, path) if isinstance(own.get("layers"), list) else [path]
