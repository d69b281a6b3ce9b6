"""Operations that move elements and compute nothing, or next to nothing."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from fittool.engines.numpy_engine.operations.base import BatchSlice, Operation, OperationContext
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels import arithmetic


class View(Operation):
    """The same elements in another shape; costs nothing."""

    is_view = True


class ZeroPadding(Operation):
    """A border of zeros around images."""

    def __init__(self, top: int, left: int) -> None:
        self.top, self.left = top, left

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        # In each step anew: an operation behind may have worked in place, and overwritten the border.
        yield partial(y.fill, 0)
        yield partial(np.copyto, _inside(y, x.shape, self.top, self.left), x)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            dx = context.dx[0][part.start : part.stop]
            yield partial(np.copyto, dx, _inside(context.dy[part.start : part.stop], dx.shape, self.top, self.left))


class Cropping(Operation):
    """Images without a border."""

    def __init__(self, top: int, left: int) -> None:
        self.top, self.left = top, left

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        y = context.y[part.start : part.stop]
        yield partial(np.copyto, y, _inside(context.x[0][part.start : part.stop], y.shape, self.top, self.left))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            dy, dx = context.dy[part.start : part.stop], context.dx[0][part.start : part.stop]
            yield partial(dx.fill, 0)
            yield partial(np.copyto, _inside(dx, dy.shape, self.top, self.left), dy)


def _inside(images: np.ndarray[Any, Any], shape: tuple[int, ...], top: int, left: int) -> np.ndarray[Any, Any]:
    """View on the part of larger images where smaller ones of `shape`, (N, H, W, C), lie."""
    return images[:, top : top + shape[1], left : left + shape[2]]


class Transposition(Operation):
    """The axes of the sample, counted from 0, in another order."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        self.axes = (0, *(axis + 1 for axis in axes))

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        yield partial(np.copyto, context.y[part.start : part.stop], context.x[0][part.start : part.stop].transpose(self.axes))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            back = np.argsort(self.axes)
            yield partial(np.copyto, context.dx[0][part.start : part.stop], context.dy[part.start : part.stop].transpose(back))


class RepeatPixels(Operation):
    """Each pixel repeated (height, width) times."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def _blocks(self, array: np.ndarray[Any, Any], part: BatchSlice, height: int, width: int) -> np.ndarray[Any, Any]:
        """(N, H, repeats, W, repeats, C) view on the enlarged images."""
        return array[part.start : part.stop].reshape(part.size, height, self.size[0], width, self.size[1], -1)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x = context.x[0][part.start : part.stop]
        yield partial(np.copyto, self._blocks(context.y, part, *x.shape[1:3]), x[:, :, None, :, None, :])

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            dx = context.dx[0][part.start : part.stop]
            yield partial(arithmetic.sum, self._blocks(context.dy, part, *dx.shape[1:3]), (2, 4), None, dx)


class Resampling(Operation):
    """Images times a matrix along the height and one along the width, such as bilinear enlargement.

    Args:
        rows: (OH, H) weights of the input's rows in each output row.
        columns: (OW, W) likewise for columns.
    """

    def __init__(self, rows: np.ndarray[Any, Any], columns: np.ndarray[Any, Any]) -> None:
        self.rows, self.columns = rows, columns

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        yield partial(self._apply, context, part, context.x[0], context.y, self.rows, self.columns)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            yield partial(self._apply, context, part, context.dy, context.dx[0], self.rows.T, self.columns.T)

    def _apply(self, context: OperationContext, part: BatchSlice, source: Any, target: Any, rows: Any, columns: Any) -> None:
        images, out = source[part.start : part.stop], target[part.start : part.stop]
        count, height, width, channels = images.shape
        tall = context.scratch.array(part.thread, "product", (count, len(rows), width * channels))
        arithmetic.matmul(rows.astype(out.dtype), images.reshape(count, height, width * channels), tall)
        arithmetic.matmul(columns.astype(out.dtype), tall.reshape(count, len(rows), width, channels), out)
