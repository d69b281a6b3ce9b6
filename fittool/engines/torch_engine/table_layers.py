"""The layers on the features of a table, (N, F): the robust scale of numbers, and learned vectors of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fittool.engines.torch_engine.step import StepContext
from fittool.nn.graph import Node

Weights = Callable[[str], Tensor]
Call = Callable[[list[Tensor], StepContext], Tensor]


def robust_scaling(node: Node, layer: Any, weights: Weights) -> Call:
    """K columns centred, scaled and smoothly limited by (K,) statistics."""
    center, scale, limit = weights("center"), weights("scale"), layer.limit
    columns = torch.tensor(layer.numbers(node.input_shapes), device=center.device)

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        scaled = (x[0][:, columns] - center) * scale
        scaled = scaled if limit is None else scaled / torch.sqrt(1 + (scaled / limit).square())
        return x[0].index_copy(1, columns, scaled.to(x[0].dtype))

    return call


def piecewise_linear_embedding(node: Node, layer: Any, weights: Weights) -> Call:
    """The features, and behind them for each of K columns the fillings (N, T) of its bins times its kernel (T, D)."""
    edges, kernel = weights("edges"), weights("kernel")
    columns = torch.tensor(layer.numbers(node.input_shapes), device=edges.device)

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        widths = edges[:, 1:] - edges[:, :-1]
        slopes = torch.where(widths > 0, 1 / widths, 0)  # nothing fills a bin of no width
        fillings = ((x[0][:, columns].unsqueeze(2) - edges[:, :-1]) * slopes).clamp(0, 1)
        vectors = torch.bmm(fillings.transpose(0, 1), kernel).transpose(0, 1)
        return torch.cat([x[0], vectors.reshape(len(x[0]), -1)], dim=1)

    return call
