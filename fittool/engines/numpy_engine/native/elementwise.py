"""Operations on each element."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import BatchPhase, BatchSlice, Floats, OperationContext, Phase
from fittool.engines.numpy_engine.operations.elementwise import Activation, Dropout, Scaling
from fittool.engines.numpy_engine.operations.merging import Add
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels.library import Library


def _cut(part: BatchSlice, *arrays: Floats) -> list[Floats]:
    """A slice of arrays (N, …), each as one run (n,)."""
    return [array[part.start : part.stop].reshape(-1) for array in arrays]


class NativeRectifier(NativeOperation[Activation]):
    """ReLU."""

    def __init__(self, plain: Activation, library: Library) -> None:
        super().__init__(plain, library)
        self.in_place = plain.in_place

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = _cut(part, context.x[0], context.y)
        yield self._task(context, part, "rectify", x=x, y=y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            y, dy, dx = _cut(part, context.y, context.dy, context.dx[0])
            yield self._task(context, part, "rectify_gradient", y=y, dy=dy, dx=dx)


class NativeScaling(NativeOperation[Scaling]):
    """y = x · scale + offset with two numbers."""

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = _cut(part, context.x[0], context.y)
        yield self._task(context, part, "scale", x=x, y=y, factor=self.plain.scale, offset=self.plain.offset)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            dy, dx = _cut(part, context.dy, context.dx[0])
            yield self._task(context, part, "scale", x=dy, y=dx, factor=self.plain.scale, offset=0)


class NativeAdd(NativeOperation[Add]):
    """The sum of all inputs."""

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        if any(x.shape != context.y.shape for x in context.x):
            yield from self.plain._forward_slice(context, part)
            return
        first, second, *others = (array[part.start : part.stop].reshape(-1) for array in context.x)
        y = context.y[part.start : part.stop].reshape(-1)
        yield self._task(context, part, "add", a=first, b=second, y=y)
        for other in others:
            yield self._task(context, part, "add", a=y, b=other, y=y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        return self.plain._backward_slice(context, part)


class NativeDropout(NativeOperation[Dropout]):
    """Zeroes elements with the same mask as the plain operation, to the bit."""

    def _draws(self, context: OperationContext) -> bool:
        return context.training and 0 < self.plain.rate < 1

    def _key(self, context: OperationContext) -> Floats:
        """(2,) words of the key of the step's random numbers; filled once a step."""
        key: Floats = context.extra("key", (2,), np.uint32)[0]
        return key

    def prepare(self, context: OperationContext) -> Iterable[Phase]:
        """Find out the key of the step."""
        if self._draws(context):
            yield BatchPhase([[partial(self._fill_key, context, self._key(context))]])

    def _fill_key(self, context: OperationContext, words: Floats) -> None:
        key = context.step_inputs.key(self.plain.stream)
        words[0], words[1] = key & 0xFFFFFFFF, key >> 32

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        if not self._draws(context):
            yield from self.plain._forward_slice(context, part)
            return
        plain, mask = self.plain, self.plain.mask(context)
        arrays = {"x": context.x[0], "y": context.y, "mask": mask}
        cut = {name: array[part.start : part.stop].reshape(part.size, -1) for name, array in arrays.items()}
        limit, kept = round(plain.rate * 65536), 1 / (1 - plain.rate)
        yield self._task(context, part, "dropout", **cut, key=self._key(context), first=part.start, limit=limit, kept=kept)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        if not self._draws(context) or context.dx[0] is None or context.dy is None:
            yield from self.plain._backward_slice(context, part)
            return
        a, b, y = _cut(part, context.dy, self.plain.mask(context), context.dx[0])
        yield self._task(context, part, "multiply", a=a, b=b, y=y)
