"""Convolutions over images (N, H, W, C), with Keras's padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine.activations import Function
from fittool.nn.shapes import Shape, transposed_padding, window_padding


@dataclass(frozen=True)
class Window:
    """The way a kernel walks over images or volumes: Keras's `same` may pad one side more than the other, PyTorch both alike.

    Attributes:
        uneven: Padding that is done first, (before, after) of the last spatial axis, then of the one before; None where PyTorch
            does all of it.
        even: The padding on both sides of each axis that PyTorch does itself.
    """

    kernel: Shape
    strides: Shape
    dilation: Shape
    uneven: Shape | None
    even: Shape

    def padded(self, images: Tensor, value: float = 0.0) -> Tensor:
        """Images (N, …, C) behind the padding that PyTorch does not do."""
        return images if self.uneven is None else F.pad(images, (0, 0, *self.uneven), value=value)


def window_over(image: Shape, kernel: Shape, strides: Shape, padding: str, dilation: Shape | None = None) -> Window:
    """The way a kernel walks over (H, W, C) images or (D, H, W, C) volumes."""
    dilation = (1,) * len(kernel) if dilation is None else dilation
    sides = zip(image, kernel, strides, dilation, strict=False)
    ends = [window_padding(size, reach, stride, padding, step) for size, reach, stride, step in sides]
    if all(before == after for before, after in ends):
        return Window(kernel, strides, dilation, None, tuple(before for before, _ in ends))
    uneven = tuple(side for end in reversed(ends) for side in end)
    return Window(kernel, strides, dilation, uneven, (0,) * len(kernel))


def channels_second(images: Tensor) -> Tensor:
    """(N, H, W, C) as (N, C, H, W), a view; of volumes likewise."""
    return images.permute(0, 3, 1, 2) if images.ndim == 4 else images.movedim(-1, 1)


def channels_last(images: Tensor) -> Tensor:
    """(N, C, H, W) as (N, H, W, C), a view; of volumes likewise."""
    return images.permute(0, 2, 3, 1) if images.ndim == 4 else images.movedim(1, -1)


def convolve(
    images: Tensor, kernel: Tensor, bias: Tensor | None, window: Window, groups: int = 1, last: Function | None = None
) -> Tensor:
    """The convolution of (N, …, C) with a kernel (filters, C / groups, …): (N, …, filters), for images and volumes.

    Args:
        images, kernel, bias, window, groups: As they say.
        last: What is done to each element of the result, in its place.
    """
    function = F.conv2d if images.ndim == 4 else F.conv3d
    y = function(channels_second(window.padded(images)), kernel, bias, window.strides, window.even, window.dilation, groups)
    return channels_last(y if last is None else last(y))


def depthwise(images: Tensor, kernel: Tensor, bias: Tensor | None, window: Window, last: Function | None = None) -> Tensor:
    """The convolution of each channel by itself: (N, H, W, C) and (C, m, height, width) give (N, H', W', C · m)."""
    channels, multiplier, *sides = kernel.shape
    return convolve(images, kernel.reshape(channels * multiplier, 1, *sides), bias, window, channels, last)


def transposed(layer: Any, image: Shape, output: Shape) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """The transpose of a convolution: a function of images (N, H, W, C), kernel (C, filters, height, width) and bias.

    PyTorch's result is what all windows together cover; Keras cuts it, or appends places that no window reaches.

    Args:
        layer: A `Conv2DTranspose`.
        image: Shape of its input, (H, W, C).
        output: Shape of its output, (H', W', filters).
    """
    sides = list(zip(image[:2], layer.kernel_size, layer.strides, layer.dilation_rate, output[:2], strict=True))
    before = [transposed_padding(size, reach, step, layer.padding, gap, count)[0] for size, reach, step, gap, count in sides]
    covered = [(size - 1) * step + (reach - 1) * gap + 1 for size, reach, step, gap, _ in sides]
    missing = [max(first + count - whole, 0) for first, count, whole in zip(before, output[:2], covered, strict=True)]
    (top, left), (height, width) = before, output[:2]

    def call(images: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        x = F.conv_transpose2d(channels_second(images), kernel, None, layer.strides, 0, 0, 1, layer.dilation_rate)
        whole = F.pad(channels_last(x), (0, 0, 0, missing[1], 0, missing[0]))
        cut = whole[:, top : top + height, left : left + width]
        return cut if bias is None else cut + bias

    return call
