"""The table from each described layer to the PyTorch calls that carry it out.

Tensors have Keras's order of axes, (N, H, W, C) for images; what PyTorch wants otherwise is turned as a view, so that images lie
in memory with the channels last, or first where `channels_last` is off, whatever way they are looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine import activations
from fittool.engines.torch_engine.activations import ACTIVATIONS, Function
from fittool.engines.torch_engine.operations import embedding, regularization, shaping
from fittool.engines.torch_engine.operations.attention import attention
from fittool.engines.torch_engine.operations.base import LayerSteps, Lowering, Weights, end_with, with_ending
from fittool.engines.torch_engine.operations.convolution import convolve, depthwise, transposed, window_over
from fittool.engines.torch_engine.operations.normalization import (
    batch_normalization,
    group_normalization,
    layer_normalization,
    normalization,
    standardization,
)
from fittool.engines.torch_engine.operations.pooling import average_pooling, largest_pooling
from fittool.engines.torch_engine.operations.tabular import piecewise_linear_embedding, robust_scaling
from fittool.engines.torch_engine.operations.user_module import user_module
from fittool.engines.torch_engine.recurrent_layers import both_ways, recurrent
from fittool.engines.torch_engine.step import StepContext
from fittool.nn import layers as nn
from fittool.nn.graph import Node
from fittool.nn.layers.last_activation import last_activation
from fittool.nn.layers.user_module import UserModule


def layer_steps(node: Node, weights: Weights) -> LayerSteps:
    """The calls that carry out one layer of a graph.

    Args:
        node: The layer in its place.
        weights: Its weights.
    """
    if isinstance(node.layer, UserModule):
        return user_module(node, node.layer, weights)
    return OPERATIONS[type(node.layer)](node, node.layer, weights)


def _named(name: str | None) -> Function | None:
    return None if name is None or name == "linear" else ACTIVATIONS[name]


def _product(call: Callable[[Tensor, Function | None], Tensor], layer: Any) -> LayerSteps:
    """A product with a kernel, `call(inputs, last)`, and the activation behind it."""
    return with_ending(lambda x, context, last: call(x[0], last), _named(layer.activation))


def _bias(layer: Any, weights: Weights) -> Tensor | None:
    return weights("bias") if layer.use_bias else None


def _dense(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    kernel, bias = weights("kernel"), _bias(layer, weights)
    return _product(lambda x, last: end_with(F.linear(x, kernel, bias), last), layer)


def _convolution(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    kernel, bias = weights("kernel"), _bias(layer, weights)
    return _product(lambda x, last: convolve(x, kernel, bias, window, layer.groups, last), layer)


def _convolution_along(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """A sequence (T, C) as an image of one row, (1, T, C)."""
    window = window_over(
        (1, *node.input_shapes[0]), (1, layer.kernel_size), (1, layer.strides), layer.padding, (1, layer.dilation_rate)
    )
    kernel, bias = weights("kernel"), _bias(layer, weights)
    return _product(
        lambda x, last: convolve(x.unsqueeze(1), kernel.unsqueeze(2), bias, window, layer.groups, last).squeeze(1), layer
    )


def _depthwise(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    kernel, bias = weights("depthwise_kernel"), _bias(layer, weights)
    return _product(lambda x, last: depthwise(x, kernel, bias, window, last), layer)


def _separable(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """A depthwise convolution without a bias, then a convolution of single pixels."""
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    point = window_over((*node.output_shape[:2], 0), (1, 1), (1, 1), "valid")
    first, second, bias = weights("depthwise_kernel"), weights("pointwise_kernel"), _bias(layer, weights)
    return _product(lambda x, last: convolve(depthwise(x, first, None, window), second, bias, point, last=last), layer)


def _transposed_convolution(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    kernel, bias = weights("kernel"), _bias(layer, weights)
    call = transposed(layer, node.input_shapes[0], node.output_shape)
    return LayerSteps(lambda x, _: call(x[0], kernel, bias), _named(layer.activation))


def _attention(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    taken, stream = layer.projections(node.input_shapes), node.random_stream("dropout", layer.seed)
    found = {parameter.name: weights(parameter.name) for parameter in node.parameters}
    mix = attention(layer, found, stream)
    shape = node.output_shape
    return LayerSteps(lambda x, context: mix([x[number] for number in taken.values()], context).reshape(len(x[0]), *shape))


def _time_distributed(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """All steps of all samples as the samples of one batch."""
    inner = replace(node, layer=layer.layer, input_shapes=(node.input_shapes[0][1:],), output_shape=node.output_shape[1:])
    steps = layer_steps(inner, weights)
    shape, activation = node.output_shape, steps.activation
    along_last = last_activation(layer.layer, inner.output_shape) is not None
    inside = None if along_last else activation  # an activation along another axis counts it without the steps

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        values = x[0].flatten(0, 1)
        if steps.call is not None:
            first = context.first
            context.first = first * x[0].shape[1]  # random numbers go by the places of steps in here
            values = steps.call([values], context)
            context.first = first
        if inside is not None:
            values = inside(values)
        return values.reshape(len(x[0]), *shape)

    return LayerSteps(call, activation if along_last else None)


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


def _batch_normalization(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    call = batch_normalization(
        node.name,
        weights("gamma") if layer.scale else None,
        weights("beta") if layer.center else None,
        (weights("moving_mean"), weights("moving_variance")),
        layer.epsilon,
        frozen=not layer.trainable,
    )
    return with_ending(lambda x, context, last: call(x[0], context, last))


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
    scale, offset = layer.scale, layer.offset

    def number(value: float | tuple[float, ...], x: Tensor) -> float | Tensor:
        return x.new_tensor(value) if isinstance(value, tuple) else value

    def call(x: list[Tensor], _: StepContext) -> Tensor:
        scaled = x[0] * number(scale, x[0])
        return scaled + number(offset, x[0]) if offset else scaled

    return LayerSteps(call)


def _parametric_relu(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    alpha = weights("alpha")
    return LayerSteps(lambda x, _: torch.relu(x[0]) + alpha * x[0].clamp(max=0))


def _folding(function: Callable[[Tensor, Tensor], Tensor]) -> Lowering:
    return lambda node, layer, weights: LayerSteps(lambda x, _: reduce(function, x))


def _summing(function: Callable[[Tensor, Tensor], Tensor]) -> Lowering:
    return lambda node, layer, weights: with_ending(lambda x, _, last: end_with(reduce(function, x), last))


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
    nn.Embedding: embedding.embedding,
    nn.ColumnEmbedding: embedding.column_embedding,
    nn.ClassToken: embedding.class_token,
    nn.PositionEmbedding: embedding.position_embedding,
    nn.RobustScaling: robust_scaling,
    nn.PiecewiseLinearEmbedding: piecewise_linear_embedding,
    nn.Conv1D: _convolution_along,
    nn.Conv2D: _convolution,
    nn.Conv3D: _convolution,
    nn.Conv2DTranspose: _transposed_convolution,
    nn.DepthwiseConv2D: _depthwise,
    nn.SeparableConv2D: _separable,
    nn.SimpleRNN: lambda node, layer, weights: LayerSteps(recurrent(node, layer, weights)),
    nn.LSTM: lambda node, layer, weights: LayerSteps(recurrent(node, layer, weights)),
    nn.GRU: lambda node, layer, weights: LayerSteps(recurrent(node, layer, weights)),
    nn.Bidirectional: lambda node, layer, weights: LayerSteps(both_ways(node, layer, weights)),
    nn.MultiHeadAttention: _attention,
    nn.TimeDistributed: _time_distributed,
    nn.MaxPooling1D: _pooling_along(largest_pooling),
    nn.AveragePooling1D: _pooling_along(average_pooling),
    nn.GlobalAveragePooling1D: _global(torch.mean),
    nn.GlobalMaxPooling1D: _global(torch.amax),
    nn.MaxPooling2D: _pooling(largest_pooling),
    nn.MaxPooling3D: _pooling(largest_pooling),
    nn.AveragePooling2D: _pooling(average_pooling),
    nn.AveragePooling3D: _pooling(average_pooling),
    nn.GlobalAveragePooling2D: _global(torch.mean),
    nn.GlobalMaxPooling2D: _global(torch.amax),
    nn.GlobalAveragePooling3D: _global(torch.mean),
    nn.GlobalMaxPooling3D: _global(torch.amax),
    nn.Flatten: shaping.reshape,
    nn.Reshape: shaping.reshape,
    nn.Permute: shaping.permute,
    nn.RepeatVector: shaping.repeat_vector,
    nn.ZeroPadding1D: shaping.zero_padding_along,
    nn.ZeroPadding2D: shaping.zero_padding,
    nn.Cropping1D: shaping.cropping_along,
    nn.Cropping2D: shaping.cropping,
    nn.UpSampling1D: shaping.upsampling_along,
    nn.UpSampling2D: shaping.upsampling,
    nn.Dropout: regularization.dropout,
    nn.SpatialDropout1D: regularization.dropout,
    nn.SpatialDropout2D: regularization.dropout,
    nn.GaussianNoise: regularization.noise,
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
    nn.Add: _summing(torch.add),
    nn.Subtract: _summing(torch.sub),
    nn.Average: _average,
    nn.Maximum: _extremum(torch.amax),
    nn.Minimum: _extremum(torch.amin),
    nn.Multiply: _folding(torch.mul),
    nn.Concatenate: shaping.concatenate,
}
"""Every layer, with what it becomes; a test holds this against the list of layers."""
