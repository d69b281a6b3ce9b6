"""Depthwise convolutions with one kernel a channel."""

from __future__ import annotations

from collections.abc import Iterable

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.native.convolution import window_arguments
from fittool.engines.numpy_engine.operations.base import BatchSlice, OperationContext
from fittool.engines.numpy_engine.operations.convolution import DepthwiseConvolution
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels.library import Library


class NativeDepthwise(NativeOperation[DepthwiseConvolution]):
    """Each channel with a kernel of its own, and ReLU of it where one follows.

    Args:
        plain: The operation as NumPy does it, with a multiplier of 1.
        library: The kernels.
        rectified: Whether a ReLU that follows is done at once.
    """

    def __init__(self, plain: DepthwiseConvolution, library: Library, rectified: bool = False) -> None:
        super().__init__(plain, library)
        self.rectified = self.needs_output = rectified
        self._window = window_arguments(plain.window)
        self._shape = (*plain.window.kernel, plain.window.image[-1])

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        kernel = context.weights("depthwise_kernel", shape=self._shape)
        bias = context.weights("bias") if self.plain.use_bias else None
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        arrays = {"x": x, "kernel": kernel, "bias": bias, "y": y}
        yield self._task(context, part, "depthwise", **arrays, **self._window, rectified=self.rectified)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        x, y, dy = (array[part.start : part.stop] for array in (context.x[0], context.y, context.dy))
        if self.rectified:
            yield self._task(context, part, "rectify_gradient", y=y.reshape(-1), dy=dy.reshape(-1), dx=dy.reshape(-1))
        dkernel = context.group_gradient(part, "depthwise_kernel", shape=self._shape)
        dbias = context.group_gradient(part, "bias") if self.plain.use_bias else None
        arrays = {"x": x, "dkernel": dkernel, "dbias": dbias, "dy": dy}
        yield self._task(context, part, "depthwise_kernel_gradient", **arrays, **self._window, fresh=part.first)
        if context.dx[0] is not None:
            kernel = context.weights("depthwise_kernel", shape=self._shape)
            gathered = {"dx": context.dx[0][part.start : part.stop], "kernel": kernel, "dy": dy}
            yield self._task(context, part, "depthwise_input_gradient", **gathered, **self._window)
