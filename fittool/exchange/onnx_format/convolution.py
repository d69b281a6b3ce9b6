"""Convolutions and poolings of sequences, images and volumes, with the channels behind the batch axis and pads written out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.exchange.onnx_format.site import Lowering, Site
from fittool.exchange.onnx_format.writer import Value
from fittool.nn.shapes import Shape, spread, transposed_padding, window_padding


def _as_tuple(value: Any) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


def _window(shape: Shape, kernel: Any, strides: Any, padding: Any, dilation: Any = None) -> dict[str, Any]:
    """The attributes of a window over inputs (…, C): Keras's `same` is written as pads, first all beginnings, then all ends."""
    kernel, strides = _as_tuple(kernel), _as_tuple(strides)
    dilation = (1,) * len(kernel) if dilation is None else _as_tuple(dilation)
    sides = zip(shape, kernel, strides, dilation, strict=False)
    ends = [window_padding(size, reach, step, padding, gap) for size, reach, step, gap in sides]
    attributes: dict[str, Any] = {"kernel_shape": list(kernel), "strides": list(strides)}
    if any(map(any, ends)):
        attributes["pads"] = [before for before, _ in ends] + [after for _, after in ends]
    return attributes | ({"dilations": list(dilation)} if max(dilation) > 1 else {})


def _of_layer(site: Site, layer: Any) -> dict[str, Any]:
    return _window(site.node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)


def _outer_first(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """(…, in, out) as (out, in, …)."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def _by_channel(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """(…, in, m), a kernel for each channel, as (in · m, 1, …)."""
    turned = np.moveaxis(kernel, (-2, -1), (0, 1))
    return turned.reshape(-1, 1, *kernel.shape[:-2])


def _bias(site: Site, layer: Any) -> list[str]:
    return [site.constant(site.weight("bias"), "bias")] if layer.use_bias else []


def convolution(site: Site, layer: Any, x: list[Value]) -> Value:
    """Conv1D, Conv2D and Conv3D."""
    kernel = site.constant(_outer_first(site.weight("kernel")), "kernel")
    attributes = _of_layer(site, layer) | ({"group": layer.groups} if layer.groups > 1 else {})
    name = site.graph.add("Conv", site.graph.channels_first(x[0]).name, kernel, *_bias(site, layer), **attributes)
    return site.end_with(site.value(name, channels_first=True), layer.activation)


def depthwise(site: Site, layer: Any, x: list[Value]) -> Value:
    """A window over each channel by itself."""
    name = _depthwise(site, layer, x[0], _bias(site, layer))
    return site.end_with(site.value(name, channels_first=True), layer.activation)


def _depthwise(site: Site, layer: Any, x: Value, bias: list[str]) -> str:
    kernel = site.constant(_by_channel(site.weight("depthwise_kernel")), "depthwise_kernel")
    return site.graph.add("Conv", site.graph.channels_first(x).name, kernel, *bias, group=x.shape[-1], **_of_layer(site, layer))


def separable(site: Site, layer: Any, x: list[Value]) -> Value:
    """A window over each channel by itself, then a convolution of single pixels."""
    between = _depthwise(site, layer, x[0], [])
    kernel = site.constant(_outer_first(site.weight("pointwise_kernel")), "pointwise_kernel")
    name = site.graph.add("Conv", between, kernel, *_bias(site, layer), kernel_shape=[1, 1])
    return site.end_with(site.value(name, channels_first=True), layer.activation)


def transposed_convolution(site: Site, layer: Any, x: list[Value]) -> Value:
    """The places that all windows together cover, cut as Keras cuts it, or with places appended that no window reaches."""
    shape, counts = site.node.input_shapes[0], site.node.output_shape
    sides = list(zip(shape[:2], layer.kernel_size, layer.strides, layer.dilation_rate, counts, strict=False))
    cut = [transposed_padding(size, reach, step, layer.padding, gap, count) for size, reach, step, gap, count in sides]
    covered = [(size - 1) * step + spread(reach, gap) for size, reach, step, gap, _ in sides]
    missing = [max(before + count - whole, 0) for (before, _), count, whole in zip(cut, counts, covered, strict=False)]
    attributes: dict[str, Any] = {"kernel_shape": list(layer.kernel_size), "strides": list(layer.strides)}
    attributes |= {"pads": [before for before, _ in cut] + [after for _, after in cut]} if any(map(any, cut)) else {}
    attributes |= {"dilations": list(layer.dilation_rate)} if max(layer.dilation_rate) > 1 else {}
    within = [min(more, step - 1) for more, step in zip(missing, layer.strides, strict=True)]  # all that ONNX appends by itself
    attributes |= {"output_padding": within} if any(within) else {}
    kernel = site.constant(_outer_first(site.weight("kernel")), "kernel")
    bias, beyond = _bias(site, layer), [more - some for more, some in zip(missing, within, strict=True)]
    first = site.graph.channels_first(x[0]).name
    name = site.graph.add("ConvTranspose", first, kernel, *([] if any(beyond) else bias), **attributes)
    if any(beyond):
        name = site.graph.add("Pad", name, site.graph.ints(0, 0, 0, 0, 0, 0, *beyond))
        name = site.graph.add("Add", name, site.constant(site.weight("bias")[:, None, None], "bias")) if bias else name
    return site.end_with(site.value(name, channels_first=True), layer.activation)


def pooling(kind: str) -> Lowering:
    """A pooling over windows; what lies outside does not count, which is what ONNX does by default."""

    def lower(site: Site, layer: Any, x: list[Value]) -> Value:
        strides = layer.pool_size if layer.strides is None else layer.strides
        window = _window(site.node.input_shapes[0], layer.pool_size, strides, layer.padding)
        return site.value(site.graph.add(kind, site.graph.channels_first(x[0]).name, **window), channels_first=True)

    return lower


def global_pooling(kind: str) -> Lowering:
    """A pooling over all positions."""

    def lower(site: Site, layer: Any, x: list[Value]) -> Value:
        name = site.graph.add(kind, site.graph.channels_first(x[0]).name)
        return site.value(name if layer.keepdims else site.graph.reshape(name, x[0].shape[-1]), channels_first=layer.keepdims)

    return lower


def padding(sides_of: Callable[[Any], tuple[tuple[int, int], ...]]) -> Lowering:
    """Zeros around the positions."""

    def lower(site: Site, layer: Any, x: list[Value]) -> Value:
        ends = [(0, 0)] * (len(x[0].shape) + 1)
        for place, side in enumerate(sides_of(layer)):
            ends[x[0].axis(place)] = side
        pads = site.graph.ints(*(before for before, _ in ends), *(after for _, after in ends))
        return site.value(site.graph.add("Pad", x[0].name, pads), x[0].channels_first)

    return lower


def cropping(site: Site, layer: Any, x: list[Value]) -> Value:
    """Sequences without their ends, images without their borders."""
    starts = [layer.cropping[0]] if isinstance(layer.cropping[0], int) else [before for before, _ in layer.cropping]
    ends = [start + size for start, size in zip(starts, site.node.output_shape, strict=False)]
    axes = [x[0].axis(place) for place in range(len(starts))]
    graph = site.graph
    name = graph.add("Slice", x[0].name, graph.ints(*starts), graph.ints(*ends), graph.ints(*axes))
    return site.value(name, x[0].channels_first)


def upsampling(site: Site, layer: Any, x: list[Value]) -> Value:
    """Positions repeated, or mixed of their neighbours."""
    first = site.graph.channels_first(x[0])
    scales = site.constant([1.0, 1.0, *map(float, _as_tuple(layer.size))], "scales")
    how: dict[str, Any] = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    if getattr(layer, "interpolation", "nearest") == "bilinear":
        how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return site.value(site.graph.add("Resize", first.name, "", scales, **how), channels_first=True)


def group_normalization(site: Site, layer: Any, x: list[Value]) -> Value:
    """Groups of channels to mean 0 and variance 1 over all positions, then times gamma plus beta."""
    graph, shape = site.graph, x[0].shape
    groups = shape[-1] if layer.groups == -1 else layer.groups
    first = graph.channels_first(x[0])
    ones, zeros = site.constant(np.ones(groups)), site.constant(np.zeros(groups))
    flat = graph.reshape(first.name, groups, math.prod(shape) // groups)
    name = graph.add("InstanceNormalization", flat, ones, zeros, epsilon=layer.epsilon)
    name = graph.reshape(name, shape[-1], *shape[:-1])
    wide = (-1, *[1] * (len(shape) - 1))
    name = graph.add("Mul", name, site.constant(site.weight("gamma").reshape(wide), "gamma")) if layer.scale else name
    name = graph.add("Add", name, site.constant(site.weight("beta").reshape(wide), "beta")) if layer.center else name
    return site.value(name, channels_first=len(shape) > 1)
