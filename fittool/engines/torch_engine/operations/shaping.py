"""Layers that move elements about without changing them, and upsampling."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine.operations.base import LayerSteps, Weights
from fittool.engines.torch_engine.step import StepContext
from fittool.nn.graph import Node
from fittool.nn.shapes import feature_axis


def reshape(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """The same elements in another shape."""
    shape = node.output_shape
    return LayerSteps(lambda x, _: x[0].reshape(len(x[0]), *shape))


def permute(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """The axes in another order."""
    return LayerSteps(lambda x, _: x[0].permute(0, *layer.dims))


def repeat_vector(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Each vector, repeated along a new axis."""
    return LayerSteps(lambda x, _: x[0].unsqueeze(1).expand(-1, layer.n, -1))


def zero_padding(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Zeros around images."""
    (top, bottom), (left, right) = layer.padding
    return LayerSteps(lambda x, _: F.pad(x[0], (0, 0, left, right, top, bottom)))


def zero_padding_along(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Zeros at the ends of sequences."""
    return LayerSteps(lambda x, _: F.pad(x[0], (0, 0, *layer.padding)))


def cropping(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Images without their borders."""
    (top, _), (left, _) = layer.cropping
    height, width, _ = node.output_shape
    return LayerSteps(lambda x, _: x[0][:, top : top + height, left : left + width])


def cropping_along(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Sequences without their ends."""
    first, steps = layer.cropping[0], node.output_shape[0]
    return LayerSteps(lambda x, _: x[0][:, first : first + steps])


def upsampling_along(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Each step of a sequence, repeated."""
    return LayerSteps(lambda x, _: x[0].repeat_interleave(layer.size, dim=1))


def upsampling(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Images enlarged by whole factors."""
    size = node.output_shape[:2]
    options: dict[str, Any] = {"mode": "nearest"}
    if layer.interpolation == "bilinear":
        options = {"mode": "bilinear", "align_corners": False}

    def call(x: list[Tensor], _: StepContext) -> Tensor:
        return F.interpolate(x[0].permute(0, 3, 1, 2), size, **options).permute(0, 2, 3, 1)

    return LayerSteps(call)


def concatenate(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Inputs one behind the other."""
    axis = feature_axis(layer.axis, node.output_shape) + 1
    return LayerSteps(lambda x, _: torch.cat(x, dim=axis))
