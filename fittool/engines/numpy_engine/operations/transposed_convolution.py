"""The transpose of a convolution: its forward half is the other's input gradient, and the other way round."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, Operation, OperationContext, Phase, added
from fittool.engines.numpy_engine.operations.convolution import Window, chunks, gathered, product_into, scattered, summed
from fittool.engines.numpy_engine.thread_pool import Task


class TransposedConvolution(Operation):
    """Adds to y, for each input pixel, the kernel times that pixel; then the bias.

    Args:
        window: The convolution that it is the transpose of: from images like y to as many positions as x has pixels.
        channels: Of x.
    """

    def __init__(self, window: Window, channels: int, use_bias: bool) -> None:
        self.window, self.channels, self.use_bias = window, channels, use_bias
        self.flops_per_sample = 2 * window.positions * window.elements * channels

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        yield from scattered(context, part, self.window, context.x[0], self._matrix(context), context.y)
        if self.use_bias:
            y = context.y[part.start : part.stop]
            yield partial(np.add, y, context.weights("bias"), y)

    def _matrix(self, context: OperationContext) -> Floats:
        """The kernel (KH · KW · filters, channels)."""
        return context.weights("kernel", shape=(self.window.elements, self.channels))

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """Slice by slice, then the groups' shares of the gradients are added."""
        yield from super().backward(context)
        for name in ("kernel", "bias") if self.use_bias else ("kernel",):
            yield from context.add_groups(name)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        target = context.group_gradient(part, "kernel", shape=(self.window.elements, self.channels))
        share = context.scratch.array(part.thread, "kernel gradient", target.shape)
        first = part.first
        for start, stop in chunks(part, self.window.positions * self.window.elements):
            patches = yield from gathered(context, part, self.window, context.dy[start:stop], self.window.elements)
            x = context.x[0][start:stop].reshape(-1, self.channels)
            yield from added(target, partial(product_into, patches.T, x), first, share)
            first = False
            if context.dx[0] is not None:
                yield partial(np.matmul, patches, self._matrix(context), context.dx[0][start:stop].reshape(-1, self.channels))
        if self.use_bias:
            bias = context.group_gradient(part, "bias")
            sums = partial(summed, context.dy[part.start : part.stop], (0, 1, 2))
            yield from added(bias, sums, part.first, np.empty_like(bias))
