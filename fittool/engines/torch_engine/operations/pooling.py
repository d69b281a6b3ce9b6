"""Pooling over windows of images (N, H, W, C) and volumes (N, D, H, W, C); places outside do not count."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine.operations.convolution import Window, channels_last, channels_second


def largest_pooling(window: Window) -> Callable[[Tensor], Tensor]:
    """The largest value of each window; its gradient goes to the first place that holds it."""

    def call(images: Tensor) -> Tensor:
        x = channels_second(window.padded(images, -torch.inf))
        pool = F.max_pool2d if x.ndim == 4 else F.max_pool3d
        return channels_last(pool(x, window.kernel, window.strides, window.even))

    return call


def average_pooling(window: Window) -> Callable[[Tensor], Tensor]:
    """The mean of each window over the places that lie inside the image."""

    def call(images: Tensor) -> Tensor:
        x = channels_second(window.padded(images))
        pool = F.avg_pool2d if x.ndim == 4 else F.avg_pool3d
        if window.uneven is None:
            return channels_last(pool(x, window.kernel, window.strides, window.even, count_include_pad=False))
        inside = channels_second(window.padded(torch.ones_like(images[:1, ..., :1])))
        # PyTorch cannot tell this padding from pixels, so the means are taken of sums and of how many places are real.
        sums, counts = (pool(array, window.kernel, window.strides, divisor_override=1) for array in (x, inside))
        return channels_last(sums / counts)

    return call
