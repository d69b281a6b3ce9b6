"""Rectangles and pairs on a device: random erasing with set values, MixUp and CutMix, as in `fittool.augmentation`."""

from __future__ import annotations

import torch
from torch import Tensor

Box = tuple[slice, slice]


def erase(images: Tensor, rectangles: Tensor, value: float | tuple[float, ...]) -> Tensor:
    """Cover a rectangle of each image.

    Args:
        images: (N, H, W, C) uint8 or float32.
        rectangles: (N, 4) left, top, width and height in pixels; width 0 covers nothing.
        value: A number, or one for each channel; rounded and clipped to 0…255 for uint8 images.
    """
    left, top, width, height = (side.view(-1, 1, 1) for side in rectangles.unbind(1))
    column = torch.arange(images.shape[2], device=images.device).view(1, 1, -1)
    row = torch.arange(images.shape[1], device=images.device).view(1, -1, 1)
    covered = (column >= left) & (column < left + width) & (row >= top) & (row < top + height)
    values = value if isinstance(value, tuple) else (value,) * images.shape[-1]
    if images.dtype == torch.uint8:
        values = tuple(round(min(max(one, 0), 255)) for one in values)
    # Channel by channel, as numbers in a call cost no transfer from the host.
    return torch.stack([channel.masked_fill(covered, one) for channel, one in zip(images.unbind(-1), values, strict=True)], -1)


def paste(images: Tensor, partner: Tensor, box: Box) -> Tensor:
    """Images (N, H, W, C) with the rectangle of the image at place `partner`, (N,), of the batch."""
    mixed, (rows, columns) = images.clone(), box
    mixed[:, rows, columns] = images[:, rows, columns].index_select(0, partner)
    return mixed


def between(own: Tensor, partner: Tensor, share: Tensor | float) -> Tensor:
    """`share · own + (1 - share) · other` in float32, of samples (N, …); share is one number or (N,)."""
    values = own.to(torch.float32)
    part = share.view(-1, *[1] * (values.ndim - 1)) if isinstance(share, Tensor) else share
    return part * values + (1 - part) * values.index_select(0, partner)
