"""The table from each described layer to the operations that carry it out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from fittool.engines.numpy_engine import activations
from fittool.engines.numpy_engine.activations import ACTIVATIONS, ActivationFunction
from fittool.engines.numpy_engine.operations.base import Branch, Operation, Steps
from fittool.engines.numpy_engine.operations.convolution import Convolution, DepthwiseConvolution, TransposedConvolution, Window
from fittool.engines.numpy_engine.operations.dense import Dense
from fittool.engines.numpy_engine.operations.elementwise import Activation, Dropout, Noise, ParametricReLU, Scaling
from fittool.engines.numpy_engine.operations.merging import Add, Concatenate, Extremum, Multiply, Subtract
from fittool.engines.numpy_engine.operations.pooling import AveragePooling, GlobalAveragePooling, GlobalMaxPooling, MaxPooling
from fittool.engines.numpy_engine.operations.shaping import Cropping, RepeatPixels, Resampling, Transposition, View, ZeroPadding
from fittool.nn import layers as nn
from fittool.nn.graph import Node
from fittool.nn.shapes import Shape, feature_axis, transposed_padding, window_count, window_padding
from fittool.settings import ByClass


@dataclass(frozen=True)
class LayerSteps:
    """The operations that carry out one layer: branches that read its inputs, then steps that read the branches' ends.

    Without branches, the steps read the inputs.
    """

    steps: Steps
    branches: tuple[Branch, ...] = ()


def layer_steps(node: Node) -> LayerSteps:
    """List the operations that carry out one layer of a graph."""
    kind = type(node.layer)
    branches = BRANCHES[kind](node, node.layer) if kind in BRANCHES else ()
    return LayerSteps(OPERATIONS[kind](node, node.layer), branches)


def _of_one_step(node: Node) -> LayerSteps:
    """The operations of a layer that takes each step of sequences, all steps at once."""
    layer = cast("nn.TimeDistributed", node.layer).layer
    shape, output = node.input_shapes[0][1:], node.output_shape[1:]
    return layer_steps(replace(node, layer=layer, input_shapes=(shape,), output_shape=output))


def _each_step(node: Node, steps: Steps) -> Steps:
    from fittool.engines.numpy_engine.operations.sequences.per_step import PerStep

    count = node.output_shape[0]
    return [(operation if operation.is_view else PerStep(operation, count), (count, *shape)) for operation, shape in steps]


def _time_distributed(node: Node, layer: Any) -> Steps:
    return _each_step(node, _of_one_step(node).steps)


def _time_distributed_branches(node: Node, layer: Any) -> tuple[Branch, ...]:
    return tuple(replace(branch, steps=_each_step(node, branch.steps)) for branch in _of_one_step(node).branches)


def window_over(image: Shape, kernel: Shape, strides: Shape, padding: str, dilation: Shape | None = None) -> Window:
    """The way a kernel walks over (H, W, C) images or (D, H, W, C) volumes."""
    dilation = (1,) * len(kernel) if dilation is None else dilation
    sides = list(zip(image, kernel, strides, dilation, strict=False))
    output = tuple(window_count(size, reach, stride, padding, step) for size, reach, stride, step in sides)
    ends = [window_padding(size, reach, stride, padding, step) for size, reach, stride, step in sides]
    before, after = (tuple(end[which] for end in ends) for which in (0, 1))
    return Window(image, output, kernel, strides, dilation, before, after)


def _with_activation(steps: Steps, name: str | None) -> Steps:
    """The steps, and behind them the activation, if there is one."""
    if name is None or name == "linear":
        return steps
    return [*steps, (Activation(ACTIVATIONS[name]), steps[-1][1])]


def _dense(node: Node, layer: Any) -> Steps:
    shape = node.input_shapes[0]
    return _with_activation(
        [(Dense(shape[-1], layer.units, layer.use_bias, math.prod(shape[:-1])), node.output_shape)], layer.activation
    )


def _convolution(node: Node, layer: Any) -> Steps:
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    return _with_activation([(_in_groups(window, layer), node.output_shape)], layer.activation)


def _in_groups(window: Window, layer: Any) -> Operation:
    """The convolution, in groups of channels where the layer has several."""
    if layer.groups > 1:
        from fittool.engines.numpy_engine.operations.grouped_convolution import GroupedConvolution

        return GroupedConvolution(window, layer.filters, layer.groups, layer.use_bias)
    return Convolution(window, layer.filters, layer.use_bias)


def _depthwise(node: Node, layer: Any) -> Steps:
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    return _with_activation(
        [(DepthwiseConvolution(window, layer.depth_multiplier, layer.use_bias), node.output_shape)], layer.activation
    )


def _separable(node: Node, layer: Any) -> Steps:
    """A depthwise convolution without a bias, then a convolution of single pixels."""
    window = window_over(node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    between = (*window.output, node.input_shapes[0][-1] * layer.depth_multiplier)
    pointwise = window_over(between, (1, 1), (1, 1), "valid")
    steps: Steps = [
        (DepthwiseConvolution(window, layer.depth_multiplier, use_bias=False), between),
        (Convolution(pointwise, layer.filters, layer.use_bias, "pointwise_kernel"), node.output_shape),
    ]
    return _with_activation(steps, layer.activation)


def _transposed_convolution(node: Node, layer: Any) -> Steps:
    """Its window is that of the convolution which it is the transpose of, from its output to its input."""
    (height, width, channels), image = node.input_shapes[0], node.output_shape
    sides = zip((height, width), layer.kernel_size, layer.strides, layer.dilation_rate, image[:2], strict=True)
    (top, bottom), (left, end) = (
        transposed_padding(size, reach, stride, layer.padding, step, count) for size, reach, stride, step, count in sides
    )
    window = Window(image, (height, width), layer.kernel_size, layer.strides, layer.dilation_rate, (top, left), (bottom, end))
    return _with_activation([(TransposedConvolution(window, channels, layer.use_bias), image)], layer.activation)


def _flat_image(shape: Shape) -> Shape:
    """A sequence (T, C) as an image of one row, (1, T, C)."""
    return (1, *shape)


def _as_image(node: Node, operation: Operation) -> Steps:
    """An operation on images, for sequences."""
    shape = node.output_shape
    return [(View(), _flat_image(node.input_shapes[0])), (operation, _flat_image(shape)), (View(), shape)]


def _convolution_along(node: Node, layer: Any) -> Steps:
    window = window_over(
        _flat_image(node.input_shapes[0]), (1, layer.kernel_size), (1, layer.strides), layer.padding, (1, layer.dilation_rate)
    )
    return _with_activation(_as_image(node, _in_groups(window, layer)), layer.activation)


def _pooling_along(kind: Callable[[Window], Operation]) -> Callable[[Node, Any], Steps]:
    def steps(node: Node, layer: Any) -> Steps:
        strides = (1, layer.strides or layer.pool_size)
        return _as_image(node, kind(window_over(_flat_image(node.input_shapes[0]), (1, layer.pool_size), strides, layer.padding)))

    return steps


def _pooling(kind: Callable[[Window], Operation]) -> Callable[[Node, Any], Steps]:
    def steps(node: Node, layer: Any) -> Steps:
        strides = layer.pool_size if layer.strides is None else layer.strides
        return [(kind(window_over(node.input_shapes[0], layer.pool_size, strides, layer.padding)), node.output_shape)]

    return steps


def _global(kind: Callable[[int], Operation]) -> Callable[[Node, Any], Steps]:
    def steps(node: Node, layer: Any) -> Steps:
        return [(kind(math.prod(node.input_shapes[0][:-1])), node.output_shape)]

    return steps


def _dropout(node: Node, layer: Any) -> Steps:
    shape = layer.decisions(node.output_shape)
    return [(Dropout(layer.rate, shape, node.random_stream("dropout", layer.seed)), node.output_shape)]


def _noise(node: Node, layer: Any) -> Steps:
    return [(Noise(layer.stddev, node.random_stream("noise", layer.seed)), node.output_shape)]


def _repeat_vector(node: Node, layer: Any) -> Steps:
    return [
        (View(), (1, 1, *node.input_shapes[0])),
        (RepeatPixels((1, layer.n)), (1, *node.output_shape)),
        (View(), node.output_shape),
    ]


def _cropping(node: Node, layer: Any) -> Steps:
    (top, _), (left, _) = layer.cropping
    return [(Cropping(top, left), node.output_shape)]


def _permute(node: Node, layer: Any) -> Steps:
    return [(Transposition(tuple(axis - 1 for axis in layer.dims)), node.output_shape)]


def _average(node: Node, layer: Any) -> Steps:
    return [(Add(), node.output_shape), (Scaling(1 / len(node.inputs), 0), node.output_shape)]


def _zero_padding(node: Node, layer: Any) -> Steps:
    (top, _), (left, _) = layer.padding
    return [(ZeroPadding(top, left), node.output_shape)]


def _upsampling(node: Node, layer: Any) -> Steps:
    if layer.interpolation == "nearest":
        return [(RepeatPixels(layer.size), node.output_shape)]
    rows, columns = (_bilinear(size, factor) for size, factor in zip(node.input_shapes[0][:2], layer.size, strict=True))
    return [(Resampling(rows, columns), node.output_shape)]


def _bilinear(size: int, factor: int) -> np.ndarray[Any, Any]:
    """(size · factor, size) weights of linear interpolation between pixel centres; the border repeats."""
    centres = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
    low = np.floor(centres).astype(int)
    weights = np.zeros((size * factor, size))
    index = np.arange(size * factor)
    np.add.at(weights, (index, low), 1 - (centres - low))
    np.add.at(weights, (index, np.minimum(low + 1, size - 1)), centres - low)
    return weights


def _concatenate(node: Node, layer: Any) -> Steps:
    axis = feature_axis(layer.axis, node.output_shape)
    return [(Concatenate(axis, [shape[axis] for shape in node.input_shapes]), node.output_shape)]


def _view(node: Node, layer: Any) -> Steps:
    return [(View(), node.output_shape)]


def _rescaling(node: Node, layer: Any) -> Steps:
    return [(Scaling(layer.scale, layer.offset), node.output_shape)]


def _simple(operation: Callable[[], Operation]) -> Callable[[Node, Any], Steps]:
    return lambda node, layer: [(operation(), node.output_shape)]


def _function(make: Callable[[Any], ActivationFunction]) -> Callable[[Node, Any], Steps]:
    """An activation layer: `make` gives the function for the layer's settings."""
    return lambda node, layer: [(Activation(make(layer)), node.output_shape)]


def _rare(function: str) -> Callable[[Node, Any], Any]:
    """What `rare_layers` has for a layer, which is imported where a network has one."""

    def steps(node: Node, layer: Any) -> Any:
        from fittool.engines.numpy_engine import rare_layers

        return getattr(rare_layers, function)(node, layer)

    return steps


OPERATIONS: Mapping[type[Any], Callable[[Node, Any], Steps]] = ByClass(
    nn.LAYERS.members,
    {
        "Rescaling": _rescaling,
        "Normalization": _rare("normalization"),
        "Standardization": _rare("standardization"),
        "Dense": _dense,
        "Embedding": _rare("embedding"),
        "ClassToken": _rare("class_token"),
        "PositionEmbedding": _rare("position_embedding"),
        "ColumnEmbedding": _rare("column_embedding"),
        "RobustScaling": _rare("robust_scaling"),
        "PiecewiseLinearEmbedding": _rare("piecewise_linear_embedding"),
        "Conv1D": _convolution_along,
        "Conv2D": _convolution,
        "Conv3D": _convolution,
        "Conv2DTranspose": _transposed_convolution,
        "DepthwiseConv2D": _depthwise,
        "SeparableConv2D": _separable,
        "SimpleRNN": _rare("recurrent"),
        "LSTM": _rare("recurrent"),
        "GRU": _rare("recurrent"),
        "Bidirectional": _rare("merge_directions"),
        "MultiHeadAttention": _rare("attention"),
        "TimeDistributed": _time_distributed,
        "MaxPooling1D": _pooling_along(MaxPooling),
        "AveragePooling1D": _pooling_along(AveragePooling),
        "GlobalAveragePooling1D": _global(GlobalAveragePooling),
        "GlobalMaxPooling1D": _global(GlobalMaxPooling),
        "MaxPooling2D": _pooling(MaxPooling),
        "MaxPooling3D": _pooling(MaxPooling),
        "AveragePooling2D": _pooling(AveragePooling),
        "AveragePooling3D": _pooling(AveragePooling),
        "GlobalAveragePooling2D": _global(GlobalAveragePooling),
        "GlobalAveragePooling3D": _global(GlobalAveragePooling),
        "GlobalMaxPooling2D": _global(GlobalMaxPooling),
        "GlobalMaxPooling3D": _global(GlobalMaxPooling),
        "Flatten": _view,
        "Reshape": _view,
        "Permute": _permute,
        "RepeatVector": _repeat_vector,
        "ZeroPadding1D": lambda node, layer: _as_image(node, ZeroPadding(0, layer.padding[0])),
        "ZeroPadding2D": _zero_padding,
        "Cropping1D": lambda node, layer: _as_image(node, Cropping(0, layer.cropping[0])),
        "Cropping2D": _cropping,
        "UpSampling1D": lambda node, layer: _as_image(node, RepeatPixels((1, layer.size))),
        "UpSampling2D": _upsampling,
        "Dropout": _dropout,
        "SpatialDropout1D": _dropout,
        "SpatialDropout2D": _dropout,
        "GaussianNoise": _noise,
        "BatchNormalization": _rare("batch_normalization"),
        "LayerNormalization": _rare("layer_normalization"),
        "GroupNormalization": _rare("group_normalization"),
        "Activation": lambda node, layer: _with_activation([(View(), node.output_shape)], layer.activation),
        "ReLU": _function(lambda layer: activations.relu(layer.max_value, layer.negative_slope, layer.threshold)),
        "LeakyReLU": _function(lambda layer: activations.leaky_relu(layer.negative_slope)),
        "PReLU": lambda node, layer: [(ParametricReLU(node.parameters[0].shape), node.output_shape)],
        "ELU": _function(lambda layer: activations.elu(layer.alpha)),
        "SELU": _function(lambda layer: ACTIVATIONS["selu"]),
        "GELU": _function(lambda layer: activations.gelu(layer.approximate)),
        "SiLU": _function(lambda layer: ACTIVATIONS["silu"]),
        "Sigmoid": _function(lambda layer: ACTIVATIONS["sigmoid"]),
        "Tanh": _function(lambda layer: ACTIVATIONS["tanh"]),
        "Softmax": _function(lambda layer: activations.softmax_along(layer.axis)),
        "Add": _simple(Add),
        "Subtract": _simple(Subtract),
        "Average": _average,
        "Maximum": _simple(lambda: Extremum(np.maximum)),
        "Minimum": _simple(lambda: Extremum(np.minimum)),
        "Multiply": _simple(Multiply),
        "Concatenate": _concatenate,
    },
)
"""Every layer, with what it becomes; a test holds this against the list of layers."""

BRANCHES: Mapping[type[Any], Callable[[Node, Any], tuple[Branch, ...]]] = ByClass(
    nn.LAYERS.members,
    {
        "Bidirectional": _rare("both_ways"),
        "MultiHeadAttention": _rare("projections"),
        "TimeDistributed": _time_distributed_branches,
    },
)
"""The layers whose inputs go several ways before they meet again."""
