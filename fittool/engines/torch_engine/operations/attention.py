"""Attention of several heads."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine.step import StepContext
from fittool.nn.random_stream import RandomStream


def attention(layer: Any, weights: Mapping[str, Tensor], stream: RandomStream) -> Callable[[list[Tensor], StepContext], Tensor]:
    """A function of query (N, T, …, C), key and value (N, S, …, C) to mixtures of the values, projected, (N, T, units).

    In each head y = dropout(softmax(query · keyᵀ / √K)) · value. Images and volumes are taken as the sequence of their positions.

    Args:
        layer: A `MultiHeadAttention`.
        weights: Its weights by their own names.
        stream: Its random numbers.
    """

    def project(name: str, x: Tensor) -> Tensor:
        """(N, T, …, C) as (N, heads, T, size)."""
        bias = weights.get(f"{name}_bias")
        values = F.linear(x.flatten(1, -2), weights[f"{name}_kernel"].flatten(1).T, None if bias is None else bias.flatten())
        return values.unflatten(-1, (layer.num_heads, -1)).transpose(1, 2)

    def call(inputs: list[Tensor], context: StepContext) -> Tensor:
        query, key, value = (project(name, x) for name, x in zip(("query", "key", "value"), inputs, strict=True))
        if context.training and layer.dropout:
            mixed = _with_dropout(layer, query, key, value, context, stream)
        else:
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=layer.use_causal_mask)
        kernel, bias = weights["attention_output_kernel"].flatten(0, 1).flatten(1), weights.get("attention_output_bias")
        return F.linear(mixed.transpose(1, 2).flatten(2), kernel.T, None if bias is None else bias.flatten())

    return call


def _with_dropout(layer: Any, query: Tensor, key: Tensor, value: Tensor, context: StepContext, stream: RandomStream) -> Tensor:
    """The mixtures (N, heads, T, V) where some of their weights are dropped: PyTorch's own function would choose them itself."""
    scores = query @ key.transpose(-1, -2) * (1 / math.sqrt(layer.key_dim))
    if layer.use_causal_mask:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    shares = torch.softmax(scores, dim=-1)
    kept = context.kept(stream, layer.dropout, len(shares), math.prod(shares.shape[1:])).view_as(shares)
    return (shares * kept.to(shares.dtype) * (1 / (1 - layer.dropout))).to(value.dtype) @ value
