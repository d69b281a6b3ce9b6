"""The activation that a layer ends with: where the layer is an output, it decides which losses make sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fittool.nn.shapes import Shape, feature_axis

if TYPE_CHECKING:
    from fittool.nn.layers.base import Layer

# By their names, as their modules are not imported where nobody names such a layer.
_WITH_ARGUMENT = frozenset(
    {"Activation", "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"}
)
_NAMES = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "PReLU": "leaky_relu",
    "ELU": "elu",
    "SELU": "selu",
    "GELU": "gelu",
    "SiLU": "silu",
}


def last_activation(layer: Layer, shape: Shape) -> str | None:
    """The name of an activation, `linear` where there is none, None where it cannot be told.

    A softmax counts along the last axis alone, which is the one that losses look along.

    Args:
        layer: The layer.
        shape: Of its output.
    """
    kind, described = layer.public_name(), cast("Any", layer)
    if kind == "TimeDistributed":
        return last_activation(described.layer, shape[1:])
    if kind == "MultiHeadAttention":
        return "linear"
    if kind in _WITH_ARGUMENT:
        return described.activation or "linear"
    if kind == "Softmax":
        return "softmax" if feature_axis(described.axis, shape) == len(shape) - 1 else None
    return _NAMES.get(kind)
