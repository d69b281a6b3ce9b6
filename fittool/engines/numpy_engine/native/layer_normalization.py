"""Layer normalization: mean, deviation and both factors of a row in one walk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, OperationContext, rows
from fittool.engines.numpy_engine.operations.normalization import LayerNormalization
from fittool.engines.numpy_engine.thread_pool import Task


class NativeLayerNormalization(NativeOperation[LayerNormalization]):
    """Each position to mean 0 and variance 1 over its channels, then times gamma plus beta."""

    def _kept(self, context: OperationContext, part: BatchSlice) -> dict[str, Floats]:
        normal, inverse = self.plain.cache(context, part)
        return {"normal": normal, "inverse": inverse.reshape(-1)}

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        plain = self.plain
        arrays: dict[str, Any] = {
            "x": rows(context.x[0], part),
            "gamma": context.weights("gamma") if plain.scale else None,
            "beta": context.weights("beta") if plain.center else None,
            "y": rows(context.y, part),
        }
        yield self._task(context, part, "layer_normalization", **arrays, **self._kept(context, part), epsilon=plain.epsilon)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        plain, dx = self.plain, context.dx[0]
        arrays: dict[str, Any] = {
            "dy": rows(context.dy, part),
            "gamma": context.weights("gamma") if plain.scale else None,
            "dx": None if dx is None else rows(dx, part),
            "dgamma": context.group_gradient(part, "gamma") if plain.scale else None,
            "dbeta": context.group_gradient(part, "beta") if plain.center else None,
        }
        yield self._task(context, part, "layer_normalization_gradient", **arrays, **self._kept(context, part), fresh=part.first)
