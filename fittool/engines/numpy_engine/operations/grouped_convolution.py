"""Convolutions in groups of channels: one product of matrices for each group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import (
    BatchPhase,
    BatchSlice,
    Floats,
    Operation,
    OperationContext,
    Phase,
    accumulate,
    product_into,
    row_product,
    sum_into,
)
from fittool.engines.numpy_engine.operations.convolution import Window, chunks, col2im, im2col
from fittool.engines.numpy_engine.thread_pool import Task


class GroupedConvolution(Operation):
    """Each group of input channels with filters of its own; their outputs stand side by side.

    The channels of a group are copied together first, so that patches and products are those of a convolution by itself.
    """

    def __init__(self, window: Window, filters: int, groups: int, use_bias: bool) -> None:
        self.groups, self.filters, self.use_bias = groups, filters, use_bias
        self.inside, self.outside = window.image[-1] // groups, filters // groups
        self.window = replace(window, image=(*window.image[:-1], self.inside))
        self.grouped_gradients = (("kernel",), ("bias",)) if use_bias else (("kernel",),)
        self.flops_per_sample = 2 * window.positions * self.window.elements * filters

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The kernels of all groups, then slice by slice the products."""
        yield BatchPhase([[partial(self._copy_kernels, context)]])
        yield from super().forward(context)

    def _copy_kernels(self, context: OperationContext) -> None:
        kernel = context.weights("kernel", shape=(self.window.elements, self.groups, self.outside))
        np.copyto(self._kernels(context), kernel.swapaxes(0, 1))

    def _kernels(self, context: OperationContext) -> Floats:
        """(groups, KH · KW · in / groups, filters / groups)."""
        return context.scratch.array(0, f"{context.position} kernels", (self.groups, self.window.elements, self.outside))

    def _channels(self, array: Floats, group: int, size: int) -> Floats:
        return array[..., group * size : (group + 1) * size]

    def _gathered(self, context: OperationContext, part: BatchSlice, use: str, source: Floats) -> tuple[Floats, Task]:
        """The channels of a group as an array of their own, and the call that fills it."""
        held = context.scratch.array(part.thread, use, source.shape)
        return held, partial(np.copyto, held, source)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        for group in range(self.groups):
            kernel = self._kernels(context)[group]
            for start, stop in chunks(part, self.window.positions * self.window.elements):
                x, copy = self._gathered(context, part, "group", self._channels(context.x[0][start:stop], group, self.inside))
                yield copy
                patches = yield from im2col(context, part, self.window, x, self.window.elements)
                y = self._channels(context.y[start:stop], group, self.outside)
                product = context.scratch.array(part.thread, "group product", (len(patches), self.outside))
                yield row_product(patches, kernel, product, even=part.even, together=self.window.positions)
                yield partial(np.copyto, y, product.reshape(y.shape))
        if self.use_bias:
            whole = context.y[part.start : part.stop]
            yield partial(np.add, whole, context.weights("bias"), whole)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        for group in range(self.groups):
            yield from self._group_gradient(context, part, group)
        if self.use_bias:
            target = context.group_gradient(part, "bias")
            axes = tuple(range(1 + len(self.window.output)))
            sums = partial(sum_into, context.dy[part.start : part.stop], axes)
            yield from accumulate(target, sums, part.first, np.empty_like(target))

    def _group_gradient(self, context: OperationContext, part: BatchSlice, group: int) -> Iterator[Task]:
        assert context.dy is not None
        kernel = context.group_gradient(part, "kernel", shape=(self.window.elements, self.groups, self.outside))[:, group]
        scratch, first = context.scratch.array(part.thread, "kernel gradient", kernel.shape), part.first
        for start, stop in chunks(part, self.window.positions * self.window.elements):
            dy, copy = self._gathered(context, part, "group output", self._channels(context.dy[start:stop], group, self.outside))
            yield copy
            x, copy = self._gathered(context, part, "group", self._channels(context.x[0][start:stop], group, self.inside))
            yield copy
            patches = yield from im2col(context, part, self.window, x, self.window.elements)
            yield product_into(patches.T, dy.reshape(-1, self.outside), scratch)
            yield partial(np.copyto, kernel, scratch) if first else partial(np.add, kernel, scratch, kernel)
            first = False
            if context.dx[0] is not None:
                dx = context.scratch.array(part.thread, "group", x.shape)
                chunk = replace(part, start=0, stop=len(dy))
                yield from col2im(context, chunk, self.window, dy, self._kernels(context)[group], dx)
                yield partial(np.copyto, self._channels(context.dx[0][start:stop], group, self.inside), dx)
