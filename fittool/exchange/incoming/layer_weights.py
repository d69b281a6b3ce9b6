"""The weights of one layer of another tool as those of a layer here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.exchange.incoming.foreign import Arrays
from fittool.nn import layers as nn
from fittool.nn.graph import Node


class MisfitError(ValueError):
    """The weights do not fit the layer; the text is a clause that says why."""


_NORMALIZED = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
_AXES: dict[type[Any], tuple[str, tuple[int, ...]]] = {
    nn.Dense: ("kernel", (1, 0)),
    nn.Conv1D: ("kernel", (2, 1, 0)),
    nn.Conv2D: ("kernel", (2, 3, 1, 0)),
    nn.Conv3D: ("kernel", (2, 3, 4, 1, 0)),
    nn.Conv2DTranspose: ("kernel", (2, 3, 1, 0)),
}
"""The name of a layer's kernel, and PyTorch's axes in Keras's order."""


def from_torch(node: Node, parts: Mapping[str, NDArray[Any]]) -> Arrays:
    """A module's tensors as the parameters of a layer, (*shape) each, by their names.

    Raises:
        MisfitError: There is no such layer in PyTorch, or shapes differ.
    """
    convert = _CONVERSIONS.get(type(node.layer))
    if convert is None:
        raise MisfitError(f"{node.layer.public_name()} has no counterpart in PyTorch")
    return _checked(node, convert(node, parts))


def from_keras(node: Node, parts: Mapping[str, NDArray[Any]]) -> Arrays:
    """A Keras layer's arrays, in its own order, as the parameters of a layer, (*shape) each, by their names.

    Raises:
        MisfitError: Their number or shapes differ.
    """
    arrays = list(parts.values())
    names = [parameter.name for parameter in node.parameters]
    if isinstance(node.layer, nn.Normalization) and len(arrays) == len(names) + 1:
        arrays = arrays[:-1]  # Keras counts what it has seen
    if len(arrays) != len(names):
        raise MisfitError(f"it has {len(arrays)} arrays, expected {len(names)} ({', '.join(names) or 'none'})")
    return _checked(node, dict(zip(names, arrays, strict=True)))


def _checked(node: Node, arrays: Arrays) -> Arrays:
    """The arrays in the shapes of the layer's parameters; axes of size 1 may be more or fewer."""
    wanted = {parameter.name: parameter.shape for parameter in node.parameters}
    missing, more = wanted.keys() - arrays.keys(), arrays.keys() - wanted.keys()
    if missing or more:
        what = f"{', '.join(sorted(missing))} is missing" if missing else f"{', '.join(sorted(more))} is too much"
        raise MisfitError(what)
    for name, array in arrays.items():
        if _without_ones(array.shape) != _without_ones(wanted[name]):
            raise MisfitError(f"{name} has shape {array.shape}, expected {wanted[name]}")
    return {name: np.ascontiguousarray(arrays[name].reshape(shape), np.float32) for name, shape in wanted.items()}


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _kernel_and_bias(node: Node, parts: Mapping[str, NDArray[Any]]) -> Arrays:
    name, axes = _AXES[type(node.layer)]
    weight = _part(parts, "weight")
    if weight.ndim != len(axes):  # a fully connected layer written as a 1 × 1 convolution, or the other way round
        weight = _squeezed(weight, len(axes))
    found = {name: weight.transpose(axes)}
    return found | ({"bias": parts["bias"]} if "bias" in parts else {})


def _squeezed(weight: NDArray[Any], rank: int) -> NDArray[Any]:
    if weight.ndim > rank and set(weight.shape[rank:]) == {1}:
        return weight.reshape(weight.shape[:rank])
    if weight.ndim < rank:
        return weight.reshape(*weight.shape, *(1,) * (rank - weight.ndim))
    if rank == 2:
        return weight.reshape(len(weight), -1)
    raise MisfitError(f"its kernel has shape {weight.shape}")


def _depthwise(node: Node, parts: Mapping[str, NDArray[Any]]) -> Arrays:
    weight = _part(parts, "weight")
    channels, multiplier = next(one.shape for one in node.parameters if one.name == "depthwise_kernel")[2:]
    if weight.ndim != 4 or weight.shape[:2] != (channels * multiplier, 1):
        raise MisfitError(f"its kernel has shape {weight.shape}, expected ({channels * multiplier}, 1, height, width)")
    kernel = weight.reshape(channels, multiplier, *weight.shape[2:]).transpose(2, 3, 0, 1)
    return {"depthwise_kernel": kernel} | ({"bias": parts["bias"]} if "bias" in parts else {})


def _normalization(node: Node, parts: Mapping[str, NDArray[Any]]) -> Arrays:
    return {_NORMALIZED.get(name, name): array for name, array in parts.items()}


def _attention(node: Node, parts: Mapping[str, NDArray[Any]]) -> Arrays:
    """PyTorch's `in_proj_weight` is query, key and value below each other; all others have three modules, put together before."""
    layer: Any = node.layer
    heads = layer.num_heads
    found: Arrays = {}
    width = len(_part(parts, "in_proj_weight")) // 3
    for number, name in enumerate(("query", "key", "value")):
        rows = slice(number * width, (number + 1) * width)
        found[f"{name}_kernel"] = parts["in_proj_weight"][rows].T.reshape(-1, heads, width // heads)
        found[f"{name}_bias"] = _part(parts, "in_proj_bias")[rows].reshape(heads, width // heads)
    out = _part(parts, "out_proj.weight")
    found["attention_output_kernel"] = out.T.reshape(heads, -1, len(out))
    found["attention_output_bias"] = _part(parts, "out_proj.bias")
    return found


def _part(parts: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name not in parts:
        raise MisfitError(f"{name} is missing; there is {', '.join(parts) or 'nothing'}")
    return parts[name]


def _embedding(node: Node, parts: Mapping[str, NDArray[Any]]) -> Arrays:
    return {"embeddings": _part(parts, "weight")}


def _single(name: str) -> Callable[[Node, Mapping[str, NDArray[Any]]], Arrays]:
    return lambda node, parts: {name: _part(parts, name)}


_CONVERSIONS: dict[type[Any], Callable[[Node, Mapping[str, NDArray[Any]]], Arrays]] = {
    **dict.fromkeys(_AXES, _kernel_and_bias),
    nn.DepthwiseConv2D: _depthwise,
    nn.BatchNormalization: _normalization,
    nn.LayerNormalization: _normalization,
    nn.GroupNormalization: _normalization,
    nn.MultiHeadAttention: _attention,
    nn.Embedding: _embedding,
    nn.ClassToken: _single("token"),
    nn.PositionEmbedding: _single("embeddings"),
}
