"""Rows of tables, picked by whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine.operations.base import LayerSteps, Weights
from fittool.engines.torch_engine.step import StepContext
from fittool.errors import DataError
from fittool.nn.graph import Node


def embedding(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """Rows of a table, picked by whole numbers."""
    table = weights("embeddings")

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        return rows_of(table, x[0] if x[0].device.type != "cpu" else check_numbers(x[0], node.name, layer.input_dim))

    return LayerSteps(call)


def rows_of(table: Tensor, values: Tensor) -> Tensor:
    """The rows (N, …, D) of a table (rows, D) by whole numbers (N, …); NaN where one is no row.

    A device is not waited for, so nothing can be raised there: a number that is no row ends the run by a loss that is not finite.
    """
    whole = values.to(torch.int64)
    wrong = (whole < 0) | (whole >= len(table)) | (whole != values)
    found = F.embedding(whole.clamp(0, len(table) - 1), table)
    return found.masked_fill(wrong.unsqueeze(-1), torch.nan)


def check_numbers(values: Tensor, name: str, rows: int) -> Tensor:
    """Whole numbers of a table's rows on the host, (N, …) of any type, as int64.

    Raises:
        DataError: One of them is no row of the table.
    """
    whole = values.to(torch.int64)
    held, found = values.detach().numpy(), whole.numpy()
    wrong = (held < 0) | (held >= rows) | (found != held)
    if wrong.any():
        place = tuple(int(part[0]) for part in wrong.nonzero())
        raise DataError(
            f"Layer {name} takes whole numbers from 0 to {rows - 1} (input_dim {rows}), but sample "
            f"{place[0] + 1} of a batch holds {held[place]:.15g}; correct the data, or enlarge input_dim."
        )
    return whole


def class_token(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """A learned vector before each sequence."""
    token = weights("token")
    return LayerSteps(lambda x, _: torch.cat([token.to(x[0].dtype).expand(len(x[0]), 1, -1), x[0]], dim=1))


def position_embedding(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """A learned vector added at each position."""
    embeddings = weights("embeddings")
    return LayerSteps(lambda x, _: x[0] + embeddings)


def column_embedding(node: Node, layer: Any, weights: Weights) -> LayerSteps:
    """The columns that are no codes, and behind them the row of its table for each code."""
    tables = [weights(f"embeddings_{number}") for number in range(len(layer.columns))]
    others = [place for place in range(node.input_shapes[0][0]) if place not in layer.columns]
    kept = torch.tensor(others, device=tables[0].device)

    def call(x: list[Tensor], context: StepContext) -> Tensor:
        values = x[0]
        if values.device.type == "cpu":
            check_codes(values.detach().numpy(), node.name, layer)
        parts = [rows_of(table, values[:, column]) for column, table in zip(layer.columns, tables, strict=True)]
        return torch.cat([values.index_select(1, kept), *parts], dim=1)

    return LayerSteps(call)


def check_codes(values: NDArray[Any], name: str, layer: Any) -> None:
    """Look at the columns of codes of a batch, (N, F).

    Raises:
        DataError: One of them is no row of its table.
    """
    held = values[:, list(layer.columns)]
    wrong = (held < 0) | (held >= layer.levels) | (np.trunc(held) != held)
    if wrong.any():
        row, number = np.argwhere(wrong)[0].tolist()
        raise DataError(
            f"Layer {name} takes whole numbers from 0 to {layer.levels[number] - 1} in column {layer.columns[number]}, but "
            f"sample {row + 1} of a batch holds {held[row, number]:.15g}; correct the data, or enlarge levels."
        )
