"""Operations on the numbers among the features of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, Operation, OperationContext, accumulate
from fittool.engines.numpy_engine.thread_pool import Task


class RobustScaling(Operation):
    """Y holds x with some columns centred, scaled and smoothly limited.

    Args:
        columns: Positions of the K columns.
        limit: What their values stay below; None: no limit.
    """

    def __init__(self, columns: Sequence[int], limit: float | None) -> None:
        self.columns, self.limit = np.array(columns), limit

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        yield partial(np.copyto, y, x)
        yield partial(self._scale, x, y, context.weights("center"), context.weights("scale"))

    def _scale(self, x: Floats, y: Floats, center: Floats, scale: Floats) -> None:
        scaled = (x[:, self.columns] - center) * scale
        y[:, self.columns] = scaled if self.limit is None else scaled / np.sqrt(1 + np.square(scaled / self.limit))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is None:
            return
        x, dy, dx = (array[part.start : part.stop] for array in (context.x[0], context.dy, context.dx[0]))
        yield partial(np.copyto, dx, dy)
        yield partial(self._scale_back, x, dy, dx, context.weights("center"), context.weights("scale"))

    def _scale_back(self, x: Floats, dy: Floats, dx: Floats, center: Floats, scale: Floats) -> None:
        """The derivative of `z / √(1 + (z / limit)²)` is that root to the power -3."""
        slope = scale
        if self.limit is not None:
            slope = scale * (1 + np.square((x[:, self.columns] - center) * scale / self.limit)) ** -1.5
        dx[:, self.columns] = dy[:, self.columns] * slope


class PiecewiseLinearEmbedding(Operation):
    """Y holds x, and behind it for each of some columns the fillings of its bins times its kernel.

    Args:
        features: Columns of x, F.
        columns: Positions of the K columns.
        bins, length: Bins T and length D of the vectors.
    """

    grouped_gradients = (("kernel",),)

    def __init__(self, features: int, columns: Sequence[int], bins: int, length: int) -> None:
        self.features, self.columns, self.bins, self.length = features, np.array(columns), bins, length
        self.flops_per_sample = 2 * len(columns) * bins * length

    def _fillings(self, context: OperationContext, part: BatchSlice) -> Floats:
        """(n, K, T)."""
        return context.extra("fillings", (len(self.columns), self.bins), None)[part.start : part.stop]

    def _vectors(self, array: Floats) -> Floats:
        """A view (K, n, D) on the vectors in rows (n, F + K · D)."""
        return array[:, self.features :].reshape(len(array), len(self.columns), self.length).transpose(1, 0, 2)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        fillings, kernel = self._fillings(context, part), context.weights("kernel")
        yield partial(np.copyto, y[:, : self.features], x)
        yield partial(self._fill, x, context.weights("edges"), fillings)
        yield partial(np.matmul, fillings.transpose(1, 0, 2), kernel, self._vectors(y))

    def _fill(self, x: Floats, edges: Floats, fillings: Floats) -> None:
        np.subtract(x[:, self.columns, np.newaxis], edges[:, :-1], fillings)
        np.multiply(fillings, _slopes(edges), fillings)
        np.clip(fillings, 0, 1, out=fillings)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        fillings, vectors = self._fillings(context, part), self._vectors(context.dy[part.start : part.stop])
        share, kernel = context.group_gradient(part, "kernel"), context.weights("kernel")
        scratch = context.scratch.array(part.thread, "kernel", kernel.shape)
        yield from accumulate(
            share, lambda target: partial(np.matmul, fillings.transpose(1, 2, 0), vectors, target), part.first, scratch
        )
        if context.dx[0] is not None:
            dx, dy = context.dx[0][part.start : part.stop], context.dy[part.start : part.stop]
            yield partial(np.copyto, dx, dy[:, : self.features])
            yield partial(self._back_to_numbers, fillings, vectors, kernel, context.weights("edges"), dx)

    def _back_to_numbers(self, fillings: Floats, vectors: Floats, kernel: Floats, edges: Floats, dx: Floats) -> None:
        """Only the bin that a value lies in has a slope."""
        slopes = np.where((fillings > 0) & (fillings < 1), _slopes(edges), 0)
        dx[:, self.columns] += np.einsum("knd,ktd,nkt->nk", vectors, kernel, slopes, optimize=True)


def _slopes(edges: Floats) -> Floats:
    """(K, T): 1 by the width of each bin; 0 for those of no width, which nothing fills."""
    widths = np.diff(edges, axis=1)
    return np.divide(1, widths, out=np.zeros_like(widths), where=widths > 0)
