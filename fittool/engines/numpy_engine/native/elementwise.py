"""Operations on each element."""

from __future__ import annotations

from collections.abc import Iterable

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import BatchSlice, OperationContext
from fittool.engines.numpy_engine.operations.elementwise import Activation
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels.library import Library


class NativeRectifier(NativeOperation[Activation]):
    """ReLU."""

    def __init__(self, plain: Activation, library: Library) -> None:
        super().__init__(plain, library)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = (array[part.start : part.stop].reshape(-1) for array in (context.x[0], context.y))
        yield self._task(context, part, "rectify", x=x, y=y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            y, dy, dx = (array[part.start : part.stop].reshape(-1) for array in (context.y, context.dy, context.dx[0]))
            yield self._task(context, part, "rectify_gradient", y=y, dy=dy, dx=dx)
