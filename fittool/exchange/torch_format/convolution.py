"""Convolutions and poolings as PyTorch source: Keras's `same` may pad one side more than the other, so F.pad comes first then."""

from __future__ import annotations

from typing import Any

import numpy as np

from fittool.exchange.torch_format.activations import activate
from fittool.exchange.torch_format.module_source import Array, TorchSite, literal
from fittool.nn.shapes import Shape, spread, transposed_padding, window_padding


def _as_tuple(value: Any) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


def _ends(shape: Shape, kernel: Any, strides: Any, padding: Any, dilation: Any) -> list[tuple[int, int]]:
    sides = zip(shape, _as_tuple(kernel), _as_tuple(strides), _as_tuple(dilation), strict=False)
    return [window_padding(size, reach, step, padding, gap) for size, reach, step, gap in sides]


def _pad(text: str, ends: list[tuple[int, int]], value: str = "") -> tuple[str, tuple[int, ...]]:
    """An array (N, C, …) behind the padding that a call cannot do itself, and what it does."""
    if all(before == after for before, after in ends) and not value:
        return text, tuple(before for before, _ in ends)
    pads = literal(tuple(side for end in reversed(ends) for side in end))
    return f"F.pad({text}, {pads}{value})", (0,) * len(ends)


def _outer_first(kernel: Array) -> Array:
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def _by_channel(kernel: Array) -> Array:
    return np.moveaxis(kernel, (-2, -1), (0, 1)).reshape(-1, 1, *kernel.shape[:-2])


def _end(site: TorchSite, layer: Any, text: str) -> str:
    return activate(site.source, f"{site.helper('channels_last')}({text})", layer.activation)


def _window(site: TorchSite, layer: Any, x: str, weight: Array, bias: Array | None, groups: int = 1, suffix: str = "") -> str:
    """A convolution of (N, …, C) with a kernel (out, in, …), still with the channels second."""
    dilation = layer.dilation_rate
    ends = _ends(site.node.input_shapes[0], layer.kernel_size, layer.strides, layer.padding, dilation)
    padded, even = _pad(f"{site.helper('channels_second')}({x})", ends)
    options = [str(weight.shape[1] * groups), str(len(weight)), literal(_as_tuple(layer.kernel_size))]
    options += [f"stride={literal(_as_tuple(layer.strides))}"] if max(_as_tuple(layer.strides)) > 1 else []
    options += [f"padding={literal(even)}"] if any(even) else []
    options += [f"dilation={literal(_as_tuple(dilation))}"] if max(_as_tuple(dilation)) > 1 else []
    options += [f"groups={groups}"] if groups > 1 else []
    options += [] if bias is not None else ["bias=False"]
    made = f"nn.Conv{weight.ndim - 2}d({', '.join(options)})"
    return f"{site.module(made, {'weight': weight, 'bias': bias}, suffix)}({padded})"


def convolution(site: TorchSite, layer: Any, x: list[str]) -> str:
    """Conv1D, Conv2D and Conv3D."""
    kernel = _outer_first(site.weights["kernel"])
    return _end(site, layer, _window(site, layer, x[0], kernel, site.weights.get("bias"), layer.groups))


def depthwise(site: TorchSite, layer: Any, x: list[str]) -> str:
    """A window over each channel by itself."""
    kernel, channels = _by_channel(site.weights["depthwise_kernel"]), site.node.input_shapes[0][-1]
    return _end(site, layer, _window(site, layer, x[0], kernel, site.weights.get("bias"), channels))


def separable(site: TorchSite, layer: Any, x: list[str]) -> str:
    """A window over each channel by itself, then a convolution of single pixels."""
    kernel, channels = _by_channel(site.weights["depthwise_kernel"]), site.node.input_shapes[0][-1]
    between = _window(site, layer, x[0], kernel, None, channels, "_depthwise")
    point, bias = _outer_first(site.weights["pointwise_kernel"]), site.weights.get("bias")
    made = f"nn.Conv2d({point.shape[1]}, {point.shape[0]}, 1{'' if bias is not None else ', bias=False'})"
    return _end(site, layer, f"{site.module(made, {'weight': point, 'bias': bias}, '_pointwise')}({between})")


def transposed_convolution(site: TorchSite, layer: Any, x: list[str]) -> str:
    """The places that all windows together cover, cut as Keras cuts it, or with places appended that no window reaches."""
    shape, counts = site.node.input_shapes[0], site.node.output_shape
    sides = list(zip(shape[:2], layer.kernel_size, layer.strides, layer.dilation_rate, counts, strict=False))
    before = [transposed_padding(size, reach, step, layer.padding, gap, count)[0] for size, reach, step, gap, count in sides]
    covered = [(size - 1) * step + spread(reach, gap) for size, reach, step, gap, _ in sides]
    missing = [max(first + count - whole, 0) for first, count, whole in zip(before, counts, covered, strict=False)]
    weight = _outer_first(site.weights["kernel"])
    options = [str(len(weight)), str(weight.shape[1]), literal(layer.kernel_size), f"stride={literal(layer.strides)}"]
    options += [f"dilation={literal(layer.dilation_rate)}"] if max(layer.dilation_rate) > 1 else []
    called = site.module(f"nn.ConvTranspose2d({', '.join(options)}, bias=False)", {"weight": weight})
    text = f"{called}({site.helper('channels_second')}({x[0]}))"
    text = f"F.pad({text}, {literal((0, missing[1], 0, missing[0]))})" if any(missing) else text
    text = f"{site.helper('channels_last')}({text})"
    (top, left), (height, width) = before, counts[:2]
    text = f"{text}[:, {top}:{top + height}, {left}:{left + width}]"
    text = f"({text} + {site.parameter('bias', site.weights['bias'])})" if layer.use_bias else text
    return activate(site.source, text, layer.activation)


def largest_pooling(site: TorchSite, layer: Any, x: list[str]) -> str:
    """The largest value of each window."""
    size, strides = _as_tuple(layer.pool_size), _as_tuple(layer.strides or layer.pool_size)
    ends = _ends(site.node.input_shapes[0], size, strides, layer.padding, (1,) * len(size))
    value = "" if all(before == after for before, after in ends) else ", value=-torch.inf"
    padded, even = _pad(f"{site.helper('channels_second')}({x[0]})", ends, value)
    text = f"F.max_pool{len(size)}d({padded}, {literal(size)}, {literal(strides)}, {literal(even)})"
    return f"{site.helper('channels_last')}({text})"


def average_pooling(site: TorchSite, layer: Any, x: list[str]) -> str:
    """The mean of each window over the places inside."""
    size, strides = _as_tuple(layer.pool_size), _as_tuple(layer.strides or layer.pool_size)
    ends = _ends(site.node.input_shapes[0], size, strides, layer.padding, (1,) * len(size))
    second, rank = f"{site.helper('channels_second')}({x[0]})", len(size)
    if all(before == after for before, after in ends):
        even = literal(tuple(before for before, _ in ends))
        text = f"F.avg_pool{rank}d({second}, {literal(size)}, {literal(strides)}, {even}, count_include_pad=False)"
        return f"{site.helper('channels_last')}({text})"
    if rank == 1:  # F.avg_pool1d has no divisor: a sequence is an image of one row
        second, size, strides, ends = f"{second}.unsqueeze(2)", (1, *size), (1, *strides), [(0, 0), *ends]
    pads = literal(tuple(side for end in reversed(ends) for side in end))
    pool = f"F.avg_pool{len(size)}d"
    text = f"{site.helper('average_pool')}({second}, {pool}, {literal(size)}, {literal(strides)}, {pads})"
    return f"{site.helper('channels_last')}({text}{'.squeeze(2)' if rank == 1 else ''})"
