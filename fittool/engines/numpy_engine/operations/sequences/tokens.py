"""A learned vector before each sequence, and learned vectors added at its positions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import BatchSlice, Operation, OperationContext, accumulate, sum_into
from fittool.engines.numpy_engine.thread_pool import Task


class ClassToken(Operation):
    """The token at position 0, and behind it the sequence."""

    grouped_gradients = (("token",),)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        y = context.y[part.start : part.stop]
        yield partial(np.copyto, y[:, 0], context.weights("token"))
        yield partial(np.copyto, y[:, 1:], context.x[0][part.start : part.stop])

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        dy, target = context.dy[part.start : part.stop], context.group_gradient(part, "token")
        yield from accumulate(target, partial(sum_into, dy[:, 0], (0,)), part.first, np.empty_like(target))
        if context.dx[0] is not None:
            yield partial(np.copyto, context.dx[0][part.start : part.stop], dy[:, 1:])


class PositionEmbedding(Operation):
    """y = x + embeddings."""

    in_place = True
    grouped_gradients = (("embeddings",),)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        rows = slice(part.start, part.stop)
        yield partial(np.add, context.x[0][rows], context.weights("embeddings"), context.y[rows])

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        dy, target = context.dy[part.start : part.stop], context.group_gradient(part, "embeddings")
        yield from accumulate(target, partial(sum_into, dy, (0,)), part.first, np.empty_like(target))
        if context.dx[0] is not None:
            dx = context.dx[0][part.start : part.stop]
            if not np.shares_memory(dx, dy):
                yield partial(np.copyto, dx, dy)
