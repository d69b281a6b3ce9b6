"""Convolutions without patches: common ones, in groups, and transposed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, TypeVar

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import (
    BatchPhase,
    BatchSlice,
    Floats,
    Operation,
    OperationContext,
    Phase,
    SlicePhase,
    rows,
)
from fittool.engines.numpy_engine.operations.convolution import Convolution, TransposedConvolution, Window
from fittool.engines.numpy_engine.operations.grouped_convolution import GroupedConvolution
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels.library import Library
from fittool.nn.shapes import Shape

Windowed = TypeVar("Windowed", bound=Operation)


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


class _Windowed(NativeOperation[Windowed]):
    """What all convolutions have: a window, and a kernel (KH, KW, D, G, O) of G groups with D channels and O filters each.

    Args:
        plain: The operation as NumPy does it.
        library: The kernels.
        window: The way over the images.
        sizes: D, G and O.
    """

    def __init__(self, plain: Windowed, library: Library, window: Window, sizes: Shape) -> None:
        super().__init__(plain, library)
        self._window = window_arguments(window)
        self._elements, (self._inside, self._groups, self._outside) = window.kernel, sizes

    @property
    def _shape(self) -> Shape:
        return (*self._elements, self._inside, self._groups, self._outside)

    def _turned(self, context: OperationContext) -> Floats:
        """(KH, KW, G, O, D): the kernel from its last element to its first, its channels as columns."""
        shape = (*self._elements, self._groups, self._outside, self._inside)
        array: Floats = context.scratch.border(0, f"{context.position} turned", shape)
        return array

    def _turn(self, context: OperationContext, kernel: Floats) -> Phase:
        """The phase that turns the kernel round, once a step, for gradients to be gathered with."""
        filters = self._groups * self._outside
        arrays: dict[str, Any] = {"kernel": kernel.reshape(-1, self._inside, filters)}
        arrays["turned"] = self._turned(context).reshape(-1, filters, self._inside)
        return BatchPhase([[self.library.task("turn_kernel", **arrays)]])

    def _in(self, images: Floats) -> Floats:
        """(N, H, W, C) as (N, H, W, G, D)."""
        return images.reshape(*images.shape[:-1], self._groups, self._inside)

    def _out(self, images: Floats) -> Floats:
        """(N, OH, OW, F) as (N, OH, OW, G, O)."""
        return images.reshape(*images.shape[:-1], self._groups, self._outside)


class NativeConvolution(_Windowed[Convolution | GroupedConvolution]):
    """y = x ∗ kernel + bias, and ReLU of it where one follows.

    Args:
        plain: The operation as NumPy does it.
        library: The kernels.
        rectified: Whether a ReLU that follows is done at once.
    """

    def __init__(self, plain: Convolution | GroupedConvolution, library: Library, rectified: bool = False) -> None:
        groups = plain.groups if isinstance(plain, GroupedConvolution) else 1
        super().__init__(plain, library, plain.window, (plain.window.image[-1], groups, plain.filters // groups))
        self.rectified = self.needs_output = rectified

    def _split(self, context: OperationContext, part: BatchSlice | None) -> tuple[Floats, Floats | None]:
        """Kernel (KH, KW, D, G, O) and bias (G, O), which may be None; or, of a slice, the arrays for the gradients of both."""
        plain, found = self.plain, dict[str, Floats]()
        if isinstance(plain, Convolution):  # neighbours, which groups of samples sum together
            shape = (plain.columns, plain.filters)
            of_both = context.weights if part is None else partial(context.group_gradient, part)
            both = of_both(*plain.parameters, shape=shape)
            found = {"kernel": both[: plain.window.elements], "bias": both[plain.window.elements :]}
        else:
            for (name,) in plain.grouped_gradients:
                found[name] = context.weights(name) if part is None else context.group_gradient(part, name)
        kernel, bias = found["kernel"].reshape(self._shape), found.get("bias")
        return kernel, None if bias is None or not bias.size else bias.reshape(self._groups, self._outside)

    def prepare(self, context: OperationContext) -> Iterable[Phase]:
        """Turn the kernel round for the input's gradient, once a step."""
        if context.dx[0] is not None:
            yield self._turn(context, self._split(context, None)[0])

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        kernel, bias = self._split(context, None)
        x, y = self._in(context.x[0][part.start : part.stop]), self._out(context.y[part.start : part.stop])
        arrays = {"x": x, "kernel": kernel, "bias": bias, "y": y}
        yield self._task(context, part, "convolution", **arrays, **self._window, rectified=self.rectified)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        x, y, dy = (array[part.start : part.stop] for array in (context.x[0], context.y, context.dy))
        if self.rectified:
            yield self._task(context, part, "rectify_gradient", y=y.reshape(-1), dy=dy.reshape(-1), dx=dy.reshape(-1))
        dkernel, dbias = self._split(context, part)
        arrays = {"x": self._in(x), "dkernel": dkernel, "dbias": dbias, "dy": self._out(dy)}
        yield self._task(context, part, "convolution_kernel_gradient", **arrays, **self._window, fresh=part.first)
        if context.dx[0] is not None:
            dx = self._in(context.dx[0][part.start : part.stop])
            gathered = {"dx": dx, "turned": self._turned(context), "dy": self._out(dy)}
            yield self._task(context, part, "convolution_input_gradient", **gathered, **self._window)


class NativeTransposedConvolution(_Windowed[TransposedConvolution]):
    """Its forward half is the input gradient of a convolution, and the other way round."""

    def __init__(self, plain: TransposedConvolution, library: Library) -> None:
        super().__init__(plain, library, plain.window, (plain.window.image[-1], 1, plain.channels))

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The kernel turned round, then each slice."""
        yield self._turn(context, context.weights("kernel"))
        yield SlicePhase(partial(self._forward_slice, context))

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        bias = context.weights("bias", shape=(1, self._inside)) if self.plain.use_bias else None
        x, y = self._out(context.x[0][part.start : part.stop]), self._in(context.y[part.start : part.stop])
        arrays = {"dx": y, "turned": self._turned(context), "bias": bias, "dy": x}
        yield self._task(context, part, "convolution_input_gradient", **arrays, **self._window)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        x, dy = self._out(context.x[0][part.start : part.stop]), self._in(context.dy[part.start : part.stop])
        dkernel = context.group_gradient(part, "kernel", shape=self._shape)
        arrays = {"x": dy, "dkernel": dkernel, "dy": x}
        yield self._task(context, part, "convolution_kernel_gradient", **arrays, **self._window, fresh=part.first)
        if self.plain.use_bias:
            sums = context.group_gradient(part, "bias")
            yield self._task(context, part, "column_sums", x=rows(context.dy, part), sums=sums, fresh=part.first)
        if context.dx[0] is not None:
            kernel, dx = context.weights("kernel", shape=self._shape), self._out(context.dx[0][part.start : part.stop])
            yield self._task(context, part, "convolution", x=dy, kernel=kernel, y=dx, **self._window, rectified=False)
