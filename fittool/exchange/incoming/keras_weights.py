"""The arrays of each layer in a file of Keras, in the order of its `get_weights`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import shorten, visible
from fittool.exchange.incoming.foreign import Arrays, ForeignWeights, refused
from fittool.exchange.incoming.keras_file import KerasFile
from fittool.exchange.incoming.keras_network import KerasNetwork, Origin
from fittool.exchange.incoming.layer_weights import MisfitError, from_keras
from fittool.exchange.incoming.state_dict import natural
from fittool.nn.graph import Graph, Node
from fittool.nn.layers import Layer, Normalization

_CELL = ("cell/vars",)
_PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), _CELL),
    "Bidirectional": ("forward_layer/cell/vars", "backward_layer/cell/vars"),
    "MultiHeadAttention": ("query_dense/vars", "key_dense/vars", "value_dense/vars", "output_dense/vars"),
}
"""The groups below a layer's own in which the new form keeps its arrays; else `vars`."""


def weights_of(file: KerasFile, network: KerasNetwork, graph: Graph) -> Arrays:
    """The weights of a whole model, (*shape) by `<layer>/<parameter>`.

    Raises:
        CheckpointError: A layer's arrays are missing, too many, or of another shape.
    """
    found: Arrays = {}
    given: list[Node] = []
    for node in graph.nodes:
        if not node.parameters:
            continue
        origin = network.origins.get(node.name)
        if origin is not None:
            _check_axes(file, origin, len(node.input_shapes[0]))
        arrays = [] if origin is None else arrays_of(file, origin)
        if not arrays and isinstance(node.layer, Normalization) and not node.layer.adapts:
            given.append(node)
            continue
        try:
            fitted = from_keras(node, {str(number): array for number, array in enumerate(arrays)})
        except MisfitError as error:
            place = node.name if origin is None else visible("/".join(origin.path))
            raise refused(file.path, f"has weights for layer {shorten(place)} that do not fit it: {error}.") from None
        found |= {f"{node.name}/{name}": array for name, array in fitted.items()}
    # Last, as it takes the room that the layers announce; by now the file has shown that it holds as much.
    drawn = graph.initial_weights(0) if given else {}
    return found | {name: drawn[name] for node in given for name in (f"{node.name}/mean", f"{node.name}/variance")}


def _check_axes(file: KerasFile, origin: Origin, rank: int) -> None:
    """Refuse a normalization along another axis than the last, and attention over some of several axes."""
    place = f"layer {shorten(visible('/'.join(origin.path)))} ({origin.class_name})"
    axis, attended = origin.config.get("axis", -1), origin.config.get("attention_axes")
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    if origin.class_name.endswith("Normalization") and axis not in (-1, rank):
        raise refused(file.path, f"{place} normalizes along axis {axis}; here it is the last.")
    if attended is not None and list(attended) != list(range(1, rank)):
        raise refused(file.path, f"{place} attends along the axes {attended}; here it does along all.")


def with_statistics(layers: Sequence[Layer], weights: Mapping[str, NDArray[Any]]) -> list[Layer]:
    """The layers, those that adapt to data with what they have learnt of them, so that they do not learn it anew."""
    return [_settled(layer, weights) for layer in layers]


def _settled(layer: Layer, weights: Mapping[str, NDArray[Any]]) -> Layer:
    mean, variance = (weights.get(f"{layer.name}/{name}") for name in ("mean", "variance"))
    if not isinstance(layer, Normalization) or mean is None or variance is None:
        return layer
    return replace(layer, mean=tuple(map(float, mean.reshape(-1))), variance=tuple(map(float, variance.reshape(-1))))


def arrays_of(file: KerasFile, origin: Origin) -> list[NDArray[Any]]:
    """The arrays of one layer, in Keras's order."""
    return _in_old_form(file, origin) if file.order else _in_new_form(file, origin)


def _in_new_form(file: KerasFile, origin: Origin) -> list[NDArray[Any]]:
    base, class_name, inner = "layers/" + "/layers/".join(origin.classes), origin.class_name, origin.config
    while class_name == "TimeDistributed" and isinstance(inner.get("layer"), Mapping):
        base, class_name, inner = f"{base}/layer", str(inner["layer"].get("class_name")), inner["layer"].get("config", {})
    return [array for part in _PARTS.get(class_name, ("vars",)) for array in _numbered(file.weights, f"{base}/{part}")]


def _numbered(weights: Mapping[str, NDArray[Any]], group: str) -> list[NDArray[Any]]:
    """The arrays `0`, `1` … of a group; some versions hide the names of attributes behind a line."""
    for place in (
        group,
        re.sub(r"/(\w+_dense/vars)$", r"/_\1", group),
        group.replace("layers/", "_layer_checkpoint_dependencies/"),
    ):
        found: list[NDArray[Any]] = []
        while (array := weights.get(f"{place}/{len(found)}")) is not None:
            found.append(array)
        if found:
            return found
    return []


def _in_old_form(file: KerasFile, origin: Origin) -> list[NDArray[Any]]:
    names = file.order.get(origin.path[0], ())
    if len(origin.path) > 1:
        names = _of_inner(names, origin.path)
    return [file.weights[name] for name in names]


def _of_inner(names: Sequence[str], path: Sequence[str]) -> tuple[str, ...]:
    """Of the arrays of a model within a model those of one of its layers: their names begin with the layer's.

    Keras 3 puts the names of all models around it before it, Keras 2 none.
    """
    parts = {name: name.split("/")[1:] for name in names}
    for start in range(len(path)):
        wanted = list(path[start:])
        found = tuple(name for name, own in parts.items() if own[: len(wanted)] == wanted and len(own) > len(wanted))
        if found:
            return found
    return tuple(name for name, own in parts.items() if path[-1] in own[:-1])


def foreign_weights(file: KerasFile, network: KerasNetwork | None) -> ForeignWeights:
    """The arrays layer by layer, under Keras's names, for a network that is written already."""
    if network is not None:
        found = {name: arrays_of(file, origin) for name, origin in network.origins.items()}
    elif file.order:
        found = {layer: [file.weights[name] for name in names] for layer, names in file.order.items()}
    else:
        found = {}
        for name in sorted(file.weights, key=natural):
            group = name.rpartition("/vars/")[0].removeprefix("layers/") or name
            found.setdefault(file.names.get(group, group), []).append(file.weights[name])
    layers = {
        name: {str(number): np.asarray(one) for number, one in enumerate(arrays)} for name, arrays in found.items() if arrays
    }
    if not layers:
        raise refused(file.path, "holds no weights.")
    return ForeignWeights(file.path, "keras", layers)
