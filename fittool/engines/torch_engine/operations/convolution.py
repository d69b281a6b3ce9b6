"""Convolutions over images (N, H, W, C), with Keras's padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.nn.shapes import Shape, transposed_padding, window_padding


@dataclass(frozen=True)
class Window:
    """The way a kernel walks over images: Keras's `same` may pad one side more than the other, PyTorch pads both alike.

    Attributes:
        uneven: (left, right, top, bottom) of padding that is done first; None where PyTorch does all of it.
        even: (vertical, horizontal) of padding on both sides, which PyTorch does itself.
    """

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    uneven: tuple[int, int, int, int] | None
    even: tuple[int, int]

    def padded(self, images: Tensor, value: float = 0.0) -> Tensor:
        """Images (N, H, W, C) behind the padding that PyTorch does not do, (N, H', W', C)."""
        return images if self.uneven is None else F.pad(images, (0, 0, *self.uneven), value=value)


def window_over(
    image: Shape, kernel: tuple[int, int], strides: tuple[int, int], padding: str, dilation: tuple[int, int] = (1, 1)
) -> Window:
    """The way a kernel walks over (H, W, C) images."""
    sides = zip(image[:2], kernel, strides, dilation, strict=True)
    (top, bottom), (left, right) = (window_padding(size, reach, stride, padding, step) for size, reach, stride, step in sides)
    if (top, left) == (bottom, right):
        return Window(kernel, strides, dilation, None, (top, left))
    return Window(kernel, strides, dilation, (left, right, top, bottom), (0, 0))


def channels_second(images: Tensor) -> Tensor:
    """(N, H, W, C) as (N, C, H, W), a view."""
    return images.permute(0, 3, 1, 2)


def channels_fourth(images: Tensor) -> Tensor:
    """(N, C, H, W) as (N, H, W, C), a view."""
    return images.permute(0, 2, 3, 1)


def convolve(images: Tensor, kernel: Tensor, bias: Tensor | None, window: Window, groups: int = 1) -> Tensor:
    """The convolution of (N, H, W, C) with a kernel (filters, C / groups, height, width): (N, H', W', filters)."""
    x = channels_second(window.padded(images))
    return channels_fourth(F.conv2d(x, kernel, bias, window.strides, window.even, window.dilation, groups))


def depthwise(images: Tensor, kernel: Tensor, bias: Tensor | None, window: Window) -> Tensor:
    """The convolution of each channel by itself: (N, H, W, C) and (C, m, height, width) give (N, H', W', C · m)."""
    channels, multiplier, *sides = kernel.shape
    return convolve(images, kernel.reshape(channels * multiplier, 1, *sides), bias, window, channels)


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
        whole = F.pad(channels_fourth(x), (0, 0, 0, missing[1], 0, missing[0]))
        cut = whole[:, top : top + height, left : left + width]
        return cut if bias is None else cut + bias

    return call
