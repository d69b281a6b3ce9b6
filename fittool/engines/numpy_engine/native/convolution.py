"""Convolutions without patches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import BatchPhase, BatchSlice, Floats, OperationContext, Phase
from fittool.engines.numpy_engine.operations.convolution import Convolution, Window
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels.library import Library


def window_arguments(window: Window) -> dict[str, int]:
    """Padding, strides and dilation of a window over images, as the kernels take them."""
    (top, left), (down, across), (step_down, step_across) = window.before, window.strides, window.dilation
    return {
        "top": top,
        "left": left,
        "stride_down": down,
        "stride_across": across,
        "step_down": step_down,
        "step_across": step_across,
    }


class NativeConvolution(NativeOperation[Convolution]):
    """y = x ∗ kernel + bias, and ReLU of it where one follows.

    Args:
        plain: The operation as NumPy does it.
        library: The kernels.
        rectified: Whether a ReLU that follows is done at once.
    """

    def __init__(self, plain: Convolution, library: Library, rectified: bool = False) -> None:
        super().__init__(plain, library)
        self.rectified = rectified
        self.needs_output = rectified
        self._window = window_arguments(plain.window)
        self._shape = (*plain.window.kernel, plain.window.image[-1], plain.filters)

    def _split(self, matrix: Floats) -> tuple[Floats, Floats | None]:
        """Kernel (KH, KW, C, F) and bias (F,) of the matrix (KH · KW · C + 1, F) in which they are neighbours."""
        elements = self.plain.window.elements
        return matrix[:elements].reshape(self._shape), matrix[elements] if len(matrix) > elements else None

    def _weights(self, context: OperationContext) -> tuple[Floats, Floats | None]:
        return self._split(context.weights(*self.plain.parameters, shape=(self.plain.columns, self.plain.filters)))

    def _turned(self, context: OperationContext) -> Floats:
        """(KH, KW, F, C): the kernel from its last element to its first, its channels as columns."""
        height, width, channels, filters = self._shape
        array: Floats = context.scratch.border(0, f"{context.position} turned", (height, width, filters, channels))
        return array

    def prepare(self, context: OperationContext) -> Iterable[Phase]:
        """Turn the kernel round for the input's gradient, once a step."""
        if context.dx[0] is not None:
            *_, channels, filters = self._shape
            kernel, turned = self._weights(context)[0], self._turned(context)
            arrays: dict[str, Any] = {
                "kernel": kernel.reshape(-1, channels, filters),
                "turned": turned.reshape(-1, filters, channels),
            }
            yield BatchPhase([[self.library.task("turn_kernel", **arrays)]])

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        kernel, bias = self._weights(context)
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        arrays = {"x": x, "kernel": kernel, "bias": bias, "y": y}
        yield self._task(context, part, "convolution", **arrays, **self._window, rectified=self.rectified)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        x, y, dy = (array[part.start : part.stop] for array in (context.x[0], context.y, context.dy))
        if self.rectified:
            yield self._task(context, part, "rectify_gradient", y=y.reshape(-1), dy=dy.reshape(-1), dx=dy.reshape(-1))
        plain = self.plain
        share = context.group_gradient(part, *plain.parameters, shape=(plain.columns, plain.filters))
        dkernel, dbias = self._split(share)
        arrays = {"x": x, "dkernel": dkernel, "dbias": dbias, "dy": dy}
        yield self._task(context, part, "convolution_kernel_gradient", **arrays, **self._window, fresh=part.first)
        if context.dx[0] is not None:
            gathered = {"dx": context.dx[0][part.start : part.stop], "turned": self._turned(context), "dy": dy}
            yield self._task(context, part, "convolution_input_gradient", **gathered, **self._window)
