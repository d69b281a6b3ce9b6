"""Convolutions as products of matrices, a few images at a time, so that their patches never leave the cache.

The patches get a column of ones, and kernel and bias lie next to each other in the flat weights, so one product adds the
bias and one product gives the gradients of both.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

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
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels import arithmetic
from fittool.nn.shapes import Shape

_PATCH_ELEMENTS = 128 * 1024
"""Half a megabyte of float32 patches at a time, which the product then finds in the cache; whole images, so at least one."""


@dataclass(frozen=True)
class Window:
    """The way a kernel walks over images: (H, W, C) in, (OH, OW, …) out; or over volumes (D, H, W, C), with an axis more.

    Attributes:
        image: Shape of what it walks over.
        output: The number of positions along each axis but the channels.
        kernel, strides, dilation: One for each of these axes.
        before, after: Padding at both ends of each.
    """

    image: Shape
    output: Shape
    kernel: Shape
    strides: Shape
    dilation: Shape
    before: Shape
    after: Shape

    @property
    def padded_shape(self) -> Shape:
        """(H, W, C) with the padding."""
        *sizes, channels = self.image
        ends = zip(sizes, self.before, self.after, strict=True)
        return (*(size + before + after for size, before, after in ends), channels)

    @property
    def is_padded(self) -> bool:
        """True where there is any padding."""
        return self.padded_shape != self.image

    @property
    def elements(self) -> int:
        """The number of elements in one patch: kernel height · kernel width · channels."""
        return math.prod(self.kernel) * self.image[-1]

    @property
    def positions(self) -> int:
        """The number of patches in one image."""
        return math.prod(self.output)

    @property
    def reach(self) -> Shape:
        """The distance from the kernel's first element to its last along each axis."""
        return tuple((size - 1) * step for size, step in zip(self.kernel, self.dilation, strict=True))

    def interior(self, padded: Floats) -> Floats:
        """The images (N, H, W, C) inside their padding, a view."""
        ends = zip(self.before, self.image, strict=False)
        return padded[(slice(None), *(slice(before, before + size) for before, size in ends))]

    def patches(self, images: Floats) -> Floats:
        """(N, OH, OW, KH, KW, C) view on padded images, without a copy."""
        count, *sides, channel = images.strides
        moves = (side * stride for side, stride in zip(sides, self.strides, strict=True))
        gaps = (side * step for side, step in zip(sides, self.dilation, strict=True))
        shape = (len(images), *self.output, *self.kernel, images.shape[-1])
        # Patches overlap: a write through one would change others, so NumPy is told to refuse it.
        return as_strided(images, shape, (count, *moves, *gaps, channel), writeable=False)

    def shift(self, images: Floats, place: Shape) -> Floats:
        """(N, OH, OW, C) view: what the kernel's element at `place`, such as (down, right), meets in padded images."""
        cuts = [
            slice(index * step, index * step + (count - 1) * stride + 1, stride)
            for index, step, count, stride in zip(place, self.dilation, self.output, self.strides, strict=True)
        ]
        return images[(slice(None), *cuts)]

    def transpose(self, filters: int) -> Window:
        """The window that walks over the output's gradient to give the input's, for strides of 1."""
        before = tuple(span - pad for span, pad in zip(self.reach, self.before, strict=True))
        sizes = zip(self.image, self.reach, self.output, before, strict=False)
        after = tuple(size + span - out - first for size, span, out, first in sizes)
        return Window((*self.output, filters), self.image[:-1], self.kernel, self.strides, self.dilation, before, after)


class Convolution(Operation):
    """y = patches · [kernel; bias]."""

    def __init__(self, window: Window, filters: int, use_bias: bool, kernel: str = "kernel") -> None:
        self.window, self.filters = window, filters
        self.parameters = (kernel, "bias") if use_bias else (kernel,)
        self.grouped_gradients = (self.parameters,)
        self.columns = window.elements + use_bias
        self.back = window.transpose(filters) if self._gathers_gradient(window) else None
        self.flops_per_sample = 2 * window.positions * self.columns * filters

    @staticmethod
    def _gathers_gradient(window: Window) -> bool:
        """Tell whether the input's gradient is itself done as a convolution: with strides it would mostly multiply zeros."""
        spans = zip(window.before, window.reach, strict=True)
        return max(window.strides) == 1 and all(before <= span for before, span in spans)

    def prepare(self, context: OperationContext) -> Iterable[Phase]:
        """Turn the kernel round for the input's gradient, once a step."""
        if context.dx[0] is not None and self.back is not None:
            kernel = self._matrix(context)[: self.window.elements].reshape(*self.window.kernel, -1, self.filters)
            flipped = np.flip(kernel, tuple(range(len(self.window.kernel)))).swapaxes(-1, -2)
            yield BatchPhase([[partial(np.copyto, self._flip_kernel(context).reshape(flipped.shape), flipped)]])

    def _flip_kernel(self, context: OperationContext) -> Floats:
        return context.scratch.array(
            0, f"{context.position} flipped", (self.back.elements if self.back else 0, self.window.image[-1])
        )

    def _matrix(self, context: OperationContext) -> Floats:
        return context.weights(*self.parameters, shape=(self.columns, self.filters))

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        matrix = self._matrix(context)
        for start, stop in chunks(part, self.window.positions * self.columns):
            patches = yield from im2col(context, part, self.window, context.x[0][start:stop], self.columns)
            y = context.y[start:stop].reshape(-1, self.filters)
            yield row_product(patches, matrix, y, even=part.even, together=self.window.positions)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        # The patches are made anew instead of being kept from the forward half: those of a batch are KH · KW times as large as
        # its images, which is more than many a machine has room for.
        target = context.group_gradient(part, *self.parameters, shape=(self.columns, self.filters))
        scratch = context.scratch.array(part.thread, "kernel gradient", target.shape)
        first = part.first
        for start, stop in chunks(part, self.window.positions * self.columns):
            dy = context.dy[start:stop].reshape(-1, self.filters)
            patches = yield from im2col(context, part, self.window, context.x[0][start:stop], self.columns)
            yield from accumulate(target, partial(product_into, patches.T, dy), first, scratch)
            first = False
        if context.dx[0] is not None:
            yield from self._input_gradient(context, part)

    def _input_gradient(self, context: OperationContext, part: BatchSlice) -> Iterator[Task]:
        assert context.dy is not None and context.dx[0] is not None
        if self.back is None:
            kernel = self._matrix(context)[: self.window.elements]
            yield from col2im(context, part, self.window, context.dy, kernel, context.dx[0])
            return
        flipped = self._flip_kernel(context)
        for start, stop in chunks(part, self.back.positions * self.back.elements):
            patches = yield from im2col(context, part, self.back, context.dy[start:stop], self.back.elements)
            yield partial(arithmetic.matmul, patches, flipped, context.dx[0][start:stop].reshape(-1, flipped.shape[1]))


class TransposedConvolution(Operation):
    """Adds to y, for each input pixel, the kernel times that pixel; then the bias.

    Its forward half is the input gradient of a convolution, and the other way round.

    Args:
        window: The convolution that it is the transpose of: from images like y to as many positions as x has pixels.
        channels: Of x.
    """

    def __init__(self, window: Window, channels: int, use_bias: bool) -> None:
        self.window, self.channels, self.use_bias = window, channels, use_bias
        self.grouped_gradients = (("kernel",), ("bias",)) if use_bias else (("kernel",),)
        self.flops_per_sample = 2 * window.positions * window.elements * channels

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        yield from col2im(context, part, self.window, context.x[0], self._matrix(context), context.y)
        if self.use_bias:
            y = context.y[part.start : part.stop]
            yield partial(np.add, y, context.weights("bias"), y)

    def _matrix(self, context: OperationContext) -> Floats:
        """The kernel (KH · KW · filters, channels)."""
        return context.weights("kernel", shape=(self.window.elements, self.channels))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        target = context.group_gradient(part, "kernel", shape=(self.window.elements, self.channels))
        share = context.scratch.array(part.thread, "kernel gradient", target.shape)
        first = part.first
        for start, stop in chunks(part, self.window.positions * self.window.elements):
            patches = yield from im2col(context, part, self.window, context.dy[start:stop], self.window.elements)
            x = context.x[0][start:stop].reshape(-1, self.channels)
            yield from accumulate(target, partial(product_into, patches.T, x), first, share)
            first = False
            if context.dx[0] is not None:
                yield partial(
                    arithmetic.matmul, patches, self._matrix(context), context.dx[0][start:stop].reshape(-1, self.channels)
                )
        if self.use_bias:
            bias = context.group_gradient(part, "bias")
            sums = partial(sum_into, context.dy[part.start : part.stop], (0, 1, 2))
            yield from accumulate(bias, sums, part.first, np.empty_like(bias))


class DepthwiseConvolution(Operation):
    """Each channel with kernels of its own: one multiplication and one addition for each element of the kernel."""

    def __init__(self, window: Window, multiplier: int, use_bias: bool) -> None:
        self.window, self.multiplier, self.use_bias = window, multiplier, use_bias
        self.grouped_gradients = (("depthwise_kernel",), ("bias",)) if use_bias else (("depthwise_kernel",),)
        self.flops_per_sample = 2 * window.positions * window.elements * multiplier

    def _offsets(self) -> list[Shape]:
        return list(np.ndindex(*self.window.kernel))

    def _scatter(self, array: Floats) -> Floats:
        """(N, OH, OW, C · M) as (N, OH, OW, C, M)."""
        return array.reshape(*array.shape[:3], self.window.image[2], self.multiplier)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        images, copies = pad(context, part, self.window, context.x[0][part.start : part.stop])
        yield from copies
        y, kernel = self._scatter(context.y[part.start : part.stop]), context.weights("depthwise_kernel")
        product = context.scratch.array(part.thread, "product", y.shape)
        for count, place in enumerate(self._offsets()):
            seen = self.window.shift(images, place)[..., None]
            yield from accumulate(y, partial(_times, seen, kernel[place]), count == 0, product)
        if self.use_bias:
            whole = context.y[part.start : part.stop]
            yield partial(np.add, whole, context.weights("bias"), whole)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        dy = context.dy[part.start : part.stop]
        images, copies = pad(context, part, self.window, context.x[0][part.start : part.stop])
        yield from copies
        yield from self._kernel_gradient(context, part, images, self._scatter(dy))
        if self.use_bias:
            target = context.group_gradient(part, "bias")
            yield from accumulate(target, partial(sum_into, dy, (0, 1, 2)), part.first, np.empty_like(target))
        if context.dx[0] is not None:
            yield from self._input_gradient(context, part, self._scatter(dy), context.dx[0][part.start : part.stop])

    def _kernel_gradient(self, context: OperationContext, part: BatchSlice, images: Floats, dy: Floats) -> Iterator[Task]:
        target = context.group_gradient(part, "depthwise_kernel")
        product = context.scratch.array(part.thread, "product", dy.shape)
        for place in self._offsets():
            yield partial(np.multiply, self.window.shift(images, place)[..., None], dy, product)
            share = target[place]
            yield from accumulate(share, partial(sum_into, product, (0, 1, 2)), part.first, np.empty_like(share))

    def _input_gradient(self, context: OperationContext, part: BatchSlice, dy: Floats, dx: Floats) -> Iterator[Task]:
        kernel = context.weights("depthwise_kernel")
        wide = context.scratch.array(part.thread, "scatter", (part.size, *self.window.padded_shape))
        product = context.scratch.array(part.thread, "product", dy.shape)
        share = context.scratch.array(part.thread, "share", dy.shape[:-1])
        yield partial(wide.fill, 0)
        for place in self._offsets():
            yield partial(np.multiply, dy, kernel[place], product)
            yield partial(arithmetic.sum, product, -1, None, share)
            target = self.window.shift(wide, place)
            yield partial(np.add, target, share, target)
        yield partial(np.copyto, dx, self.window.interior(wide))


def _times(left: Floats, right: Floats, out: Floats) -> Task:
    return partial(np.multiply, left, right, out)


def chunks(part: BatchSlice, elements: int) -> Iterator[tuple[int, int]]:
    """Runs of whole images whose patches fit into the cache."""
    count = max(1, _PATCH_ELEMENTS // elements)
    for start in range(part.start, part.stop, count):
        yield start, min(start + count, part.stop)


def pad(context: OperationContext, part: BatchSlice, window: Window, images: Floats) -> tuple[Floats, list[Task]]:
    """Images (n, H, W, C) with their border of zeros, and the calls that fill it; without padding the images themselves."""
    if not window.is_padded:
        return images, []
    # By where the image lies, too: the gradient of the input may be padded to the same shape, but on the other side.
    owner = f"{context.position} {window.before} {window.padded_shape}"
    border = context.scratch.border(part.thread, owner, (len(images), *window.padded_shape))
    return border, [partial(np.copyto, window.interior(border), images)]


def im2col(
    context: OperationContext, part: BatchSlice, window: Window, images: Floats, columns: int
) -> Generator[Task, None, Floats]:
    """Calls that copy all patches of images (n, H, W, C) into (n · OH · OW, columns), the last column ones if one is spare."""
    source, copies = pad(context, part, window, images)
    yield from copies
    matrix = context.scratch.array(part.thread, "patches", (len(images) * window.positions, columns))
    yield partial(np.copyto, _as_patches(matrix, window, len(images)), _join_last_axes(window, window.patches(source)))
    if columns > window.elements:
        yield partial(matrix[:, -1].fill, 1)
    return matrix


def _as_patches(matrix: Floats, window: Window, count: int) -> Floats:
    """The matrix of patches seen as (N, OH, OW, KH, KW · C) or with KW and C apart, for one strided copy."""
    view = matrix[:, : window.elements].reshape(count, *window.output, *window.kernel, -1)
    return _join_last_axes(window, view)


def _join_last_axes(window: Window, patches: Floats) -> Floats:
    """Patches whose last two axes are one run of memory, joined so that the copy moves long runs."""
    if window.dilation[-1] != 1:
        return patches
    shape = (*patches.shape[:-2], patches.shape[-2] * patches.shape[-1])
    return as_strided(patches, shape, (*patches.strides[:-2], patches.strides[-1]), writeable=patches.flags.writeable)


def col2im(context: OperationContext, part: BatchSlice, window: Window, dy: Floats, kernel: Floats, dx: Floats) -> Iterator[Task]:
    """Calls that add the gradient of each patch where the patch was taken.

    Args:
        dy: (N, OH, OW, filters), the gradient of the convolution's output.
        kernel: (KH · KW · C, filters).
        dx: (N, H, W, C), takes the gradient of its input.
    """
    for start, stop in chunks(part, window.positions * window.elements):
        count = stop - start
        flat = dy[start:stop].reshape(-1, dy.shape[-1])
        patches = context.scratch.array(part.thread, "patches", (len(flat), window.elements))
        wide = context.scratch.array(part.thread, "scatter", (count, *window.padded_shape))
        yield row_product(flat, kernel.T, patches, even=part.even, together=window.positions)
        yield partial(wide.fill, 0)
        shares = patches.reshape(count, *window.output, *window.kernel, -1)
        # Patches overlap, so they cannot be added at once; those of one element of the kernel do not, so each is one strided sum.
        everywhere = (slice(None),) * (1 + len(window.output))
        for place in np.ndindex(*window.kernel):
            target = window.shift(wide, place)
            yield partial(np.add, target, shares[(*everywhere, *place)], target)
        yield partial(np.copyto, dx[start:stop], window.interior(wide))
