"""Rows of a table, picked by whole numbers."""

from __future__ import annotations

from collections.abc import Iterable
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
)
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.errors import DataError


class Embedding(Operation):
    """Y holds, for each whole number of x, the row of the table with that number."""

    reads_integers = True

    def __init__(self, rows: int, length: int) -> None:
        self.rows, self.length = rows, length

    def _indices(self, context: OperationContext) -> NDArray[np.int64]:
        return context.extra("indices", context.x[0].shape[1:], np.int64)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        indices = self._indices(context)[part.start : part.stop]
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
            yield SlicePhase(partial(self._no_gradient, context.dx[0]))

    def _add_rows(self, context: OperationContext) -> None:
        assert context.dy is not None
        gradient, indices = context.gradient("embeddings"), self._indices(context).reshape(-1)
        # Not `np.add.at`, which takes twice as long; the sort is stable, so that equal numbers are summed in the batch's order.
        order = np.argsort(indices, kind="stable")
        found, starts = np.unique(indices[order], return_index=True)
        gradient.fill(0)
        gradient[found] = np.add.reduceat(context.dy.reshape(-1, self.length)[order], starts, axis=0)

    def _no_gradient(self, dx: Floats, part: BatchSlice) -> Iterable[Task]:
        """Whole numbers have no slope."""
        yield partial(dx[part.start : part.stop].fill, 0)
