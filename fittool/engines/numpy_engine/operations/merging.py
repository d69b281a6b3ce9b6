"""Several inputs into one output."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import BatchSlice, Operation, OperationContext
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels import arithmetic


class _Fold(Operation):
    """A function of two arrays, applied to all inputs from first to last, which may have axes of size 1 to be repeated."""

    function: np.ufunc

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        first, second, *others = (x[part.start : part.stop] for x in context.x)
        y = context.y[part.start : part.stop]
        yield partial(self.function, first, second, out=y)
        for x in others:
            yield partial(self.function, y, x, out=y)


class Add(_Fold):
    """The sum of all inputs."""

    function: np.ufunc = np.add
    in_place = True
    overwrites = 2  # the first call reads both; the others find the sum where it was put

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        for dx in context.dx:
            if dx is not None and not np.shares_memory(dx, context.dy):
                yield _sum_repeated(context.dy[part.start : part.stop], dx[part.start : part.stop])


class Subtract(Add):
    """The first input minus the second."""

    function = np.subtract

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        yield from super()._backward_slice(context, part)
        if (dx := context.dx[1]) is not None:
            yield partial(np.negative, dx[part.start : part.stop], dx[part.start : part.stop])


class Extremum(_Fold):
    """The largest (`np.maximum`) or smallest (`np.minimum`) of all inputs; those that tie share the gradient."""

    needs_output = True

    def __init__(self, function: np.ufunc) -> None:
        self.function = function

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        y, dy = context.y[part.start : part.stop], context.dy[part.start : part.stop]
        share, won = (context.scratch.array(part.thread, use, dy.shape) for use in ("share", "product"))
        # How many inputs tie, place by place, and then what each of them gets.
        yield partial(share.fill, 0)
        for x in context.x:
            yield partial(np.equal, x[part.start : part.stop], y, won, casting="unsafe")
            yield partial(np.add, share, won, share)
        yield partial(np.divide, dy, share, share)
        for x, dx in zip(context.x, context.dx, strict=True):
            if dx is not None:
                yield partial(np.equal, x[part.start : part.stop], y, won, casting="unsafe")
                yield partial(np.multiply, won, share, won)
                yield _sum_repeated(won, dx[part.start : part.stop])


class Multiply(_Fold):
    """The product of all inputs."""

    function: np.ufunc = np.multiply

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        dy = context.dy[part.start : part.stop]
        product = context.scratch.array(part.thread, "product", dy.shape)
        for index, dx in enumerate(context.dx):
            if dx is None:
                continue
            yield partial(np.copyto, product, dy)
            for other, x in enumerate(context.x):
                if other != index:
                    yield partial(np.multiply, product, x[part.start : part.stop], product)
            yield _sum_repeated(product, dx[part.start : part.stop])


class Concatenate(Operation):
    """All inputs next to each other along one axis (of the sample, counted from 0)."""

    def __init__(self, axis: int, sizes: list[int]) -> None:
        ends = np.cumsum(sizes)
        before = (slice(None),) * (axis + 1)
        self.places = [(*before, slice(int(end) - size, int(end))) for end, size in zip(ends, sizes, strict=True)]

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        y = context.y[part.start : part.stop]
        for x, place in zip(context.x, self.places, strict=True):
            yield partial(np.copyto, y[place], x[part.start : part.stop])

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        dy = context.dy[part.start : part.stop]
        for dx, place in zip(context.dx, self.places, strict=True):
            if dx is not None:
                yield partial(np.copyto, dx[part.start : part.stop], dy[place])


def _sum_repeated(dy: np.ndarray, dx: np.ndarray) -> Task:
    """A call that puts dy into dx, summed along the axes where dx is one and was repeated."""
    if dy.shape == dx.shape:
        return partial(np.copyto, dx, dy)
    axes = tuple(axis for axis in range(1, dy.ndim) if dx.shape[axis] == 1)
    return partial(arithmetic.sum, dy, axes, None, dx, True)
