"""Pooling: a few strided passes over whole slices, one for each place in the window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, Operation, OperationContext, ones
from fittool.engines.numpy_engine.operations.convolution import Window, pad
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels import arithmetic
from fittool.nn.shapes import Shape


class MaxPooling(Operation):
    """The largest value of each window; its gradient goes to the first place that holds it, as in Keras and PyTorch."""

    needs_output = True

    def __init__(self, window: Window) -> None:
        self.window = window
        self.flops_per_sample = window.positions * window.elements
        self.overlaps = any(stride < size for stride, size in zip(window.strides, window.kernel, strict=True))

    def _offsets(self) -> list[Shape]:
        return list(np.ndindex(*self.window.kernel))

    def _images(self, context: OperationContext, part: BatchSlice) -> tuple[Floats, list[Task]]:
        """The slice's images, with a border of -inf where the window leaves them."""
        images = context.x[0][part.start : part.stop]
        if not self.window.is_padded:
            return images, []
        border = context.scratch.array(part.thread, "padded", (part.size, *self.window.padded_shape))
        return border, [partial(border.fill, -np.inf), partial(np.copyto, self.window.interior(border), images)]

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        images, copies = self._images(context, part)
        y = context.y[part.start : part.stop]
        views = [self.window.shift(images, place) for place in self._offsets()]
        yield from copies
        if len(views) == 1:
            yield partial(np.copyto, y, views[0])
            return
        yield partial(np.maximum, views[0], views[1], out=y)
        for view in views[2:]:
            yield partial(np.maximum, y, view, out=y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is None:
            return
        images, copies = self._images(context, part)
        y, dy, dx = (array[part.start : part.stop] for array in (context.y, context.dy, context.dx[0]))
        yield from copies
        wide = context.scratch.array(part.thread, "scatter", images.shape) if self.window.is_padded else dx
        rest = context.scratch.array(part.thread, "product", dy.shape)
        share = context.scratch.array(part.thread, "share", dy.shape)
        won = context.scratch.array(part.thread, "won", dy.shape, bool)
        yield partial(wide.fill, 0)
        yield partial(np.copyto, rest, dy)
        for place in self._offsets():
            yield partial(np.equal, self.window.shift(images, place), y, won)
            target = self.window.shift(wide, place)
            # Windows that do not overlap meet each pixel once, so the share goes straight to its place.
            taken = share if self.overlaps else target
            yield partial(np.multiply, rest, won, taken)
            yield partial(np.subtract, rest, taken, rest)  # what one place took, no later one gets
            if self.overlaps:
                yield partial(np.add, target, share, target)
        if wide is not dx:
            yield partial(np.copyto, dx, self.window.interior(wide))


class AveragePooling(Operation):
    """The mean of each window; places outside the image do not count."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.flops_per_sample = window.positions * window.elements

    def _shares(self, dtype: Any) -> Floats:
        """(1, OH, OW, 1): one divided by how many places of each window lie inside the image."""
        inside = np.zeros((1, *self.window.padded_shape[:-1], 1), dtype)
        self.window.interior(inside)[...] = 1
        counts = sum(self.window.shift(inside, place) for place in np.ndindex(*self.window.kernel))
        return np.asarray(1 / np.asarray(counts), dtype)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        images, copies = pad(context, part, self.window, context.x[0][part.start : part.stop])
        y = context.y[part.start : part.stop]
        yield from copies
        yield partial(y.fill, 0)
        for place in np.ndindex(*self.window.kernel):
            yield partial(np.add, y, self.window.shift(images, place), y)
        yield partial(np.multiply, y, self._shares(y.dtype), y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is None:
            return
        dy, dx = context.dy[part.start : part.stop], context.dx[0][part.start : part.stop]
        wide = context.scratch.array(part.thread, "scatter", (part.size, *self.window.padded_shape))
        share = context.scratch.array(part.thread, "share", dy.shape)
        yield partial(wide.fill, 0)
        yield partial(np.multiply, dy, self._shares(dy.dtype), share)
        for place in np.ndindex(*self.window.kernel):
            target = self.window.shift(wide, place)
            yield partial(np.add, target, share, target)
        yield partial(np.copyto, dx, self.window.interior(wide))


class GlobalAveragePooling(Operation):
    """The mean over all positions of each image: (N, H, W, C) to (N, C)."""

    def __init__(self, positions: int) -> None:
        self.positions = positions

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        images = context.x[0][part.start : part.stop].reshape(part.size, self.positions, -1)
        y = context.y[part.start : part.stop].reshape(part.size, 1, -1)
        weights = ones(self.positions, y.dtype) / y.dtype.type(self.positions)
        yield partial(arithmetic.matmul, weights, images, y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is None:
            return
        dx = context.dx[0][part.start : part.stop].reshape(part.size, self.positions, -1)
        dy = context.dy[part.start : part.stop].reshape(part.size, 1, -1)
        yield partial(np.multiply, dy, dy.dtype.type(1 / self.positions), dx)


class GlobalMaxPooling(Operation):
    """The largest value over all positions of each image; the gradient is shared where several are the largest."""

    needs_output = True

    def __init__(self, positions: int) -> None:
        self.positions = positions

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        images = context.x[0][part.start : part.stop].reshape(part.size, self.positions, -1)
        yield partial(np.maximum.reduce, images, 1, None, context.y[part.start : part.stop].reshape(part.size, -1))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterator[Task]:
        assert context.dy is not None
        if context.dx[0] is None:
            return
        images = context.x[0][part.start : part.stop].reshape(part.size, self.positions, -1)
        dx = context.dx[0][part.start : part.stop].reshape(images.shape)
        y = context.y[part.start : part.stop].reshape(part.size, 1, -1)
        dy = context.dy[part.start : part.stop].reshape(part.size, 1, -1)
        count = np.empty_like(dy)
        yield partial(np.equal, images, y, dx, casting="unsafe")
        yield partial(arithmetic.sum, dx, 1, None, count, True)
        yield partial(np.divide, dy, count, count)
        yield partial(np.multiply, dx, count, dx)
