"""The table from each described layer to the ONNX operations that carry it out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fittool.augmentation.standardize import EPSILON, centres, centres_samples, scales
from fittool.exchange.onnx_format import activations, convolution, recurrent
from fittool.exchange.onnx_format.activations import ACTIVATIONS, Activation
from fittool.exchange.onnx_format.site import Lowering, Site
from fittool.exchange.onnx_format.tabular import column_embedding, piecewise_linear_embedding, robust_scaling
from fittool.exchange.onnx_format.writer import Value
from fittool.exchange.trained_network import refusal
from fittool.nn import layers as nn
from fittool.nn.shapes import feature_axis

_SMALLEST_DEVIATION = np.float32(1e-7)


def lower(site: Site, x: list[Value]) -> Value:
    """Write a layer.

    Args:
        site: Its place.
        x: What it takes.

    Returns:
        Its output.

    Raises:
        ExportError: ONNX has no counterpart; names layer and place.
    """
    known = OPERATIONS.get(type(site.node.layer))
    if known is None:
        raise refusal(site.node, "ONNX has no counterpart of it that fittool knows.")
    return known(site, site.node.layer, x)


def _same(site: Site, layer: Any, x: list[Value]) -> Value:
    """A layer that acts while training only."""
    return x[0]


def _each(write: Callable[[Site, Any, Value], str]) -> Lowering:
    """A layer that works element by element, in whatever layout the array has."""
    return lambda site, layer, x: site.value(write(site, layer, x[0]), x[0].channels_first)


def _activation(make: Callable[[Any], Activation]) -> Lowering:
    return lambda site, layer, x: site.apply(make(layer), x[0])


def _rescaling(site: Site, layer: Any, x: Value) -> str:
    name = site.graph.add("Mul", x.name, _number(site, x, "scale", layer.scale))
    return site.graph.add("Add", name, _number(site, x, "offset", layer.offset)) if np.any(layer.offset) else name


def _number(site: Site, x: Value, name: str, value: Any) -> str:
    """A number, or one for each channel."""
    return _by_channel(site, x, name, value) if np.ndim(value) else site.constant(value, name)


def _by_channel(site: Site, x: Value, name: str, array: Any) -> str:
    """A constant (C,) that is broadcast over the array."""
    wide = (-1, *[1] * (len(x.shape) - 1)) if x.channels_first else (-1,)
    return site.constant(np.asarray(array).reshape(wide), name)


def _normalization(site: Site, layer: Any, x: Value) -> str:
    deviation = np.maximum(np.sqrt(site.weight("variance")), _SMALLEST_DEVIATION)
    name = site.graph.add("Sub", x.name, _by_channel(site, x, "mean", site.weight("mean")))
    return site.graph.add("Div", name, _by_channel(site, x, "deviation", deviation))


def _standardization(site: Site, layer: Any, x: Value) -> str:
    graph = site.graph
    name, axes = x.name, graph.ints(*range(1, len(x.shape) + 1))
    if layer.rescale is not None:
        name = graph.add("Mul", name, site.constant(layer.rescale, "rescale"))
    if centres_samples(layer):
        name = graph.add("Sub", name, graph.add("ReduceMean", name, axes, keepdims=1))
    if layer.samplewise_std_normalization:
        square = graph.add("ReduceMean", graph.add("Mul", name, name), axes, keepdims=1)
        name = graph.add("Div", name, graph.add("Add", graph.add("Sqrt", square), site.constant(EPSILON)))
    if centres(layer):
        name = graph.add("Sub", name, _by_channel(site, x, "mean", site.weight("mean")))
    if scales(layer):
        name = graph.add("Div", name, _by_channel(site, x, "deviation", site.weight("std") + np.float32(EPSILON)))
    return name


def _standardize(site: Site, layer: Any, x: list[Value]) -> Value:
    """The steps of each image, and the whitening of all its values together."""
    done = Value(_standardization(site, layer, x[0]), x[0].shape, x[0].channels_first)
    if not layer.zca_whitening:
        return done
    flat = site.graph.reshape(site.graph.channels_last(done).name, math.prod(done.shape))
    white = site.graph.add("MatMul", flat, site.constant(site.weight("zca"), "whitening"))
    return site.value(site.graph.reshape(white, *done.shape))


def _dense(site: Site, layer: Any, x: list[Value]) -> Value:
    graph, taken = site.graph, site.graph.channels_last(x[0]).name
    kernel = site.constant(site.weight("kernel"), "kernel")
    bias = [site.constant(site.weight("bias"), "bias")] if layer.use_bias else []
    if len(x[0].shape) == 1:
        name = graph.add("Gemm", taken, kernel, *bias)
    else:
        name = graph.add("MatMul", taken, kernel)
        name = graph.add("Add", name, *bias) if bias else name
    return site.end_with(site.value(name), layer.activation)


def _embedding(site: Site, layer: Any, x: list[Value]) -> Value:
    codes = site.graph.cast(site.graph.channels_last(x[0]).name, np.int64)
    return site.value(site.graph.add("Gather", site.constant(site.weight("embeddings"), "embeddings"), codes))


def _class_token(site: Site, layer: Any, x: list[Value]) -> Value:
    """The learned vector before each sequence: (1, 1, C) becomes (N, 1, C) by the number of sequences."""
    graph, taken = site.graph, site.graph.channels_last(x[0]).name
    token = site.constant(site.weight("token").reshape(1, 1, -1), "token")
    count = graph.add("Shape", taken, start=0, end=1)
    many = graph.add("Expand", token, graph.add("Concat", count, graph.ints(1, 1), axis=0))
    return site.value(graph.add("Concat", many, taken, axis=1))


def _position_embedding(site: Site, layer: Any, x: list[Value]) -> Value:
    taken = site.graph.channels_last(x[0]).name
    return site.value(site.graph.add("Add", taken, site.constant(site.weight("embeddings"), "embeddings")))


def _batch_normalization(site: Site, layer: Any, x: list[Value]) -> Value:
    first = site.graph.channels_first(x[0]) if len(x[0].shape) > 1 else x[0]
    mean, variance = site.weight("moving_mean"), site.weight("moving_variance")
    gamma = site.weight("gamma") if layer.scale else np.ones_like(mean)
    beta = site.weight("beta") if layer.center else np.zeros_like(mean)
    named = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance}
    held = [site.constant(array, name) for name, array in named.items()]
    return site.value(site.graph.add("BatchNormalization", first.name, *held, epsilon=layer.epsilon), first.channels_first)


def _layer_normalization(site: Site, layer: Any, x: list[Value]) -> Value:
    size = x[0].shape[-1]
    gamma = site.weight("gamma") if layer.scale else np.ones(size, np.float32)
    held = [site.constant(gamma, "gamma"), *([site.constant(site.weight("beta"), "beta")] if layer.center else [])]
    taken = site.graph.channels_last(x[0]).name
    return site.value(site.graph.add("LayerNormalization", taken, *held, axis=-1, epsilon=layer.epsilon))


def _parametric_relu(site: Site, layer: Any, x: list[Value]) -> Value:
    alpha = site.constant(x[0].lay_out(site.weight("alpha")), "alpha")
    return site.value(site.graph.add("PRelu", x[0].name, alpha), x[0].channels_first)


def _alike(site: Site, x: list[Value]) -> list[Value]:
    """Arrays in one layout: that of the first that has the channels first, else Keras's."""
    layout = site.graph.channels_first if any(one.channels_first for one in x) else site.graph.channels_last
    return [layout(one) for one in x]


def _merging(kind: str) -> Lowering:
    def merge(site: Site, layer: Any, x: list[Value]) -> Value:
        taken = _alike(site, x)
        return site.value(site.graph.add(kind, *(one.name for one in taken)), taken[0].channels_first)

    return merge


def _folding(kind: str, several: str | None = None) -> Lowering:
    """A merging of two, and for more of them either an operation of several or one after the other."""

    def merge(site: Site, layer: Any, x: list[Value]) -> Value:
        taken = _alike(site, x)
        name, *others = (one.name for one in taken)
        if several is not None and len(others) > 1:
            return site.value(site.graph.add(several, name, *others), taken[0].channels_first)
        for other in others:
            name = site.graph.add(kind, name, other)
        return site.value(name, taken[0].channels_first)

    return merge


def _concatenate(site: Site, layer: Any, x: list[Value]) -> Value:
    taken = _alike(site, x)
    axis = taken[0].axis(feature_axis(layer.axis, site.node.output_shape))
    return site.value(site.graph.add("Concat", *(one.name for one in taken), axis=axis), taken[0].channels_first)


def _reshape(site: Site, layer: Any, x: list[Value]) -> Value:
    return site.value(site.graph.reshape(site.graph.channels_last(x[0]).name, *site.node.output_shape))


def _permute(site: Site, layer: Any, x: list[Value]) -> Value:
    return site.value(site.graph.turn(site.graph.channels_last(x[0]).name, (0, *layer.dims)))


def _repeat_vector(site: Site, layer: Any, x: list[Value]) -> Value:
    single = site.graph.add("Unsqueeze", x[0].name, site.graph.ints(1))
    return site.value(site.graph.add("Expand", single, site.graph.ints(1, layer.n, 1)))


def _softmax(site: Site, layer: Any, x: list[Value]) -> Value:
    return site.apply(activations.softmax(feature_axis(layer.axis, x[0].shape)), x[0])


def _time_distributed(site: Site, layer: Any, x: list[Value]) -> Value:
    """All steps of all samples as the samples of one batch."""
    graph, (steps, *_) = site.graph, site.node.output_shape
    shape = site.node.input_shapes[0][1:]
    inner = replace(site.node, layer=layer.layer, input_shapes=(shape,), output_shape=site.node.output_shape[1:])
    flat = graph.add("Reshape", graph.channels_last(x[0]).name, graph.ints(-1, *shape))
    done = graph.channels_last(lower(Site(graph, inner, site.weights), [Value(flat, shape)]))
    return site.value(graph.add("Reshape", done.name, graph.ints(-1, steps, *done.shape)))


def _attention(site: Site, layer: Any, x: list[Value]) -> Value:
    """In each head `softmax(query · keyᵀ / √K) · value`, positions being those of a sequence, an image or a volume."""
    graph, taken = site.graph, layer.projections(site.node.input_shapes)
    query, key, value = (_project(site, layer, name, x[taken[name]]) for name in ("query", "key", "value"))
    scaled = graph.add("Mul", query, site.constant(1 / math.sqrt(layer.key_dim), "scale"))
    scores = graph.add("MatMul", scaled, graph.turn(key, (0, 1, 3, 2)))
    if layer.use_causal_mask:
        counts = [math.prod(site.node.input_shapes[number][:-1]) for number in (0, taken["key"])]
        later = np.triu(np.full(counts, -np.inf, np.float32), 1)
        scores = graph.add("Add", scores, site.constant(later, "mask"))
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), value)
    size = layer.num_heads * layer.value_size
    rows = graph.reshape(graph.turn(mixed, (0, 2, 1, 3)), math.prod(site.node.input_shapes[0][:-1]), size)
    kernel = site.weight("attention_output_kernel").reshape(size, -1)
    made = graph.add("MatMul", rows, site.constant(kernel, "attention_output_kernel"))
    if layer.use_bias:
        made = graph.add("Add", made, site.constant(site.weight("attention_output_bias").reshape(-1), "attention_output_bias"))
    return site.value(graph.reshape(made, *site.node.output_shape))


def _project(site: Site, layer: Any, name: str, x: Value) -> str:
    """(N, …, C) as (N, heads, T, size)."""
    graph, channels = site.graph, x.shape[-1]
    positions = math.prod(x.shape[:-1])
    rows = graph.channels_last(x).name
    rows = graph.reshape(rows, positions, channels) if len(x.shape) > 2 else rows
    kernel = site.weight(f"{name}_kernel").reshape(channels, -1)
    made = graph.add("MatMul", rows, site.constant(kernel, f"{name}_kernel"))
    if layer.use_bias:
        made = graph.add("Add", made, site.constant(site.weight(f"{name}_bias").reshape(-1), f"{name}_bias"))
    return graph.turn(graph.reshape(made, positions, layer.num_heads, kernel.shape[1] // layer.num_heads), (0, 2, 1, 3))


OPERATIONS: dict[type[Any], Lowering] = {
    nn.Rescaling: _each(_rescaling),
    nn.Normalization: _each(_normalization),
    nn.Standardization: _standardize,
    nn.Dense: _dense,
    nn.Embedding: _embedding,
    nn.ColumnEmbedding: column_embedding,
    nn.ClassToken: _class_token,
    nn.PositionEmbedding: _position_embedding,
    nn.RobustScaling: robust_scaling,
    nn.PiecewiseLinearEmbedding: piecewise_linear_embedding,
    nn.Conv1D: convolution.convolution,
    nn.Conv2D: convolution.convolution,
    nn.Conv3D: convolution.convolution,
    nn.Conv2DTranspose: convolution.transposed_convolution,
    nn.DepthwiseConv2D: convolution.depthwise,
    nn.SeparableConv2D: convolution.separable,
    nn.SimpleRNN: recurrent.recurrence,
    nn.LSTM: recurrent.recurrence,
    nn.GRU: recurrent.recurrence,
    nn.Bidirectional: recurrent.both_ways,
    nn.MultiHeadAttention: _attention,
    nn.TimeDistributed: _time_distributed,
    **dict.fromkeys((nn.MaxPooling1D, nn.MaxPooling2D, nn.MaxPooling3D), convolution.pooling("MaxPool")),
    **dict.fromkeys((nn.AveragePooling1D, nn.AveragePooling2D, nn.AveragePooling3D), convolution.pooling("AveragePool")),
    **dict.fromkeys(
        (nn.GlobalAveragePooling1D, nn.GlobalAveragePooling2D, nn.GlobalAveragePooling3D),
        convolution.global_pooling("GlobalAveragePool"),
    ),
    **dict.fromkeys(
        (nn.GlobalMaxPooling1D, nn.GlobalMaxPooling2D, nn.GlobalMaxPooling3D), convolution.global_pooling("GlobalMaxPool")
    ),
    nn.Flatten: _reshape,
    nn.Reshape: _reshape,
    nn.Permute: _permute,
    nn.RepeatVector: _repeat_vector,
    nn.ZeroPadding1D: convolution.padding(lambda layer: (layer.padding,)),
    nn.ZeroPadding2D: convolution.padding(lambda layer: layer.padding),
    nn.Cropping1D: convolution.cropping,
    nn.Cropping2D: convolution.cropping,
    nn.UpSampling1D: convolution.upsampling,
    nn.UpSampling2D: convolution.upsampling,
    nn.Dropout: _same,
    nn.SpatialDropout1D: _same,
    nn.SpatialDropout2D: _same,
    nn.GaussianNoise: _same,
    nn.BatchNormalization: _batch_normalization,
    nn.LayerNormalization: _layer_normalization,
    nn.GroupNormalization: convolution.group_normalization,
    nn.Activation: _activation(lambda layer: ACTIVATIONS[layer.activation]),
    nn.ReLU: _activation(lambda layer: activations.relu(layer.max_value, layer.negative_slope, layer.threshold)),
    nn.LeakyReLU: _activation(lambda layer: activations.relu(negative_slope=layer.negative_slope)),
    nn.PReLU: _parametric_relu,
    nn.ELU: _activation(lambda layer: activations.elu(layer.alpha)),
    nn.SELU: _activation(lambda layer: ACTIVATIONS["selu"]),
    nn.GELU: _activation(lambda layer: activations.gelu(layer.approximate)),
    nn.SiLU: _activation(lambda layer: ACTIVATIONS["silu"]),
    nn.Sigmoid: _activation(lambda layer: ACTIVATIONS["sigmoid"]),
    nn.Tanh: _activation(lambda layer: ACTIVATIONS["tanh"]),
    nn.Softmax: _softmax,
    nn.Add: _folding("Add", "Sum"),
    nn.Subtract: _folding("Sub"),
    nn.Average: _merging("Mean"),
    nn.Maximum: _merging("Max"),
    nn.Minimum: _merging("Min"),
    nn.Multiply: _folding("Mul"),
    nn.Concatenate: _concatenate,
}
"""Every layer but `Input`, with what it becomes; a test holds this against the list of layers."""
