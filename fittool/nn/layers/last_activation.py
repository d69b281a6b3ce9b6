"""The activation that a layer ends with: where the layer is an output, it decides which losses make sense."""

from __future__ import annotations

from fittool.nn.layers.activation import ELU, GELU, SELU, Activation, LeakyReLU, PReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from fittool.nn.layers.attention import MultiHeadAttention
from fittool.nn.layers.base import Layer
from fittool.nn.layers.convolution import Conv2D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D
from fittool.nn.layers.core import Dense
from fittool.nn.layers.sequences import Conv1D
from fittool.nn.layers.volumes import Conv3D
from fittool.nn.layers.wrappers import TimeDistributed
from fittool.nn.shapes import Shape, feature_axis

_WITH_ARGUMENT = (Activation, Dense, Conv1D, Conv2D, Conv3D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D)
_NAMES: dict[type[Layer], str] = {
    Sigmoid: "sigmoid",
    Tanh: "tanh",
    ReLU: "relu",
    LeakyReLU: "leaky_relu",
    PReLU: "leaky_relu",
    ELU: "elu",
    SELU: "selu",
    GELU: "gelu",
    SiLU: "silu",
}


def last_activation(layer: Layer, shape: Shape) -> str | None:
    """The name of an activation, `linear` where there is none, None where it cannot be told.

    A softmax counts along the last axis alone, which is the one that losses look along.

    Args:
        layer: The layer.
        shape: Of its output.
    """
    if isinstance(layer, TimeDistributed):
        return last_activation(layer.layer, shape[1:])
    if isinstance(layer, MultiHeadAttention):
        return "linear"
    if isinstance(layer, _WITH_ARGUMENT):
        return layer.activation or "linear"
    if isinstance(layer, Softmax):
        return "softmax" if feature_axis(layer.axis, shape) == len(shape) - 1 else None
    return _NAMES.get(type(layer))
