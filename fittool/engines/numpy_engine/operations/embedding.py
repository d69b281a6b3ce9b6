"""Learned vectors: rows of a table, picked by whole numbers, and those that follow numbers in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.operations.base import (
    BatchPhase,
    BatchSlice,
    Floats,
    Operation,
    OperationContext,
    Phase,
    SlicePhase,
    accumulate,
)
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.errors import DataError
from fittool.kernels import arithmetic


class Embedding(Operation):
    """Y holds, for each whole number of x, the row of the table with that number."""

    reads_integers = True

    def __init__(self, rows: int, length: int) -> None:
        self.rows, self.length = rows, length

    def indices(self, context: OperationContext) -> NDArray[np.int64]:
        """The whole numbers, (N, …); filled by the forward half."""
        return context.extra("indices", context.x[0].shape[1:], np.int64)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        indices = self.indices(context)[part.start : part.stop]
        yield partial(self._check, context, part.start, context.x[0][part.start : part.stop], indices)
        yield partial(np.take, context.weights("embeddings"), indices, 0, context.y[part.start : part.stop], "clip")

    def _check(self, context: OperationContext, start: int, values: NDArray[Any], indices: NDArray[np.int64]) -> None:
        """Take over the whole numbers of one slice.

        Raises:
            DataError: One of them is no row of the table.
        """
        np.copyto(indices, values, casting="unsafe")
        wrong = (values < 0) | (values >= self.rows) | (indices != values)
        if wrong.any():
            place = tuple(np.argwhere(wrong)[0])
            sample = context.step_inputs.first_sample + start + int(place[0]) + 1
            raise DataError(
                f"Layer {context.name} takes whole numbers from 0 to {self.rows - 1} (input_dim {self.rows}), but sample "
                f"{sample} of a batch holds {values[place]:.15g}; correct the data, or enlarge input_dim."
            )

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """All samples at once: what the same number got anywhere in the batch is added, in the batch's order."""
        yield BatchPhase([[partial(self._add_rows, context)]])
        if context.dx[0] is not None:
            yield SlicePhase(partial(self.no_gradient, context))

    def _add_rows(self, context: OperationContext) -> None:
        assert context.dy is not None
        indices = self.indices(context).reshape(-1)
        arithmetic.add_rows(indices, context.dy.reshape(-1, self.length), context.gradient("embeddings"))

    def no_gradient(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        """Whole numbers have no slope."""
        assert context.dx[0] is not None
        yield partial(context.dx[0][part.start : part.stop].fill, 0)


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
        if context.even:  # each row by itself, so that it is the same to the bit in any company
            vectors = y[:, self.features :].reshape(len(y), len(self.columns), 1, self.length)
            yield partial(arithmetic.matmul, fillings[:, :, np.newaxis], kernel, vectors)
        else:
            yield partial(arithmetic.matmul, fillings.transpose(1, 0, 2), kernel, self._vectors(y))

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
            share, lambda target: partial(arithmetic.matmul, fillings.transpose(1, 2, 0), vectors, target), part.first, scratch
        )
        if context.dx[0] is not None:
            dx, dy = context.dx[0][part.start : part.stop], context.dy[part.start : part.stop]
            yield partial(np.copyto, dx, dy[:, : self.features])
            yield partial(self._back_to_numbers, fillings, vectors, kernel, context.weights("edges"), dx)

    def _back_to_numbers(self, fillings: Floats, vectors: Floats, kernel: Floats, edges: Floats, dx: Floats) -> None:
        """Only the bin that a value lies in has a slope."""
        slopes = np.where((fillings > 0) & (fillings < 1), _slopes(edges), 0)
        along = arithmetic.matmul(vectors, kernel.swapaxes(1, 2)).swapaxes(0, 1)
        dx[:, self.columns] += arithmetic.sum(along * slopes, -1)


def _slopes(edges: Floats) -> Floats:
    """(K, T): 1 by the width of each bin; 0 for those of no width, which nothing fills."""
    widths = np.diff(edges, axis=1)
    return np.divide(1, widths, out=np.zeros_like(widths), where=widths > 0)
