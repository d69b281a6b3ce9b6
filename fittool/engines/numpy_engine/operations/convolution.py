"""Convolutions as products of matrices, a few images at a time, so that their patches never leave the cache.

The patches get a column of ones, and kernel and bias lie next to each other in the flat weights, so one product adds the
bias and one product gives the gradients of both.
"""

from __future__ import annotations

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
    sum_into,
)
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.nn.shapes import Shape

_PATCH_ELEMENTS = 128 * 1024
"""Half a megabyte of float32 patches at a time, which the product then finds in the cache; whole images, so at least one."""


@dataclass(frozen=True)
class Window:
    """The way a kernel walks over images: (H, W, C) in, (OH, OW, …) out.

    Attributes:
        before, after: Padding of height and width, above and left, below and right.
    """

    image: Shape
    output: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)

    @property
    def padded_shape(self) -> Shape:
        """(H, W, C) with the padding."""
        height, width, channels = self.image
        return (height + self.before[0] + self.after[0], width + self.before[1] + self.after[1], channels)

    @property
    def is_padded(self) -> bool:
        """True where there is any padding."""
        return self.padded_shape != self.image

    @property
    def elements(self) -> int:
        """The number of elements in one patch: kernel height · kernel width · channels."""
        return self.kernel[0] * self.kernel[1] * self.image[2]

    @property
    def positions(self) -> int:
        """The number of patches in one image."""
        return self.output[0] * self.output[1]

    def interior(self, padded: Floats) -> Floats:
        """The images (N, H, W, C) inside their padding, a view."""
        (top, left), (height, width, _) = self.before, self.image
        return padded[:, top : top + height, left : left + width]

    def patches(self, images: Floats) -> Floats:
        """(N, OH, OW, KH, KW, C) view on padded images, without a copy."""
        count, row, column, channel = images.strides
        (vertical, horizontal), (down, right) = self.strides, self.dilation
        shape = (len(images), *self.output, *self.kernel, images.shape[-1])
        strides = (count, row * vertical, column * horizontal, row * down, column * right, channel)
        # Patches overlap: a write through one would change others, so NumPy is told to refuse it.
        return as_strided(images, shape, strides, writeable=False)

    def shift(self, images: Floats, down: int, right: int) -> Floats:
        """(N, OH, OW, C) view: what the kernel's element (down, right) meets in padded images."""
        top, left = down * self.dilation[0], right * self.dilation[1]
        bottom = top + (self.output[0] - 1) * self.strides[0] + 1
        end = left + (self.output[1] - 1) * self.strides[1] + 1
        return images[:, top : bottom : self.strides[0], left : end : self.strides[1]]

    def transpose(self, filters: int) -> Window:
        """The window that walks over the output's gradient to give the input's, for strides of 1."""
        reach = [(size - 1) * step for size, step in zip(self.kernel, self.dilation, strict=True)]
        before = tuple(span - pad for span, pad in zip(reach, self.before, strict=True))
        after = tuple(
            size + span - out - first for size, span, out, first in zip(self.image[:2], reach, self.output, before, strict=True)
        )
        return Window(
            (*self.output, filters), (self.image[0], self.image[1]), self.kernel, (1, 1), self.dilation,
            (before[0], before[1]), (after[0], after[1]),
        )  # fmt: skip


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
        reach = [(size - 1) * step for size, step in zip(window.kernel, window.dilation, strict=True)]
        return window.strides == (1, 1) and window.before[0] <= reach[0] and window.before[1] <= reach[1]

    def prepare(self, context: OperationContext) -> Iterable[Phase]:
        """Turn the kernel round for the input's gradient, once a step."""
        if context.dx[0] is not None and self.back is not None:
            height, width = self.window.kernel
            kernel = self._matrix(context)[: self.window.elements].reshape(height, width, -1, self.filters)
            flipped = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
            yield BatchPhase([[partial(np.copyto, self._flip_kernel(context).reshape(flipped.shape), flipped)]])

    def _flip_kernel(self, context: OperationContext) -> Floats:
        return context.scratch.array(
            0, f"{context.position} flipped", (self.back.elements if self.back else 0, self.window.image[2])
        )

    def _matrix(self, context: OperationContext) -> Floats:
        return context.weights(*self.parameters, shape=(self.columns, self.filters))

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        matrix = self._matrix(context)
        for start, stop in chunks(part, self.window.positions * self.columns):
            patches = yield from im2col(context, part, self.window, context.x[0][start:stop], self.columns)
            yield partial(np.matmul, patches, matrix, context.y[start:stop].reshape(-1, self.filters))

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
            yield partial(np.matmul, patches, flipped, context.dx[0][start:stop].reshape(-1, flipped.shape[1]))


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
                yield partial(np.matmul, patches, self._matrix(context), context.dx[0][start:stop].reshape(-1, self.channels))
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

    def _offsets(self) -> list[tuple[int, int]]:
        return list(np.ndindex(*self.window.kernel))

    def _scatter(self, array: Floats) -> Floats:
        """(N, OH, OW, C · M) as (N, OH, OW, C, M)."""
        return array.reshape(*array.shape[:3], self.window.image[2], self.multiplier)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        images, copies = pad(context, part, self.window, context.x[0][part.start : part.stop])
        yield from copies
        y, kernel = self._scatter(context.y[part.start : part.stop]), context.weights("depthwise_kernel")
        product = context.scratch.array(part.thread, "product", y.shape)
        for count, (down, right) in enumerate(self._offsets()):
            seen = self.window.shift(images, down, right)[..., None]
            yield from accumulate(y, partial(_times, seen, kernel[down, right]), count == 0, product)
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
        for down, right in self._offsets():
            yield partial(np.multiply, self.window.shift(images, down, right)[..., None], dy, product)
            place = target[down, right]
            yield from accumulate(place, partial(sum_into, product, (0, 1, 2)), part.first, np.empty_like(place))

    def _input_gradient(self, context: OperationContext, part: BatchSlice, dy: Floats, dx: Floats) -> Iterator[Task]:
        kernel = context.weights("depthwise_kernel")
        wide = context.scratch.array(part.thread, "scatter", (part.size, *self.window.padded_shape))
        product = context.scratch.array(part.thread, "product", dy.shape)
        share = context.scratch.array(part.thread, "share", dy.shape[:-1])
        yield partial(wide.fill, 0)
        for down, right in self._offsets():
            yield partial(np.multiply, dy, kernel[down, right], product)
            yield partial(np.add.reduce, product, -1, None, share)
            place = self.window.shift(wide, down, right)
            yield partial(np.add, place, share, place)
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
    border = context.scratch.border(part.thread, f"{context.position} {window.padded_shape}", (len(images), *window.padded_shape))
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
    if window.dilation[1] != 1:
        return patches
    shape = (*patches.shape[:4], patches.shape[4] * patches.shape[5])
    return as_strided(patches, shape, (*patches.strides[:4], patches.strides[5]), writeable=patches.flags.writeable)


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
        yield partial(np.matmul, flat, kernel.T, patches)
        yield partial(wide.fill, 0)
        shares = patches.reshape(count, *window.output, *window.kernel, -1)
        # Patches overlap, so they cannot be added at once; those of one element of the kernel do not, so each is one strided sum.
        for down, right in np.ndindex(*window.kernel):
            place = window.shift(wide, down, right)
            yield partial(np.add, place, shares[:, :, :, down, right], place)
        yield partial(np.copyto, dx[start:stop], window.interior(wide))
