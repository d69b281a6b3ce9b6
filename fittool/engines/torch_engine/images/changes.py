"""All random changes of a batch of images in their order."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from fittool.augmentation.image_changes import ImageChanges
from fittool.engines.torch_engine.images.colour import Arrived, recolour
from fittool.engines.torch_engine.images.cover import erase
from fittool.engines.torch_engine.images.warp import warp


def change(images: Tensor, changes: ImageChanges, arrived: Arrived) -> Tensor:
    """Change each image as was drawn: the warp, the colours, erasing.

    Args:
        images: (N, H, W, C) uint8 or float32; other numbers become float32.
        changes: Of N images.
        arrived: Brings an array to the device, without a wait.

    Returns:
        (N, H, W, C), of the type of `images`.
    """
    augmentation, lines, parameters = changes.augmentation, changes.lines, changes.parameters
    if images.dtype not in (torch.uint8, torch.float32):
        images = images.to(torch.float32)
    if lines is not None:
        columns, rows = arrived(lines.columns), arrived(lines.rows)
        images = warp(images, columns, rows, augmentation.fill_mode, augmentation.cval, nearest=changes.nearest)
    images = recolour(images, parameters, arrived)
    erasing = augmentation.random_erasing
    if erasing is None or parameters.erased is None:
        return images
    return erase(images, arrived(parameters.erased), cast("float | tuple[float, ...]", erasing.value))
