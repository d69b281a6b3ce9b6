"""Attention of several heads, each sample by itself: the products of all its heads are small and stay in the cache."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from fittool.engines.numpy_engine.activations import ACTIVATIONS
from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, Operation, OperationContext
from fittool.engines.numpy_engine.operations.elementwise import Dropout
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels import arithmetic

_SOFTMAX = ACTIVATIONS["softmax"]


class Attention(Operation):
    """From query (N, T, heads · K), key (N, S, heads · K) and value (N, S, heads · V) to (N, T, heads · V).

    In each head y = dropout(softmax(query · keyᵀ / √K)) · value.

    Args:
        heads: Their number.
        positions: T and S.
        sizes: K and V.
        causal: Whether a position of the query sees only the keys up to its own.
        dropout: Draws which weights of the mixture are dropped; None if none are.
    """

    def __init__(
        self, heads: int, positions: tuple[int, int], sizes: tuple[int, int], causal: bool, dropout: Dropout | None
    ) -> None:
        self.heads, self.scale, self.causal, self.dropout = heads, 1 / math.sqrt(sizes[0]), causal, dropout
        self.weights_shape = (heads, *positions)
        self.flops_per_sample = 2 * math.prod(self.weights_shape) * sum(sizes)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        query, key, value = (self._by_head(x, part) for x in context.x)
        weights = self.weights(context, part)
        yield partial(arithmetic.matmul, query, key.swapaxes(-1, -2), weights)
        yield partial(np.multiply, weights, weights.dtype.type(self.scale), weights)
        if self.causal:
            yield partial(np.add, weights, self._hidden(weights.dtype), weights)
        yield partial(_SOFTMAX.forward, weights, weights)
        kept = weights
        if self.drops(context) and self.dropout is not None:
            yield from self.dropout.draw_mask(context, part)
            kept = context.scratch.array(part.thread, "product", weights.shape)
            yield partial(np.multiply, weights, self.dropout.mask(context)[part.start : part.stop], kept)
        yield partial(arithmetic.matmul, kept, value, self._by_head(context.y, part))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        weights, dy = self.weights(context, part), self._by_head(context.dy, part)
        query, key, value = (self._by_head(x, part) for x in context.x)
        query_slope, key_slope, value_slope = (None if dx is None else self._by_head(dx, part) for dx in context.dx)
        slopes = context.scratch.array(part.thread, "product", weights.shape)
        mask = self.dropout.mask(context)[part.start : part.stop] if self.dropout is not None and self.drops(context) else None
        if value_slope is not None:
            kept = weights
            if mask is not None:
                kept = slopes
                yield partial(np.multiply, weights, mask, kept)
            yield partial(arithmetic.matmul, kept.swapaxes(-1, -2), dy, value_slope)
        if query_slope is None and key_slope is None:
            return
        yield partial(arithmetic.matmul, dy, value.swapaxes(-1, -2), slopes)
        if mask is not None:
            yield partial(np.multiply, slopes, mask, slopes)
        yield partial(_SOFTMAX.backward, weights, weights, slopes, slopes)
        yield partial(np.multiply, slopes, slopes.dtype.type(self.scale), slopes)
        if query_slope is not None:
            yield partial(arithmetic.matmul, slopes, key, query_slope)
        if key_slope is not None:
            yield partial(arithmetic.matmul, slopes.swapaxes(-1, -2), query, key_slope)

    def drops(self, context: OperationContext) -> bool:
        """Tell whether some of the mixture is dropped in this program."""
        return context.training and self.dropout is not None and self.dropout.rate > 0

    def weights(self, context: OperationContext, part: BatchSlice) -> Floats:
        """(n, heads, T, S): how much of each value goes into each output."""
        return context.extra("weights", self.weights_shape, None)[part.start : part.stop]

    def _by_head(self, array: Floats, part: BatchSlice) -> Floats:
        """A view (n, heads, T, size) on (N, T, heads · size)."""
        whole = array[part.start : part.stop]
        return whole.reshape(*whole.shape[:2], self.heads, -1).swapaxes(1, 2)

    def _hidden(self, dtype: Any) -> Floats:
        """(T, S): minus infinity where a key comes after the query, 0 elsewhere."""
        hidden: Floats = np.triu(np.full(self.weights_shape[1:], -np.inf, dtype), 1)
        return hidden
