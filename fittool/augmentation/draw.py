"""Draw the parameters of a batch: pure numbers, each a function of (seed, pass, position in the pass) alone."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittool.augmentation.settings import Augmentation
from fittool.chance import uniforms

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Parameters:
    """How each of N images is changed.

    Attributes:
        theta: (N,) turn in degrees.
        tx, ty: (N,) shift along columns and rows, in pixels.
        shear: (N,) in degrees.
        zx, zy: (N,) zoom of columns and rows; below 1 enlarges.
        flip_horizontal, flip_vertical: (N,) whether to swap left and right, top and bottom.
        channel_shift: (N,) pixel value to add.
        brightness: (N,) factor.
        inversion: (N,) whether to invert.
    """

    theta: Floats
    tx: Floats
    ty: Floats
    shear: Floats
    zx: Floats
    zy: Floats
    flip_horizontal: Flags
    flip_vertical: Flags
    channel_shift: Floats
    brightness: Floats
    inversion: Flags

    def describe(self, index: int) -> str:
        """What is done to image `index`, in a few words, or "unchanged"."""
        shown = []
        for name, (form, neutral) in _FORMS.items():
            value = getattr(self, name)[index]
            if value != neutral:
                shown.append(form.format(value))
        return ", ".join(shown) or "unchanged"


_FORMS: dict[str, tuple[str, float]] = {
    "theta": ("theta {:z.1f}°", 0),
    "tx": ("tx {:z.1f}", 0),
    "ty": ("ty {:z.1f}", 0),
    "shear": ("shear {:z.1f}°", 0),
    "zx": ("zx {:.2f}", 1),
    "zy": ("zy {:.2f}", 1),
    "flip_horizontal": ("flipped", False),
    "flip_vertical": ("upside down", False),
    "channel_shift": ("channel shift {:.3g}", 0),
    "brightness": ("brightness {:.2f}", 1),
    "inversion": ("inverted", False),
}


def draw(
    augmentation: Augmentation, shape: tuple[int, int, int], seed: int, pass_number: int, positions: ArrayLike
) -> Parameters:
    """Draw the parameters of the images at some positions of a pass.

    Each operation has random numbers of its own, so that switching one on leaves the draws of the others as they were.

    Args:
        augmentation: What may happen, and how much.
        shape: (H, W, C) of the images; shifts given as fractions are fractions of H and W.
        seed: The run's seed.
        pass_number: Which walk over all samples it is.
        positions: (N,) positions in that pass; row i depends on positions[i] alone.
    """
    chance = uniforms(seed, "augmentation", pass_number, positions=positions, draws=len(fields(Parameters))).T
    low, high = augmentation.zoom
    darkest, brightest = augmentation.brightness_range or (1.0, 1.0)
    return Parameters(
        theta=_symmetric(chance[0], augmentation.rotation_range),
        tx=_shift(chance[1], augmentation.width_shift_range, shape[1]),
        ty=_shift(chance[2], augmentation.height_shift_range, shape[0]),
        shear=_symmetric(chance[3], augmentation.shear_range),
        zx=low + chance[4] * (high - low),
        zy=low + chance[5] * (high - low),
        flip_horizontal=(chance[6] < 0.5) & augmentation.horizontal_flip,
        flip_vertical=(chance[7] < 0.5) & augmentation.vertical_flip,
        channel_shift=_symmetric(chance[8], augmentation.channel_shift_range),
        brightness=darkest + chance[9] * (brightest - darkest),
        inversion=chance[10] < augmentation.inversion,
    )


def _symmetric(chance: Floats, limit: float) -> Floats:
    """Numbers in [-limit, limit) from numbers in [0, 1)."""
    return (2 * chance - 1) * limit


def _shift(chance: Floats, shift: int | float | tuple[float, ...], side: int) -> Floats:
    """Shifts in pixels, of an axis of `side` pixels."""
    if isinstance(shift, tuple):
        choices = np.array([sign * value for value in shift for sign in (1, -1)])
        return choices[(chance * len(choices)).astype(np.intp)]
    if isinstance(shift, int):
        limit = max(shift - 1, 0)
        return np.floor(chance * (2 * limit + 1)) - limit
    return _symmetric(chance, shift * side if shift < 1 else shift)
