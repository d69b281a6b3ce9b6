"""Layers that act while training only: dropout and noise."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from fittool.engines.torch_engine.operations.base import LayerSteps, Weights
from fittool.engines.torch_engine.step import StepContext
from fittool.nn.graph import Node


def dropout(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Zeros with probability `rate`, the others times 1 / (1 - rate), in training; along axes of size 1 decided together."""
    shape = layer.decisions(node.output_shape)
    stream, count, factor = node.random_stream("dropout", layer.seed), math.prod(shape), 1 / (1 - layer.rate)

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        if not context.training or layer.rate == 0:
            return x[0]
        kept = context.kept(stream, layer.rate, len(x[0]), count)
        return x[0] * kept.view(-1, *shape).to(x[0].dtype).mul_(factor)

    return LayerSteps(call)


def noise(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Normal numbers added, in training."""
    stream, count = node.random_stream("noise", layer.seed), math.prod(node.output_shape)

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        if not context.training or layer.stddev == 0:
            return x[0]
        numbers = context.normals(stream, len(x[0]), count)
        return x[0] + (layer.stddev * numbers).to(x[0].dtype).view_as(x[0])

    return LayerSteps(call)
