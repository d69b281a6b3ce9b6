"""The table from each layer to the PyTorch source that carries it out: arrays keep Keras's order of axes between layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from fittool.augmentation.standardize import EPSILON, centres, centres_samples, scales
from fittool.exchange.torch_format.activations import activate
from fittool.exchange.torch_format.convolution import (
    average_pooling,
    convolution,
    depthwise,
    largest_pooling,
    separable,
    transposed_convolution,
)
from fittool.exchange.torch_format.module_source import TorchSite, literal
from fittool.exchange.torch_format.recurrent import both_ways, recurrence
from fittool.exchange.trained_network import refusal
from fittool.nn import layers as nn
from fittool.nn.shapes import feature_axis

Writer: TypeAlias = Callable[[TorchSite, Any, list[str]], str]
"""Gives the expression of a layer's output, of its site, its description and the names of what it takes."""


def expression(site: TorchSite, x: list[str]) -> str:
    """The expression of a layer's output.

    Raises:
        ExportError: It cannot be written; names layer and place.
    """
    known = TORCH_LAYERS.get(type(site.node.layer))
    if known is None:
        raise refusal(site.node, "fittool knows no PyTorch source for it.")
    return known(site, site.node.layer, x)


def _dropout(site: TorchSite, layer: Any, x: list[str]) -> str:
    return f"{site.helper('dropout')}({x[0]}, {layer.rate!r}, {literal(layer.decisions(site.node.output_shape))}, self.training)"


def _text(text: str) -> Writer:
    """An expression without weights, in which {x} stands for what the layer takes."""
    return lambda site, layer, x: text.replace("{x}", x[0])


def _end(site: TorchSite, text: str, layer: Any) -> str:
    return activate(site.source, text, layer.activation)


def _number(value: Any) -> str:
    """A number, or one for each channel."""
    return f"torch.tensor({literal(value)}, device={{x}}.device)" if isinstance(value, tuple) else repr(value)


def _rescaling(site: TorchSite, layer: Any, x: list[str]) -> str:
    scaled = f"{x[0]} * {_number(layer.scale)}"
    scaled += f" + {_number(layer.offset)}" if np.any(layer.offset) else ""
    return f"({scaled})".replace("{x}", x[0])


def _dense(site: TorchSite, layer: Any, x: list[str]) -> str:
    kernel = site.weights["kernel"]
    made = f"nn.Linear({kernel.shape[0]}, {kernel.shape[1]}, bias={layer.use_bias})"
    called = site.module(made, {"weight": kernel.T, "bias": site.weights.get("bias")})
    return _end(site, f"{called}({x[0]})", layer)


def _embedding(site: TorchSite, layer: Any, x: list[str]) -> str:
    table = site.weights["embeddings"]
    called = site.module(f"nn.Embedding({table.shape[0]}, {table.shape[1]})", {"weight": table})
    return f"{called}({x[0]}.long())"


def _column_embedding(site: TorchSite, layer: Any, x: list[str]) -> str:
    size = site.node.input_shapes[0][0]
    others = [place for place in range(size) if place not in layer.columns]
    parts = [f"{x[0]}[:, {others}]"] if others else []
    for number, place in enumerate(layer.columns):
        table = site.weights[f"embeddings_{number}"]
        called = site.module(f"nn.Embedding({table.shape[0]}, {table.shape[1]})", {"weight": table}, f"_{number}")
        parts.append(f"{called}({x[0]}[:, {place}].long())")
    return f"torch.cat([{', '.join(parts)}], dim=1)"


def _class_token(site: TorchSite, layer: Any, x: list[str]) -> str:
    token = site.parameter("token", site.weights["token"])
    return f"torch.cat([{token}.expand(len({x[0]}), 1, -1), {x[0]}], dim=1)"


def _position_embedding(site: TorchSite, layer: Any, x: list[str]) -> str:
    return f"({x[0]} + {site.parameter('embeddings', site.weights['embeddings'])})"


def _robust_scaling(site: TorchSite, layer: Any, x: list[str]) -> str:
    numbers = list(layer.numbers(site.node.input_shapes))
    center, scale = (site.parameter(name, site.weights[name], learns=False) for name in ("center", "scale"))
    scaled = f"(({x[0]}[:, {numbers}] - {center}) * {scale})"
    if layer.limit is not None:
        scaled = f"(lambda z: z / torch.sqrt(1 + (z / {layer.limit!r}) ** 2)){scaled}"
    return f"{x[0]}.index_copy(1, torch.tensor({numbers}, device={x[0]}.device), {scaled})"


def _pieces(site: TorchSite, layer: Any, x: list[str]) -> str:
    numbers = list(layer.numbers(site.node.input_shapes))
    edges, kernel = site.parameter("edges", site.weights["edges"], learns=False), site.parameter("kernel", site.weights["kernel"])
    return f"torch.cat([{x[0]}, {site.helper('pieces')}({x[0]}[:, {numbers}], {edges}, {kernel})], dim=1)"


def _batch_normalization(site: TorchSite, layer: Any, x: list[str]) -> str:
    mean, rank = site.weights["moving_mean"], len(site.node.input_shapes[0])
    kind = f"BatchNorm{max(rank - 1, 1)}d"
    gamma, beta = site.weights.get("gamma", np.ones_like(mean)), site.weights.get("beta", np.zeros_like(mean))
    state = {"weight": gamma, "bias": beta, "running_mean": mean, "running_var": site.weights["moving_variance"]}
    made = f"nn.{kind}({len(mean)}, eps={layer.epsilon!r}, momentum={round(1 - layer.momentum, 12)!r})"
    called = site.module(made, state)
    if rank == 1:
        return f"{called}({x[0]})"
    return f"{site.helper('channels_last')}({called}({site.helper('channels_second')}({x[0]})))"


def _layer_normalization(site: TorchSite, layer: Any, x: list[str]) -> str:
    size = site.node.output_shape[-1]
    gamma, beta = site.weights.get("gamma", np.ones(size, np.float32)), site.weights.get("beta", np.zeros(size, np.float32))
    return f"{site.module(f'nn.LayerNorm({size}, eps={layer.epsilon!r})', {'weight': gamma, 'bias': beta})}({x[0]})"


def _group_normalization(site: TorchSite, layer: Any, x: list[str]) -> str:
    size = site.node.output_shape[-1]
    groups = size if layer.groups == -1 else layer.groups
    gamma, beta = site.weights.get("gamma", np.ones(size, np.float32)), site.weights.get("beta", np.zeros(size, np.float32))
    called = site.module(f"nn.GroupNorm({groups}, {size}, eps={layer.epsilon!r})", {"weight": gamma, "bias": beta})
    return f"{site.helper('channels_last')}({called}({site.helper('channels_second')}({x[0]})))"


def _normalization(site: TorchSite, layer: Any, x: list[str]) -> str:
    deviation = np.maximum(np.sqrt(site.weights["variance"]), np.float32(1e-7))
    mean = site.parameter("mean", site.weights["mean"], learns=False)
    return f"(({x[0]} - {mean}) / {site.parameter('deviation', deviation, learns=False)})"


def _standardization(site: TorchSite, layer: Any, x: list[str]) -> str:
    text, axes = x[0], literal(tuple(range(1, len(site.node.output_shape) + 1)))
    text = f"({text} * {layer.rescale!r})" if layer.rescale is not None else text
    if centres_samples(layer):
        text = f"(lambda z: z - z.mean(dim={axes}, keepdim=True))({text})"
    if layer.samplewise_std_normalization:
        text = f"(lambda z: z / ((z * z).mean(dim={axes}, keepdim=True).sqrt() + {EPSILON!r}))({text})"
    if centres(layer):
        text = f"({text} - {site.parameter('mean', site.weights['mean'], learns=False)})"
    if scales(layer):
        text = f"({text} / ({site.parameter('std', site.weights['std'], learns=False)} + {EPSILON!r}))"
    if layer.zca_whitening:
        matrix = site.parameter("whitening", site.weights["zca"], learns=False)
        text = f"({text}.flatten(1) @ {matrix}).unflatten(1, {literal(site.node.output_shape)})"
    return text


def _activation(site: TorchSite, layer: Any, x: list[str]) -> str:
    return activate(site.source, x[0], layer.activation)


def _relu(site: TorchSite, layer: Any, x: list[str]) -> str:
    if layer.max_value is None and not layer.negative_slope and not layer.threshold:
        return f"torch.relu({x[0]})"
    return f"{site.helper('bent_relu')}({x[0]}, {layer.max_value!r}, {layer.negative_slope!r}, {layer.threshold!r})"


def _parametric_relu(site: TorchSite, layer: Any, x: list[str]) -> str:
    return f"(torch.relu({x[0]}) + {site.parameter('alpha', site.weights['alpha'])} * {x[0]}.clamp(max=0))"


def _attention(site: TorchSite, layer: Any, x: list[str]) -> str:
    taken, parts = layer.projections(site.node.input_shapes), []
    for name in ("query", "key", "value"):
        shape = site.node.input_shapes[taken[name]]
        rows = x[taken[name]] + (".flatten(1, -2)" if len(shape) > 2 else "")
        parts.append(f"{_projection(site, layer, name, shape[-1])}({rows})")
    mixed = f"{site.helper('attention')}({', '.join(parts)}, {layer.num_heads}, {layer.use_causal_mask})"
    shape = site.node.output_shape
    made = f"{_projection(site, layer, 'attention_output', layer.num_heads * layer.value_size)}({mixed})"
    return made if len(shape) == 2 else f"{made}.reshape(-1, {', '.join(map(str, shape))})"


def _projection(site: TorchSite, layer: Any, name: str, size: int) -> str:
    kernel = site.weights[f"{name}_kernel"].reshape(size, -1)
    bias = site.weights[f"{name}_bias"].reshape(-1) if layer.use_bias else None
    made = f"nn.Linear({size}, {kernel.shape[1]}, bias={layer.use_bias})"
    return site.module(made, {"weight": kernel.T, "bias": bias}, f"_{name}")


def _time_distributed(site: TorchSite, layer: Any, x: list[str]) -> str:
    shapes = tuple(shape[1:] for shape in site.node.input_shapes)
    inner = replace(site.node, layer=layer.layer, input_shapes=shapes, output_shape=site.node.output_shape[1:])
    step = expression(replace(site, node=inner), ["step"])
    return f"{site.helper('each_step')}(lambda step: {step}, {x[0]})"


def _reshape(site: TorchSite, layer: Any, x: list[str]) -> str:
    return f"{x[0]}.reshape(len({x[0]}), {', '.join(map(str, site.node.output_shape))})"


def _permute(site: TorchSite, layer: Any, x: list[str]) -> str:
    return f"{x[0]}.permute(0, {', '.join(map(str, layer.dims))})"


def _padding(site: TorchSite, layer: Any, x: list[str]) -> str:
    sides = layer.padding if isinstance(layer.padding[0], tuple) else (layer.padding,)
    return f"F.pad({x[0]}, {literal((0, 0, *(end for side in reversed(sides) for end in side)))})"


def _cropping(site: TorchSite, layer: Any, x: list[str]) -> str:
    sides = layer.cropping if isinstance(layer.cropping[0], tuple) else (layer.cropping,)
    cuts = [f"{first}:{first + size}" for (first, _), size in zip(sides, site.node.output_shape, strict=False)]
    return f"{x[0]}[:, {', '.join(cuts)}]"


def _upsampling(site: TorchSite, layer: Any, x: list[str]) -> str:
    how = 'mode="bilinear", align_corners=False' if layer.interpolation == "bilinear" else 'mode="nearest"'
    size = literal(site.node.output_shape[:2])
    return f"{site.helper('channels_last')}(F.interpolate({site.helper('channels_second')}({x[0]}), {size}, {how}))"


def _global(kind: str) -> Writer:
    def write(site: TorchSite, layer: Any, x: list[str]) -> str:
        axes = literal(tuple(range(1, len(site.node.input_shapes[0]))))
        return f"{x[0]}.{kind}(dim={axes}, keepdim={layer.keepdims})"

    return write


def _join(operator: str) -> Writer:
    return lambda site, layer, x: f"({f' {operator} '.join(x)})"


def _extremum(kind: str) -> Writer:
    def write(site: TorchSite, layer: Any, x: list[str]) -> str:
        text = x[0]
        for other in x[1:]:
            text = f"torch.{kind}({text}, {other})"
        return text

    return write


def _concatenate(site: TorchSite, layer: Any, x: list[str]) -> str:
    return f"torch.cat([{', '.join(x)}], dim={feature_axis(layer.axis, site.node.output_shape) + 1})"


def _average(site: TorchSite, layer: Any, x: list[str]) -> str:
    return f"(({' + '.join(x)}) * {1 / len(x)!r})"


def _softmax(site: TorchSite, layer: Any, x: list[str]) -> str:
    return f"torch.softmax({x[0]}, dim={feature_axis(layer.axis, site.node.output_shape) + 1})"


TORCH_LAYERS: dict[type[Any], Writer] = {
    nn.Rescaling: _rescaling,
    nn.Normalization: _normalization,
    nn.Standardization: _standardization,
    nn.Dense: _dense,
    nn.Embedding: _embedding,
    nn.ColumnEmbedding: _column_embedding,
    nn.ClassToken: _class_token,
    nn.PositionEmbedding: _position_embedding,
    nn.RobustScaling: _robust_scaling,
    nn.PiecewiseLinearEmbedding: _pieces,
    **dict.fromkeys((nn.Conv1D, nn.Conv2D, nn.Conv3D), convolution),
    nn.Conv2DTranspose: transposed_convolution,
    nn.DepthwiseConv2D: depthwise,
    nn.SeparableConv2D: separable,
    **dict.fromkeys((nn.SimpleRNN, nn.LSTM, nn.GRU), recurrence),
    nn.Bidirectional: both_ways,
    nn.MultiHeadAttention: _attention,
    nn.TimeDistributed: _time_distributed,
    **dict.fromkeys((nn.MaxPooling1D, nn.MaxPooling2D, nn.MaxPooling3D), largest_pooling),
    **dict.fromkeys((nn.AveragePooling1D, nn.AveragePooling2D, nn.AveragePooling3D), average_pooling),
    **dict.fromkeys((nn.GlobalAveragePooling1D, nn.GlobalAveragePooling2D, nn.GlobalAveragePooling3D), _global("mean")),
    **dict.fromkeys((nn.GlobalMaxPooling1D, nn.GlobalMaxPooling2D, nn.GlobalMaxPooling3D), _global("amax")),
    nn.Flatten: _text("{x}.flatten(1)"),
    nn.Reshape: _reshape,
    nn.Permute: _permute,
    nn.RepeatVector: lambda site, layer, x: f"{x[0]}.unsqueeze(1).expand(-1, {layer.n}, -1)",
    nn.ZeroPadding1D: _padding,
    nn.ZeroPadding2D: _padding,
    nn.Cropping1D: _cropping,
    nn.Cropping2D: _cropping,
    nn.UpSampling1D: lambda site, layer, x: f"{x[0]}.repeat_interleave({layer.size}, dim=1)",
    nn.UpSampling2D: _upsampling,
    **dict.fromkeys((nn.Dropout, nn.SpatialDropout1D, nn.SpatialDropout2D), _dropout),
    nn.GaussianNoise: lambda site, layer, x: f"({x[0]} + {layer.stddev!r} * self.training * torch.randn_like({x[0]}))",
    nn.BatchNormalization: _batch_normalization,
    nn.LayerNormalization: _layer_normalization,
    nn.GroupNormalization: _group_normalization,
    nn.Activation: _activation,
    nn.ReLU: _relu,
    nn.LeakyReLU: lambda site, layer, x: f"F.leaky_relu({x[0]}, {layer.negative_slope!r})",
    nn.PReLU: _parametric_relu,
    nn.ELU: lambda site, layer, x: f"F.elu({x[0]}, {layer.alpha!r})",
    nn.SELU: _text("F.selu({x})"),
    nn.GELU: lambda site, layer, x: f'F.gelu({x[0]}, approximate="{"tanh" if layer.approximate else "none"}")',
    nn.SiLU: _text("F.silu({x})"),
    nn.Sigmoid: _text("torch.sigmoid({x})"),
    nn.Tanh: _text("torch.tanh({x})"),
    nn.Softmax: _softmax,
    nn.Add: _join("+"),
    nn.Subtract: _join("-"),
    nn.Multiply: _join("*"),
    nn.Average: _average,
    nn.Maximum: _extremum("maximum"),
    nn.Minimum: _extremum("minimum"),
    nn.Concatenate: _concatenate,
}
"""Every layer but `Input`, with the source that it becomes; a test holds this against the list of layers."""
