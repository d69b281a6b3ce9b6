"""The table from each described layer to the PyTorch calls that carry it out.

Tensors have Keras's order of axes, (N, H, W, C) for images; what PyTorch wants otherwise is turned as a view, so that images lie
in memory with the channels last, or first where `channels_last` is off, whatever way they are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine import activations
from fittool.engines.torch_engine.activations import ACTIVATIONS, Function
from fittool.engines.torch_engine.operations.convolution import convolve, depthwise, transposed, window_over
from fittool.engines.torch_engine.operations.normalization import (
    batch_normalization,
    group_normalization,
    layer_normalization,
    normalization,
    standardization,
)
from fittool.engines.torch_engine.operations.pooling import average_pooling, largest_pooling
from fittool.engines.torch_engine.recurrent_layers import both_ways, recurrent
from fittool.engines.torch_engine.step import StepContext
from fittool.engines.torch_engine.table_layers import column_embedding, piecewise_linear_embedding, robust_scaling
from fittool.errors import DataError
from fittool.nn import layers as nn
from fittool.nn.graph import Node
from fittool.nn.shapes import feature_axis

Weights = Callable[[str], Tensor]
"""Gives a weight of the layer by its own name, in the order that PyTorch takes."""
Call = Callable[[list[Tensor], StepContext], Tensor]
"""`call(inputs, context)` gives the layer's output, (N, …)."""


@dataclass(frozen=True)
class LayerSteps:
    """The calls that carry out one layer.

    Attributes:
        call: What is done with the inputs; None where there is the activation alone.
        activation: What is done with each element of the result; None where nothing is.
        fresh: Whether the output is memory of its own which no derivative reads, so that whoever comes next may overwrite it.
    """

    call: Call | None
    activation: Function | None = None
    fresh: bool = False


def layer_steps(node: Node, weights: Weights) -> LayerSteps:
    """The calls that carry out one layer of a graph.

    Args:
        node: The layer in its place.
        weights: Its weights.
    """
    return OPERATIONS[type(node.layer)](node, node.layer, weights)


Lowering = Callable[[Node, Any, Weights], LayerSteps]


def _named(name: str | None) -> Function | None:
    return None if name is None or name == "linear" else ACTIVATIONS[name]


def _product(call: Call, layer: Any) -> LayerSteps:
    """A product with a kernel and the activation behind it."""
    function = _named(layer.activation)
    return LayerSteps(call, function, fresh=function is None)


def _bias(layer: Any, weights: Weights) -> Tensor | None:
    return weights("bias") if layer.use_bias else None


def _dense(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    kernel, bias = weights("kernel"), _bias(layer, weights)
    return _product(lambda x, _: F.linear(x[0], kernel, bias), layer)


def _convolution(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    kernel, bias = weights("kernel"), _bias(layer, weights)
    return _product(lambda x, _: convolve(x[0], kernel, bias, window), layer)


def _convolution_along(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """A sequence (T, C) as an image of one row, (1, T, C)."""
    window = window_over(
        (1, *node.input_shapes[0]), (1, layer.kernel_size), (1, layer.strides), layer.padding, (1, layer.dilation_rate)
    )
    kernel, bias = weights("kernel"), _bias(layer, weights)
    return _product(lambda x, _: convolve(x[0].unsqueeze(1), kernel.unsqueeze(2), bias, window).squeeze(1), layer)


def _depthwise(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    kernel, bias = weights("depthwise_kernel"), _bias(layer, weights)
    return _product(lambda x, _: depthwise(x[0], kernel, bias, window), layer)


def _separable(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """A depthwise convolution without a bias, then a convolution of single pixels."""
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    point = window_over((*node.output_shape[:2], 0), (1, 1), (1, 1), "valid")
    first, second, bias = weights("depthwise_kernel"), weights("pointwise_kernel"), _bias(layer, weights)
    return _product(lambda x, _: convolve(depthwise(x[0], first, None, window), second, bias, point), layer)


def _transposed_convolution(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    kernel, bias = weights("kernel"), _bias(layer, weights)
    call = transposed(layer, node.input_shapes[0], node.output_shape)
    return _product(lambda x, _: call(x[0], kernel, bias), layer)


def _embedding(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    table = weights("embeddings")

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        return F.embedding(check_numbers(x[0], node.name, layer.input_dim), table)

    return LayerSteps(call)


def check_numbers(values: Tensor, name: str, rows: int) -> Tensor:
    """Whole numbers of a table's rows, (N, …) of any type, as int64; those of a batch on a device were looked at on the way.

    Raises:
        DataError: One of them is no row of the table.
    """
    whole = values.to(torch.int64)
    if values.device.type != "cpu":
        return whole.clamp(0, rows - 1)
    held, found = values.detach().numpy(), whole.numpy()
    wrong = (held < 0) | (held >= rows) | (found != held)
    if wrong.any():
        place = tuple(int(part[0]) for part in wrong.nonzero())
        raise DataError(
            f"Layer {name} takes whole numbers from 0 to {rows - 1} (input_dim {rows}), but sample "
            f"{place[0] + 1} of a batch holds {held[place]:.15g}; correct the data, or enlarge input_dim."
        )
    return whole


def _pooling(kind: Callable[..., Callable[[Tensor], Tensor]]) -> Lowering:
    def steps(node: Node, layer: Any, weights: Weights) -> LayerSteps:
        strides = layer.pool_size if layer.strides is None else layer.strides
        pool = kind(window_over(node.input_shapes[0], layer.pool_size, strides, layer.padding))
        return LayerSteps(lambda x, _: pool(x[0]))

    return steps


def _pooling_along(kind: Callable[..., Callable[[Tensor], Tensor]]) -> Lowering:
    def steps(node: Node, layer: Any, weights: Weights) -> LayerSteps:
        strides = (1, layer.strides or layer.pool_size)
        pool = kind(window_over((1, *node.input_shapes[0]), (1, layer.pool_size), strides, layer.padding))
        return LayerSteps(lambda x, _: pool(x[0].unsqueeze(1)).squeeze(1))

    return steps


def _global(reduction: Callable[..., Tensor]) -> Lowering:
    """Over all positions; where several are the largest, they share the gradient."""

    def steps(node: Node, layer: Any, weights: Weights) -> LayerSteps:
        axes = tuple(range(1, len(node.input_shapes[0])))
        return LayerSteps(lambda x, _: reduction(x[0], dim=axes, keepdim=layer.keepdims))

    return steps


def _reshape(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    shape = node.output_shape
    return LayerSteps(lambda x, _: x[0].reshape(len(x[0]), *shape))


def _permute(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    return LayerSteps(lambda x, _: x[0].permute(0, *layer.dims))


def _repeat_vector(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    return LayerSteps(lambda x, _: x[0].unsqueeze(1).expand(-1, layer.n, -1))


def _zero_padding(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    (top, bottom), (left, right) = layer.padding
    return LayerSteps(lambda x, _: F.pad(x[0], (0, 0, left, right, top, bottom)))


def _zero_padding_along(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    return LayerSteps(lambda x, _: F.pad(x[0], (0, 0, *layer.padding)))


def _cropping(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    (top, _), (left, _) = layer.cropping
    height, width, _ = node.output_shape
    return LayerSteps(lambda x, _: x[0][:, top : top + height, left : left + width])


def _upsampling_along(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    return LayerSteps(lambda x, _: x[0].repeat_interleave(layer.size, dim=1))


def _upsampling(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    size = node.output_shape[:2]
    options: dict[str, Any] = {"mode": "nearest"}
    if layer.interpolation == "bilinear":
        options = {"mode": "bilinear", "align_corners": False}

    def call(x: list[Tensor], _: StepContext) -> Tensor:
        return F.interpolate(x[0].permute(0, 3, 1, 2), size, **options).permute(0, 2, 3, 1)

    return LayerSteps(call)


def _dropout(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    return _dropping(node, layer, node.output_shape)


def _spatial_dropout(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    return _dropping(node, layer, (1, 1, node.output_shape[-1]))


def _dropping(node: Node, layer: Any, shape: tuple[int, ...]) -> LayerSteps:
    """Zeros with probability `rate`, the others times 1 / (1 - rate), in training; along axes of size 1 decided together."""
    stream, count, factor = node.random_stream("dropout", layer.seed), math.prod(shape), 1 / (1 - layer.rate)

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        if not context.training or layer.rate == 0:
            return x[0]
        kept = context.kept(stream, layer.rate, len(x[0]), count)
        return x[0] * kept.view(-1, *shape).to(x[0].dtype).mul_(factor)

    return LayerSteps(call)


def _noise(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    stream, count = node.random_stream("noise", layer.seed), math.prod(node.output_shape)

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        if not context.training or layer.stddev == 0:
            return x[0]
        numbers = context.normals(stream, len(x[0]), count)
        return x[0] + (layer.stddev * numbers).to(x[0].dtype).view_as(x[0])

    return LayerSteps(call)


def _batch_normalization(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    call = batch_normalization(
        node.name,
        weights("gamma") if layer.scale else None,
        weights("beta") if layer.center else None,
        (weights("moving_mean"), weights("moving_variance")),
        layer.epsilon,
        frozen=not layer.trainable,
    )
    return LayerSteps(lambda x, context: call(x[0], context), fresh=True)


def _gamma_and_beta(layer: Any, weights: Weights) -> tuple[Tensor | None, Tensor | None]:
    return weights("gamma") if layer.scale else None, weights("beta") if layer.center else None


def _layer_normalization(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    gamma, beta = _gamma_and_beta(layer, weights)
    return LayerSteps(lambda x, _: layer_normalization(x[0], gamma, beta, layer.epsilon))


def _group_normalization(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    groups = node.output_shape[-1] if layer.groups == -1 else layer.groups
    gamma, beta = _gamma_and_beta(layer, weights)
    return LayerSteps(lambda x, _: group_normalization(x[0], groups, gamma, beta, layer.epsilon))


def _normalization(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    mean, variance = weights("mean"), weights("variance")
    return LayerSteps(lambda x, _: normalization(x[0], mean, variance))


def _standardization(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    found = {parameter.name: weights(parameter.name) for parameter in node.parameters}
    return LayerSteps(lambda x, _: standardization(x[0], layer, found))


def _rescaling(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    def call(x: list[Tensor], _: StepContext) -> Tensor:
        scaled = x[0] * layer.scale
        return scaled + layer.offset if layer.offset else scaled

    return LayerSteps(call)


def _parametric_relu(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    alpha = weights("alpha")
    return LayerSteps(lambda x, _: torch.relu(x[0]) + alpha * x[0].clamp(max=0))


def _concatenate(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    axis = feature_axis(layer.axis, node.output_shape) + 1
    return LayerSteps(lambda x, _: torch.cat(x, dim=axis))


def _folding(function: Callable[[Tensor, Tensor], Tensor], *, fresh: bool = False) -> Lowering:
    return lambda node, layer, weights: LayerSteps(lambda x, _: reduce(function, x), fresh=fresh)


def _average(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    return LayerSteps(lambda x, _: reduce(torch.add, x) * (1 / len(x)))


def _extremum(function: Callable[..., Tensor]) -> Lowering:
    """Place by place; inputs that tie share the gradient."""
    return lambda node, layer, weights: LayerSteps(lambda x, _: function(torch.stack(torch.broadcast_tensors(*x)), dim=0))


def _function(make: Callable[[Any], Function]) -> Lowering:
    """An activation layer: `make` gives the function for the layer's settings."""
    return lambda node, layer, weights: LayerSteps(None, make(layer))


OPERATIONS: dict[type[Any], Lowering] = {
    nn.Rescaling: _rescaling,
    nn.Normalization: _normalization,
    nn.Standardization: _standardization,
    nn.Dense: _dense,
    nn.Embedding: _embedding,
    nn.ColumnEmbedding: lambda node, layer, weights: LayerSteps(column_embedding(node, layer, weights, check_numbers)),
    nn.RobustScaling: lambda node, layer, weights: LayerSteps(robust_scaling(node, layer, weights)),
    nn.PiecewiseLinearEmbedding: lambda node, layer, weights: LayerSteps(piecewise_linear_embedding(node, layer, weights)),
    nn.Conv1D: _convolution_along,
    nn.Conv2D: _convolution,
    nn.Conv2DTranspose: _transposed_convolution,
    nn.DepthwiseConv2D: _depthwise,
    nn.SeparableConv2D: _separable,
    nn.SimpleRNN: lambda node, layer, weights: LayerSteps(recurrent(node, layer, weights)),
    nn.LSTM: lambda node, layer, weights: LayerSteps(recurrent(node, layer, weights)),
    nn.GRU: lambda node, layer, weights: LayerSteps(recurrent(node, layer, weights)),
    nn.Bidirectional: lambda node, layer, weights: LayerSteps(both_ways(node, layer, weights)),
    nn.MaxPooling1D: _pooling_along(largest_pooling),
    nn.AveragePooling1D: _pooling_along(average_pooling),
    nn.GlobalAveragePooling1D: _global(torch.mean),
    nn.GlobalMaxPooling1D: _global(torch.amax),
    nn.MaxPooling2D: _pooling(largest_pooling),
    nn.AveragePooling2D: _pooling(average_pooling),
    nn.GlobalAveragePooling2D: _global(torch.mean),
    nn.GlobalMaxPooling2D: _global(torch.amax),
    nn.Flatten: _reshape,
    nn.Reshape: _reshape,
    nn.Permute: _permute,
    nn.RepeatVector: _repeat_vector,
    nn.ZeroPadding1D: _zero_padding_along,
    nn.ZeroPadding2D: _zero_padding,
    nn.Cropping2D: _cropping,
    nn.UpSampling1D: _upsampling_along,
    nn.UpSampling2D: _upsampling,
    nn.Dropout: _dropout,
    nn.SpatialDropout2D: _spatial_dropout,
    nn.GaussianNoise: _noise,
    nn.BatchNormalization: _batch_normalization,
    nn.LayerNormalization: _layer_normalization,
    nn.GroupNormalization: _group_normalization,
    nn.Activation: lambda node, layer, weights: LayerSteps(None, ACTIVATIONS[layer.activation]),
    nn.ReLU: _function(lambda layer: activations.relu(layer.max_value, layer.negative_slope, layer.threshold)),
    nn.LeakyReLU: _function(lambda layer: activations.relu(negative_slope=layer.negative_slope)),
    nn.PReLU: _parametric_relu,
    nn.ELU: _function(lambda layer: activations.elu(layer.alpha)),
    nn.SELU: _function(lambda layer: ACTIVATIONS["selu"]),
    nn.GELU: _function(lambda layer: activations.gelu(layer.approximate)),
    nn.SiLU: _function(lambda layer: ACTIVATIONS["silu"]),
    nn.Sigmoid: _function(lambda layer: ACTIVATIONS["sigmoid"]),
    nn.Tanh: _function(lambda layer: ACTIVATIONS["tanh"]),
    nn.Softmax: _function(lambda layer: activations.softmax_along(layer.axis)),
    nn.Add: _folding(torch.add, fresh=True),
    nn.Subtract: _folding(torch.sub, fresh=True),
    nn.Average: _average,
    nn.Maximum: _extremum(torch.amax),
    nn.Minimum: _extremum(torch.amin),
    nn.Multiply: _folding(torch.mul),
    nn.Concatenate: _concatenate,
}
"""Every layer, with what it becomes; a test holds this against the list of layers."""
