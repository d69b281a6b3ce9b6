"""From symbolic tensors to the layers of a graph, in Keras's order, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from fittool.errors import ExperimentError
from fittool.nn.calls.symbolic import SymbolicTensor, Weights
from fittool.nn.graph import Graph, layer_names
from fittool.nn.layers import Input, Layer
from fittool.nn.shapes import Shape


@dataclass(frozen=True)
class Wiring:
    """Layers that name what they take, as `Graph.build` wants them.

    Attributes:
        layers: All of them, the inputs first.
        inputs: Shape of each input without the batch axis, by name.
        outputs: The names of the layers that the network returns.
        weights: What layers that are copies of another model's begin with, by name.
    """

    layers: list[Layer]
    inputs: dict[str, Shape]
    outputs: tuple[str, ...]
    weights: dict[str, Weights]


def input_tensor(shape: Sequence[int] | None = None, name: str | None = None) -> SymbolicTensor:
    """An input of a network.

    Args:
        shape: Without the axis of samples.
        name: Its name in the network.

    Raises:
        ExperimentError: A ValueError: a size is not known, or not at least 1.
    """
    sizes = None if shape is None else tuple(shape)
    if sizes is not None and not all(isinstance(size, int) and size >= 1 for size in sizes):
        raise ExperimentError(f"Input's shape must hold whole numbers from 1, without the axis of samples; got {sizes}.")
    return SymbolicTensor(Input(sizes, name=name), (), sizes)


def wire(inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> Wiring:
    """The layers between inputs and outputs.

    Args:
        inputs: Where the network begins.
        outputs: What it returns.

    Raises:
        ExperimentError: A ValueError: an output needs another input.
    """
    tensors = [tensor for tensor in in_keras_order(inputs, outputs) if tensor not in inputs]
    _check_calls(tensors)
    layers = _rename([_as_input(tensor) for tensor in inputs], [(cast("Layer", one.layer), one.weights) for one in tensors])
    names = dict(zip(map(id, [*inputs, *tensors]), layer_names(layers), strict=True))
    named = [replace(layer, name=name) for layer, name in zip(layers[: len(inputs)], names.values(), strict=False)]
    first: dict[int, str] = {}
    for tensor, layer in zip(tensors, layers[len(inputs) :], strict=True):
        taken = tuple(names[id(one)] for one in tensor.inputs)
        owner = first.setdefault(id(tensor.layer), names[id(tensor)])
        shares = owner if owner != names[id(tensor)] and _has_weights(tensor) else layer.weights_of
        named.append(replace(layer, name=names[id(tensor)], inputs=taken, weights_of=shares))
    return Wiring(
        named,
        {names[id(tensor)]: cast("Shape", tensor.shape[1:]) for tensor in inputs},
        tuple(names[id(tensor)] for tensor in outputs),
        {names[id(tensor)]: tensor.weights for tensor in tensors if tensor.weights is not None},
    )


def tensors_of(
    graph: Graph, inputs: Mapping[str, SymbolicTensor], weights_of: Callable[[str], Weights]
) -> dict[str, SymbolicTensor]:
    """A network's layers as symbolic tensors, so that others can be built on any of them.

    Args:
        graph: The network.
        inputs: What stands for its inputs, by their names.
        weights_of: Gives the weights of a layer, by name.

    Returns:
        The output of each layer and each input, by name.
    """
    known = dict(inputs)
    for node in graph.nodes:
        layer = replace(node.layer, name=node.name, inputs=None)
        taken = tuple(known[name] for name in node.inputs)
        known[node.name] = SymbolicTensor(layer, taken, node.output_shape, weights_of(node.name))
    return known


def symbolic(value: object) -> list[SymbolicTensor] | None:
    """The tensors of one, of a list or of a mapping of them; None if it is something else."""
    several: Any = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else (value,)
    tensors = [tensor for tensor in several if isinstance(tensor, SymbolicTensor)]
    return tensors if tensors and len(tensors) == len(several) else None


def _as_input(tensor: SymbolicTensor) -> Layer:
    """The `Input` that stands for a tensor; a network may begin in the midst of another."""
    return tensor.layer if isinstance(tensor.layer, Input) else Input(cast("Shape", tensor.shape[1:]))


def _check_calls(tensors: Sequence[SymbolicTensor]) -> None:
    for tensor in tensors:
        layer: Any = tensor.layer
        if isinstance(layer, Input):
            named = f' "{layer.name}"' if layer.name else ""
            raise ExperimentError(f"An output needs the input{named} of shape {layer.shape}, which is not among the inputs.")


def _has_weights(tensor: SymbolicTensor) -> bool:
    layer = cast("Layer", tensor.layer)
    return bool(layer.parameters([cast("Shape", one.shape[1:]) for one in tensor.inputs]))


def _rename(inputs: Sequence[Layer], layers: Sequence[tuple[Layer, Weights | None]]) -> list[Layer]:
    """All layers; copies of another model's whose name is taken, and further calls of one, get a number."""
    own = {layer.name for layer in inputs} | {layer.name for layer, weights in layers if weights is None}
    seen: set[int] = set()
    renamed = list(inputs)
    for layer, weights in layers:
        if layer.name is not None and (weights is not None or id(layer) in seen):
            renamed.append(replace(layer, name=_free(layer.name, own)))
            own.add(renamed[-1].name)
        else:
            renamed.append(layer)
        seen.add(id(layer))
    return renamed


def _free(name: str, taken: set[str | None]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def in_keras_order(inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> list[SymbolicTensor]:
    """All tensors, those furthest from the outputs first; `get_weights` goes by this order, in Keras as here.

    Those that are equally far stand in the order in which a walk from the outputs meets them.
    """
    met = list(dict.fromkeys(tensor for output in outputs for tensor in _walk(output, inputs)))
    place = {tensor: number for number, tensor in enumerate(met)}
    depth = dict.fromkeys(met, 0)
    for tensor in reversed(_finish(inputs, outputs)):
        for taken in () if tensor in inputs else tensor.inputs:
            depth[taken] = max(depth[taken], depth[tensor] + 1)
    return sorted(met, key=lambda tensor: (-depth[tensor], place[tensor]))


def _walk(tensor: SymbolicTensor, inputs: Sequence[SymbolicTensor]) -> Iterator[SymbolicTensor]:
    """A tensor and all that it stands on, itself first, each once."""
    waiting, seen = [tensor], set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        yield one
        if one not in inputs:
            waiting.extend(reversed(one.inputs))


def _finish(inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> list[SymbolicTensor]:
    """All tensors, each behind all that it stands on; without recursion, as networks may be deep."""
    done: dict[SymbolicTensor, None] = {}
    waiting = [(output, False) for output in reversed(outputs)]
    while waiting:
        tensor, ready = waiting.pop()
        if tensor in done:
            continue
        if ready or tensor in inputs:
            done[tensor] = None
            continue
        waiting.append((tensor, True))
        waiting.extend((one, False) for one in reversed(tensor.inputs))
    return list(done)
