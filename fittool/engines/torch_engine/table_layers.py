"""The layers on the features of a table, (N, F): learned vectors of codes and numbers, and the robust scale of numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fittool.engines.torch_engine.step import StepContext
from fittool.nn.graph import Node

Weights = Callable[[str], Tensor]
Call = Callable[[list[Tensor], StepContext], Tensor]
Check = Callable[[Tensor, str, int], Tensor]
"""`check(values, name, rows)` gives numbers of a layer's rows as whole numbers, or refuses them."""


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


def column_embedding(node: Node, layer: Any, weights: Weights, check: Check) -> Call:
    """The features that are no codes, and behind them the row of its table for each code."""
    tables = [weights(f"embeddings_{number}") for number in range(len(layer.columns))]
    others = [column for column in range(node.input_shapes[0][0]) if column not in layer.columns]
    kept = torch.tensor(others, dtype=torch.int64, device=tables[0].device)

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        codes = [check(x[0][:, column], node.name, levels) for column, levels in zip(layer.columns, layer.levels, strict=True)]
        return torch.cat([x[0][:, kept], *(table[code] for table, code in zip(tables, codes, strict=True))], dim=1)

    return call
