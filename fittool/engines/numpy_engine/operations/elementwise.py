"""Operations on each element: activations, dropout, rescaling."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from fittool.engines.numpy_engine.activations import ActivationFunction
from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, Operation, OperationContext, accumulate
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels import arithmetic
from fittool.nn.random_stream import RandomStream
from fittool.rng import keep_bits, normals


class Activation(Operation):
    """A function of each element, or along one axis (softmax)."""

    needs_output = True

    def __init__(self, function: ActivationFunction) -> None:
        self.function = function
        self.in_place = function.from_output  # any other derivative needs x, which would be overwritten

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        yield partial(self.function.forward, context.x[0][part.start : part.stop], context.y[part.start : part.stop])

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            arrays = (array[part.start : part.stop] for array in (context.x[0], context.y, context.dy, context.dx[0]))
            yield partial(self.function.backward, *arrays)


class Scaling(Operation):
    """y = x · scale + offset, with numbers or with one of each for every channel."""

    in_place = True

    def __init__(self, scale: Any, offset: Any) -> None:
        self.scale, self.offset = np.asarray(scale), np.asarray(offset)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        yield partial(np.multiply, x, self.scale.astype(y.dtype), y)
        if np.any(self.offset):
            yield partial(np.add, y, self.offset.astype(y.dtype), y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            dy, dx = context.dy[part.start : part.stop], context.dx[0][part.start : part.stop]
            yield partial(np.multiply, dy, self.scale.astype(dy.dtype), dx)


class Dropout(Operation):
    """Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate), only in training.

    Which elements is a function of (seed, stream, step, sample in the batch, element): the same on any engine, with any
    number of threads, and after a resume. `shape` may hold ones, along which a decision is shared (SpatialDropout2D).
    """

    in_place = True

    def __init__(self, rate: float, shape: tuple[int, ...], stream: RandomStream) -> None:
        self.rate, self.shape, self.stream = rate, shape, stream
        self.count = math.prod(shape)

    def mask(self, context: OperationContext) -> Floats:
        """(N, *shape): 0 where an element is dropped, 1 / (1 - rate) elsewhere; filled by the calls of `draw_mask`."""
        return context.extra("mask", self.shape, None)

    def draw_mask(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        """The calls that fill a slice of the mask."""
        mask = self.mask(context)[part.start : part.stop]
        pairs = (self.count + 1) // 2  # one 32-bit hash decides two elements
        # Counted through the whole batch, so that neither slices nor threads decide which bits a sample gets.
        numbers = np.arange(part.start * pairs, part.stop * pairs, dtype=np.uint64).astype(np.uint32)
        words = [context.scratch.array(part.thread, use, numbers.shape, np.uint32) for use in ("hash", "shifted")]
        kept = context.scratch.array(part.thread, "kept", mask.shape, bool)
        yield partial(self._draw, context, numbers, words, kept, mask)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        if not context.training or self.rate == 0:
            if not np.shares_memory(x, y):
                yield partial(np.copyto, y, x)
            return
        yield from self.draw_mask(context, part)
        yield partial(np.multiply, x, self.mask(context)[part.start : part.stop], y)

    def _draw(self, context: OperationContext, numbers: Any, words: list[Any], kept: Any, mask: Floats) -> None:
        if self.rate == 1:
            mask.fill(0)
            return
        keep_bits(context.step_inputs.key(self.stream), numbers, words[0], words[1])
        halves = words[0].view(np.uint16).reshape(len(mask), -1)[:, : self.count].reshape(mask.shape)
        np.greater_equal(halves, np.uint16(round(self.rate * 65536)), kept)
        np.multiply(kept, mask.dtype.type(1 / (1 - self.rate)), mask)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is None:
            return
        dy, dx = context.dy[part.start : part.stop], context.dx[0][part.start : part.stop]
        if context.training and self.rate > 0:
            yield partial(np.multiply, dy, self.mask(context)[part.start : part.stop], dx)
        elif not np.shares_memory(dx, dy):
            yield partial(np.copyto, dx, dy)


class Noise(Operation):
    """Adds normal numbers with mean 0, only in training: a function of (seed, stream, step, sample in the batch, element)."""

    in_place = True

    def __init__(self, deviation: float, stream: RandomStream) -> None:
        self.deviation, self.stream = deviation, stream

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        if context.training and self.deviation > 0:
            yield partial(self._add, context, part, x, y)
        elif not np.shares_memory(x, y):
            yield partial(np.copyto, y, x)

    def _add(self, context: OperationContext, part: BatchSlice, x: Floats, y: Floats) -> None:
        step_inputs, samples = context.step_inputs, np.arange(part.start, part.stop)
        counters, draws = self.stream.counters(step_inputs.iteration), math.prod(x.shape[1:])
        numbers = normals(step_inputs.seed, self.stream.purpose, *counters, positions=samples, draws=draws)
        np.add(x, (self.deviation * numbers).astype(y.dtype).reshape(x.shape), y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            dy, dx = context.dy[part.start : part.stop], context.dx[0][part.start : part.stop]
            if not np.shares_memory(dx, dy):
                yield partial(np.copyto, dx, dy)


class ParametricReLU(Operation):
    """max(x, 0) + alpha · min(x, 0) with a learnt alpha, shared along axes where its shape is 1."""

    grouped_gradients = (("alpha",),)

    def __init__(self, alpha_shape: tuple[int, ...]) -> None:
        self.alpha_shape = alpha_shape

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        positive = context.scratch.array(part.thread, "product", x.shape)
        yield partial(np.minimum, x, 0, out=y)
        yield partial(np.multiply, y, context.weights("alpha"), y)
        yield partial(np.maximum, x, 0, out=positive)
        yield partial(np.add, y, positive, y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        x, dy = context.x[0][part.start : part.stop], context.dy[part.start : part.stop]
        target = context.group_gradient(part, "alpha")
        share = context.scratch.array(part.thread, "product", x.shape)
        axes = (0, *(axis + 1 for axis, size in enumerate(self.alpha_shape) if size == 1))
        yield partial(np.minimum, x, 0, out=share)
        yield partial(np.multiply, share, dy, share)
        yield from accumulate(target, partial(_alpha_gradient, share, axes), part.first, np.empty_like(target))
        if context.dx[0] is not None:
            dx = context.dx[0][part.start : part.stop]
            negative = context.scratch.array(part.thread, "won", x.shape, bool)
            yield partial(np.multiply, dy, context.weights("alpha"), share)
            yield partial(np.less, x, 0, negative)
            yield partial(np.copyto, dx, dy)
            yield partial(np.copyto, dx, share, where=negative)


def _alpha_gradient(array: Floats, axes: tuple[int, ...], out: Floats) -> Task:
    """The call that sums (n, …) along some axes, the first among them, into `out`, which keeps the others as axes of size 1."""
    return lambda: np.copyto(out, arithmetic.sum(array, axes, keepdims=True)[0])
