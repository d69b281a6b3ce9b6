"""Operations on each element."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.activations import ACTIVATIONS, RELU
from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import BatchPhase, BatchSlice, Floats, OperationContext, Phase, rows
from fittool.engines.numpy_engine.operations.elementwise import Activation, Dropout, Scaling
from fittool.engines.numpy_engine.operations.merging import Add
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels.library import Library
from fittool.kernels.signatures import ACTIVATIONS as BY_NAME
from fittool.kernels.tasks import NativeTask


def _cut(part: BatchSlice, *arrays: Floats) -> list[Floats]:
    """A slice of arrays (N, …), each as one run (n,)."""
    return [array[part.start : part.stop].reshape(-1) for array in arrays]


_FROM_OUTPUT = {
    RELU: ("rectify", "rectify_gradient"),
    ACTIVATIONS["sigmoid"]: ("sigmoid", "sigmoid_gradient"),
    ACTIVATIONS["tanh"]: ("tanh_forward", "tanh_gradient"),
}
"""The kernels of activations whose slope is told by their output: forward and backward."""
_SOFTMAX = ACTIVATIONS["softmax"]


class NativeActivation(NativeOperation[Activation]):
    """ReLU, sigmoid, tanh, softmax over the last axis, and those that one kernel evaluates by their name."""

    def __init__(self, plain: Activation, library: Library) -> None:
        super().__init__(plain, library)
        self.in_place = plain.in_place

    @staticmethod
    def fits(plain: Activation) -> bool:
        """True for an activation that has a kernel."""
        return plain.function in _FROM_OUTPUT or plain.function is _SOFTMAX or plain.function.kernel is not None

    def _names(self) -> tuple[str, str]:
        if self.plain.function.kernel is not None:
            return "activate", "activate_gradient"
        return _FROM_OUTPUT.get(self.plain.function, ("softmax", "softmax_gradient"))

    def _shaped(self, part: BatchSlice, *arrays: Floats) -> list[Floats]:
        return [rows(one, part) for one in arrays] if self.plain.function is _SOFTMAX else _cut(part, *arrays)

    def _named(self) -> dict[str, Any]:
        """The arguments by which the kernel knows its function; none for those with a kernel of their own."""
        if self.plain.function.kernel is None:
            return {}
        name, alpha, scale = self.plain.function.kernel
        return {"activation": BY_NAME.index(name), "alpha": alpha, "scale": scale}

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = self._shaped(part, context.x[0], context.y)
        yield self._task(context, part, self._names()[0], x=x, y=y, **self._named())

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            function = self.plain.function
            seen, dy, dx = self._shaped(part, context.y if function.from_output else context.x[0], context.dy, context.dx[0])
            held = {"y": seen} if function.kernel is None else {"seen": seen, **self._named()}
            yield self._task(context, part, self._names()[1], **held, dy=dy, dx=dx)


class NativeScaling(NativeOperation[Scaling]):
    """y = x · scale + offset, with numbers or with one of each for every channel."""

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        if self.plain.scale.ndim or self.plain.offset.ndim:
            offset = self.plain.offset if np.any(self.plain.offset) else None
            yield self._scale_channels(context, part, context.x[0], context.y, offset)
            return
        x, y = _cut(part, context.x[0], context.y)
        yield self._task(context, part, "scale", x=x, y=y, factor=self.plain.scale, offset=self.plain.offset)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is None:
            return
        if self.plain.scale.ndim:
            yield self._scale_channels(context, part, context.dy, context.dx[0], None)
            return
        dy, dx = _cut(part, context.dy, context.dx[0])
        yield self._task(context, part, "scale", x=dy, y=dx, factor=self.plain.scale, offset=0)

    def _scale_channels(
        self, context: OperationContext, part: BatchSlice, x: Floats, y: Floats, offset: NDArray[Any] | None
    ) -> NativeTask:
        channels = {"factor": self.plain.scale, "offset": offset}
        arrays = {
            name: None if one is None else np.ascontiguousarray(np.broadcast_to(one, x.shape[-1:]), x.dtype)
            for name, one in channels.items()
        }
        return self._task(context, part, "by_channel", x=rows(x, part), y=rows(y, part), **arrays)


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
