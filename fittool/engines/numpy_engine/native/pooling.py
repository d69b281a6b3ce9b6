"""Pooling of images."""

from __future__ import annotations

from collections.abc import Iterable

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import BatchSlice, OperationContext
from fittool.engines.numpy_engine.operations.convolution import Window
from fittool.engines.numpy_engine.operations.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from fittool.engines.numpy_engine.thread_pool import Task


def _arguments(window: Window) -> dict[str, int]:
    (down, across), (top, left), (stride_down, stride_across) = window.kernel, window.before, window.strides
    sizes = {"down": down, "across": across, "top": top, "left": left}
    return {**sizes, "stride_down": stride_down, "stride_across": stride_across}


class NativeMaxPooling(NativeOperation[MaxPooling]):
    """The largest of each window; its gradient goes to the first place that holds it."""

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = (array[part.start : part.stop] for array in (context.x[0], context.y))
        yield self._task(context, part, "max_pooling", x=x, y=y, **_arguments(self.plain.window))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            arrays = {"x": context.x[0], "y": context.y, "dy": context.dy, "dx": context.dx[0]}
            cut = {name: array[part.start : part.stop] for name, array in arrays.items()}
            yield self._task(context, part, "max_pooling_gradient", **cut, **_arguments(self.plain.window))


class NativeAveragePooling(NativeOperation[AveragePooling]):
    """The mean of each window."""

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = (array[part.start : part.stop] for array in (context.x[0], context.y))
        yield self._task(context, part, "average_pooling", x=x, y=y, **_arguments(self.plain.window))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            dy, dx = (array[part.start : part.stop] for array in (context.dy, context.dx[0]))
            yield self._task(context, part, "average_pooling_gradient", dy=dy, dx=dx, **_arguments(self.plain.window))


class NativeGlobalAverage(NativeOperation[GlobalAveragePooling]):
    """The mean over all positions of each image."""

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x = context.x[0][part.start : part.stop].reshape(part.size, self.plain.positions, -1)
        yield self._task(context, part, "global_average", x=x, y=context.y[part.start : part.stop].reshape(part.size, -1))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            dx = context.dx[0][part.start : part.stop].reshape(part.size, self.plain.positions, -1)
            dy = context.dy[part.start : part.stop].reshape(part.size, -1)
            yield self._task(context, part, "global_average_gradient", dy=dy, dx=dx)
