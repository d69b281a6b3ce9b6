"""Attention of heads: products, softmax and mask of a slice in one call, on the projections where they lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.attention import Attention
from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, OperationContext
from fittool.engines.numpy_engine.thread_pool import Task


class NativeAttention(NativeOperation[Attention]):
    """softmax(scale · query · keyᵀ), with dropout, times value."""

    def _by_head(self, array: Floats | None, part: BatchSlice) -> Floats | None:
        """A slice of (N, T, heads · size) as (n, T, heads, size)."""
        if array is None:
            return None
        cut = array[part.start : part.stop]
        return cut.reshape(*cut.shape[:2], self.plain.heads, cut.shape[2] // self.plain.heads)

    def _read(self, context: OperationContext, part: BatchSlice) -> dict[str, Any]:
        """What both halves read."""
        plain = self.plain
        arrays = dict(zip(("query", "key", "value"), (self._by_head(x, part) for x in context.x), strict=True))
        drops = plain.dropout is not None and plain.drops(context)
        mask = plain.dropout.mask(context)[part.start : part.stop] if drops and plain.dropout is not None else None
        return {**arrays, "mask": mask, "weights": plain.weights(context, part), "scale": plain.scale}

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        plain = self.plain
        if plain.dropout is not None and plain.drops(context):
            yield from plain.dropout.draw_mask(context, part)
        arrays = self._read(context, part)
        yield self._task(context, part, "attention", **arrays, y=self._by_head(context.y, part), causal=plain.causal)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        slopes = zip(("dquery", "dkey", "dvalue"), (self._by_head(dx, part) for dx in context.dx), strict=True)
        arrays = {**self._read(context, part), **dict(slopes), "dy": self._by_head(context.dy, part)}
        yield self._task(context, part, "attention_gradient", **arrays)
