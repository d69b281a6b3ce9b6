"""Draw the parameters of a batch: pure numbers, each a function of (seed, pass, position in the pass) alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittool.augmentation.crops import RandAugment
from fittool.augmentation.rectangles import draw_crops, draw_erased, happens
from fittool.augmentation.settings import Augmentation
from fittool.rng import bits, uniforms

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_FIRST_DRAWS = 11


@dataclass(frozen=True)
class Parameters:
    """The changes to each of N images.

    Attributes:
        theta: (N,) turn in degrees.
        tx, ty: (N,) shift along columns and rows, in pixels.
        shear: (N,) in degrees.
        zx, zy: (N,) zoom of columns and rows; below 1 enlarges.
        flip_horizontal, flip_vertical: (N,) whether to swap left and right, top and bottom.
        channel_shift: (N,) pixel value to add.
        brightness: (N,) factor.
        inversion: (N,) whether to invert.
        crop: (N, 4) what is cut out: its middle's x and y from the image's, in pixels, its share of width and height.
        contrast, saturation: (N,) factors.
        hue: (N,) turn of the colour circle in degrees.
        blur: (N,) standard deviation in pixels.
        rand_augment: (N, K) operations in `OPERATIONS`, one after another; turned round (a negative strength) where below 0.
        erased: (N, 4) left, top, width and height in pixels.
        noise: (N,) keys of the noise in erased rectangles.

    Those from `crop` on are None where they are switched off.
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
    crop: Floats | None = None
    contrast: Floats | None = None
    saturation: Floats | None = None
    hue: Floats | None = None
    blur: Floats | None = None
    rand_augment: NDArray[np.int64] | None = None
    erased: NDArray[np.int64] | None = None
    noise: NDArray[np.uint64] | None = None

    def describe(self, index: int) -> str:
        """The changes to image `index`, in a few words, or "unchanged"."""
        shown = []
        for name, (form, neutral) in _FORMS.items():
            values = getattr(self, name)
            if values is not None and values[index] != neutral:
                shown.append(form.format(values[index]))
        if self.crop is not None and tuple(self.crop[index]) != (0, 0, 1, 1):
            shown.append("crop {2:.0%} x {3:.0%} at {0:+.1f}, {1:+.1f}".format(*self.crop[index]))
        if self.rand_augment is not None:
            shown += [RAND_OPERATIONS[abs(code) - 1] for code in self.rand_augment[index] if code]
        if self.erased is not None and self.erased[index, 2]:
            shown.append("erased {2} x {3}".format(*self.erased[index]))
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
    "contrast": ("contrast {:.2f}", 1),
    "saturation": ("saturation {:.2f}", 1),
    "hue": ("hue {:z.1f}°", 0),
    "blur": ("blur {:.1f}", 0),
}

RAND_OPERATIONS = (
    "identity", "shear_x", "shear_y", "translate_x", "translate_y", "rotate", "brightness", "color", "contrast", "sharpness",
    "posterize", "solarize", "autocontrast", "equalize",
)  # fmt: skip
"""RandAugment's operations, in the order of torchvision's."""


def draw(
    augmentation: Augmentation,
    shape: tuple[int, int, int],
    seed: int,
    pass_number: int,
    positions: ArrayLike,
    samples: ArrayLike | None = None,
) -> Parameters:
    """Draw the parameters of the images at some positions of a pass.

    Each operation has random numbers of its own, so that switching one on leaves the draws of the others as they were.

    Args:
        augmentation: What may happen, and how much.
        shape: (H, W, C) of the images; shifts given as fractions are fractions of H and W.
        seed: The run's seed.
        pass_number: Which walk over all samples it is.
        positions: (N,) positions in that pass; row i depends on positions[i] and samples[i] alone.
        samples: (N,) indices of the samples, by which flips alternate; without them, the positions.
    """
    chance = uniforms(seed, "augmentation", pass_number, positions=positions, draws=_FIRST_DRAWS).T
    low, high = augmentation.zoom
    darkest, brightest = augmentation.brightness_range or (1.0, 1.0)
    zx = low + chance[4] * (high - low)
    flips = (chance[6] < augmentation.share_of("horizontal_flip")) & (augmentation.horizontal_flip is True)
    if augmentation.horizontal_flip == "alternating":
        first = bits(seed, "augmentation alternating flip", positions=positions if samples is None else samples)[:, 0]
        flips = (first + np.uint64(pass_number)) % np.uint64(2) == 1
    drawn = {
        "theta": _symmetric(chance[0], augmentation.rotation_range),
        "tx": _shift(chance[1], augmentation.width_shift_range, shape[1]),
        "ty": _shift(chance[2], augmentation.height_shift_range, shape[0]),
        "shear": _symmetric(chance[3], augmentation.shear_range),
        "zx": zx,
        "zy": zx.copy() if augmentation.zoom_keep_aspect else low + chance[5] * (high - low),
        "flip_horizontal": flips,
        "flip_vertical": (chance[7] < augmentation.share_of("vertical_flip")) & augmentation.vertical_flip,
        "channel_shift": _symmetric(chance[8], augmentation.channel_shift_range),
        "brightness": darkest + chance[9] * (brightest - darkest),
        "inversion": chance[10] < augmentation.inversion,
    }
    if augmentation.beyond_keras:
        drawn |= _draw_beyond(augmentation, shape, seed, pass_number, positions)
        _leave_some(drawn, augmentation, seed, pass_number, positions)
    return Parameters(**drawn)


def _draw_beyond(
    augmentation: Augmentation, shape: tuple[int, int, int], seed: int, pass_number: int, positions: ArrayLike
) -> dict[str, NDArray[Any]]:
    """Draws of the operations that Keras does not have, each from a stream of its own."""
    drawn: dict[str, NDArray[Any]] = {}
    hue, rand = augmentation.hue_range, augmentation.rand_augment
    ranges = {
        "contrast": augmentation.contrast_range,
        "saturation": augmentation.saturation_range,
        "hue": (-hue, hue) if hue else None,
        "blur": augmentation.blur,
    }
    for name, interval in ranges.items():
        if interval is not None:
            chance = uniforms(seed, f"augmentation {name}", pass_number, positions=positions)[:, 0]
            drawn[name] = interval[0] + chance * (interval[1] - interval[0])
    if augmentation.random_crop is not None or augmentation.random_resized_crop is not None:
        crops = augmentation.random_crop, augmentation.random_resized_crop
        shares = augmentation.share_of("random_crop"), augmentation.share_of("random_resized_crop")
        drawn["crop"] = draw_crops(*crops, shape, seed, pass_number, positions, shares)
    if augmentation.random_erasing is not None:
        drawn["erased"] = draw_erased(augmentation.random_erasing, shape, seed, pass_number, positions)
        drawn["noise"] = bits(seed, "augmentation noise", pass_number, positions=positions)[:, 0]
    if rand is not None:
        drawn["rand_augment"] = _rand_augment(rand, seed, pass_number, positions)
    return drawn


def _rand_augment(rand: RandAugment, seed: int, pass_number: int, positions: ArrayLike) -> NDArray[np.int64]:
    """(N, K) numbers of operations from 1, negative for a negative strength."""
    chance = uniforms(seed, "augmentation rand_augment", pass_number, positions=positions, draws=28)
    which = 1 + (chance[:, : rand.operations] * len(RAND_OPERATIONS)).astype(np.int64)
    return np.where(chance[:, 14 : 14 + rand.operations] < 0.5, -which, which)


_OPERATION_FIELDS: dict[str, dict[str, object]] = {
    "rotation_range": {"theta": 0},
    "width_shift_range": {"tx": 0},
    "height_shift_range": {"ty": 0},
    "brightness_range": {"brightness": 1},
    "shear_range": {"shear": 0},
    "zoom_range": {"zx": 1, "zy": 1},
    "channel_shift_range": {"channel_shift": 0},
    "contrast_range": {"contrast": 1},
    "saturation_range": {"saturation": 1},
    "hue_range": {"hue": 0},
    "blur": {"blur": 0},
    "rand_augment": {"rand_augment": 0},
}


def _leave_some(
    drawn: dict[str, NDArray[Any]], augmentation: Augmentation, seed: int, pass_number: int, positions: ArrayLike
) -> None:
    """Make each operation neutral in the images that its probability leaves out, in place."""
    for operation, neutral in _OPERATION_FIELDS.items():
        share = augmentation.share_of(operation)
        if share < 1 and any(name in drawn for name in neutral):
            left_out = ~happens(operation, share, seed, pass_number, positions)
            for name in neutral.keys() & drawn.keys():
                drawn[name][left_out] = neutral[name]


def _symmetric(chance: Floats, limit: float) -> Floats:
    """Numbers in [-limit, limit) from numbers in [0, 1)."""
    return (2 * chance - 1) * limit


def _shift(chance: Floats, shift: int | float | tuple[float, ...], side: int) -> Floats:
    """Shifts in pixels, of an axis of `side` pixels."""
    if isinstance(shift, tuple):
        unit = side if max(shift) < 1 else 1  # as in Keras, fractions where all are below 1
        choices = np.array([sign * value * unit for value in shift for sign in (1, -1)])
        return choices[(chance * len(choices)).astype(np.intp)]
    if isinstance(shift, int):
        limit = max(shift - 1, 0)
        return np.floor(chance * (2 * limit + 1)) - limit
    return _symmetric(chance, shift * side if shift < 1 else shift)
