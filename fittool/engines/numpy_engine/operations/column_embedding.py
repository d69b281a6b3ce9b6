"""Columns of codes, replaced by rows of tables; the other columns beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

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
from fittool.kernels import arithmetic


class ColumnEmbedding(Operation):
    """Y holds the columns of x that are no codes, and behind them the row of its table for each code.

    Args:
        features: Columns of x.
        columns, levels, widths: Of the codes.
    """

    def __init__(self, features: int, columns: Sequence[int], levels: Sequence[int], widths: Sequence[int]) -> None:
        self.columns, self.levels, self.widths = list(columns), list(levels), list(widths)
        self.others = np.setdiff1d(np.arange(features), self.columns)
        ends = len(self.others) + np.cumsum(self.widths)
        self.places = [slice(int(end) - width, int(end)) for end, width in zip(ends, self.widths, strict=True)]

    def _codes(self, context: OperationContext) -> Floats:
        return context.extra("codes", (len(self.columns),), np.int64)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        codes = self._codes(context)[part.start : part.stop]
        yield partial(self._check, context.name, part.start, x, codes)
        yield partial(self._copy_others, x, y)
        for number, place in enumerate(self.places):
            yield partial(self._look_up, context.weights(f"embeddings_{number}"), codes[:, number], y[:, place])

    def _copy_others(self, x: Floats, y: Floats) -> None:
        y[:, : len(self.others)] = x[:, self.others]

    def _look_up(self, table: Floats, codes: Floats, y: Floats) -> None:
        y[...] = table[codes]

    def _check(self, name: str, start: int, x: Floats, codes: Floats) -> None:
        """Take over the codes of one slice.

        Raises:
            DataError: One of them is no row of its table.
        """
        values = x[:, self.columns]
        np.copyto(codes, values, casting="unsafe")
        wrong = (values < 0) | (values >= self.levels) | (codes != values)
        if wrong.any():
            row, number = np.argwhere(wrong)[0].tolist()
            raise DataError(
                f"Layer {name} takes whole numbers from 0 to {self.levels[number] - 1} in column {self.columns[number]}, but "
                f"sample {start + row + 1} of a batch holds {values[row, number]:.15g}; correct the data, or enlarge levels."
            )

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """All samples at once: what the same code got anywhere in the batch is added, in the batch's order."""
        assert context.dy is not None
        yield BatchPhase([[partial(self._add_rows, context, number)] for number in range(len(self.columns))])
        if context.dx[0] is not None:
            yield SlicePhase(partial(self._back_to_others, context.dx[0], context.dy))

    def _add_rows(self, context: OperationContext, number: int) -> None:
        assert context.dy is not None
        gradient, codes = context.gradient(f"embeddings_{number}"), self._codes(context)[:, number]
        arithmetic.add_rows(codes, context.dy[:, self.places[number]], gradient)

    def _back_to_others(self, dx: Floats, dy: Floats, part: BatchSlice) -> Iterable[Task]:
        """Codes have no slope."""
        yield partial(dx[part.start : part.stop].fill, 0)
        yield partial(self._copy_back, dx[part.start : part.stop], dy[part.start : part.stop])

    def _copy_back(self, dx: Floats, dy: Floats) -> None:
        dx[:, self.others] = dy[:, : len(self.others)]
