"""The random changes of a batch of images, drawn and worked out as far as no pixel is needed: for whoever changes the pixels.

An engine can so change images where it computes, with the very numbers with which the processor would have changed them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.coordinates import Lines
from fittool.augmentation.draw import Parameters, draw
from fittool.augmentation.settings import Augmentation
from fittool.augmentation.warp import matrices, moves_whole_pixels


@dataclass(frozen=True)
class ImageChanges:
    """The changes to N images.

    Attributes:
        augmentation: How to fill and interpolate, and the value that covers.
        parameters: What was drawn, of N images.
        lines: Where each pixel comes from; None where none moves.
        nearest: Whether pixels are taken from the nearest one, rather than mixed of four.
    """

    augmentation: Augmentation
    parameters: Parameters
    lines: Lines | None
    nearest: bool = True


def draw_changes(
    augmentation: Augmentation,
    shape: tuple[int, int, int],
    seed: int,
    pass_number: int,
    positions: NDArray[np.int64],
    samples: NDArray[np.int64],
) -> ImageChanges:
    """Draw the changes of the images at some positions of a pass: those that `fittool.augmentation.augment.augment` makes.

    Args:
        augmentation: What may happen, and how much.
        shape: (H, W, C) of the images.
        seed: The run's seed.
        pass_number: Which walk over all samples it is.
        positions: (N,) positions in that pass.
        samples: (N,) indices of the samples.
    """
    parameters = draw(augmentation, shape, seed, pass_number, positions, samples)
    if not augmentation.warps:
        return ImageChanges(augmentation, parameters, None)
    leading = matrices(parameters, *shape[:2])
    lines = Lines.of(leading, *shape[:2], augmentation.fill_mode)
    return ImageChanges(augmentation, parameters, lines, augmentation.interpolation_order == 0 or moves_whole_pixels(leading))


def only_on_the_processor(augmentation: Augmentation) -> tuple[str, ...]:
    """The settings that only the processor carries out: each image has operations, noise or a function of its own there."""
    erasing = augmentation.random_erasing
    settings = {
        "rand_augment": augmentation.rand_augment is not None,
        "random_erasing.value: random": erasing is not None and erasing.value == "random",
        "preprocessing_function": augmentation.preprocessing_function is not None,
    }
    return tuple(name for name, is_set in settings.items() if is_set)
