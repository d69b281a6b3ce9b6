"""MixUp and CutMix: each sample of a batch is mixed with another one of it, targets and weights too.

Everything drawn is a function of (seed, pass, first position of the batch).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.augmentation.settings import Augmentation

Arrays = tuple[NDArray[Any], ...]
Mixed = tuple[Arrays, Arrays, NDArray[Any] | None]


def mixes(augmentation: Augmentation) -> bool:
    """True where samples are mixed."""
    return augmentation.mixup > 0 or augmentation.cutmix > 0


@dataclass(frozen=True)
class Mixing:
    """The way the N samples of a batch are mixed.

    Attributes:
        partner: (N,) the place in the batch of the sample that each is mixed with.
        share: Of each sample in its mixture.
        box: Rows and columns of the rectangle that is pasted, by CutMix; None where values are mixed.
    """

    partner: NDArray[np.int64]
    share: float
    box: tuple[slice, slice] | None

    def weigh(self, sample_weight: NDArray[Any] | None) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """The share of each sample's own target, () or (N,) or (N, outputs), and the mixed weights.

        Args:
            sample_weight: (N,) or (N, outputs), or None.
        """
        return _weigh(self.share, sample_weight, self.partner)


def draw_mixing(
    augmentation: Augmentation, count: int, sides: tuple[int, ...], seed: int, pass_number: int, first: int
) -> Mixing:
    """Draw how a batch is mixed.

    Args:
        augmentation: What may happen.
        count: Samples in the batch, N.
        sides: Height and width of the images, in pixels.
        seed, pass_number, first: As for `mix`.
    """
    numbers = rng.generator(seed, "mixing", pass_number, first)
    order = numbers.permutation(count)
    partner = np.empty(count, np.int64)
    partner[order] = np.roll(order, 1)
    chosen = augmentation.cutmix > 0 and (augmentation.mixup == 0 or numbers.random() < 0.5)
    strength = augmentation.cutmix if chosen else augmentation.mixup
    share = float(numbers.beta(strength, strength))
    if not chosen:
        return Mixing(partner, share, None)
    height, width = sides
    box = _box(share, height, width, numbers)
    return Mixing(partner, 1 - (box[0].stop - box[0].start) * (box[1].stop - box[1].start) / (height * width), box)


def mix(
    augmentation: Augmentation,
    inputs: Arrays,
    targets: Arrays,
    sample_weight: NDArray[Any] | None,
    seed: int,
    pass_number: int,
    first: int,
) -> Mixed:
    """Mix a batch by MixUp or CutMix; where both are set, one of them is chosen for the batch.

    MixUp (Zhang et al. 2018): `x = s · x_i + (1 - s) · x_j` and `y = s · y_i + (1 - s) · y_j` with s from Beta(mixup, mixup).
    CutMix (Yun et al. 2019): a rectangle with √(1 - s) of height and width about a uniform centre, cut at the borders, is
    taken from x_j; s becomes the share of x_i that is left, and targets are mixed as above. Each j is another place of the
    batch's random order. With weights, `w = s · w_i + (1 - s) · w_j` and y is mixed by the shares of w, so that a loss which
    is linear in y is the mixed loss exactly.

    Args:
        augmentation: What may happen.
        inputs: Images, each (N, H, W, C) uint8 or float32.
        targets: Each (N,) or (N, …), numbers that can be mixed; the very tuple `inputs` where the images are the targets.
        sample_weight: (N,) or (N, outputs), or None.
        seed: The run's seed.
        pass_number: Which walk over all samples it is.
        first: The position of the batch's first sample in that pass.

    Returns:
        The three, new; inputs float32 after MixUp, targets and weights float32.
    """
    mixing = draw_mixing(augmentation, len(inputs[0]), inputs[0].shape[1:3], seed, pass_number, first)
    partner, share, box = mixing.partner, mixing.share, mixing.box
    if box is not None:
        mixed = tuple(_paste(images, partner, box) for images in inputs)
    else:
        mixed = tuple(_between(images, images[partner], np.float32(share)) for images in inputs)
    shares, weight = mixing.weigh(sample_weight)
    if targets is inputs:
        return mixed, mixed, weight
    of_output = [shares if shares.ndim < 2 else shares[:, output] for output in range(len(targets))]
    return mixed, tuple(_between(y, y[partner], s) for y, s in zip(targets, of_output, strict=True)), weight


def _box(share: float, height: int, width: int, numbers: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of the rectangle, which takes 1 - share of the area before it is cut at the borders."""
    side = np.sqrt(1 - share)
    sides = []
    for length in (height, width):
        half, centre = int(length * side) // 2, int(numbers.integers(length))
        sides.append(slice(max(centre - half, 0), min(centre + half, length)))
    return sides[0], sides[1]


def _paste(images: NDArray[Any], partner: NDArray[np.int64], box: tuple[slice, slice]) -> NDArray[Any]:
    result = images.copy()
    result[:, box[0], box[1]] = images[partner, box[0], box[1]]
    return result


def _between(own: NDArray[Any], other: NDArray[Any], share: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """`share · own + (1 - share) · other` in float32; share is one number or (N,)."""
    own, other = own.astype(np.float32), other.astype(np.float32)
    share = np.reshape(share, (-1,) + (1,) * (own.ndim - 1))
    return np.asarray(share * own + (1 - share) * other, np.float32)


def _weigh(
    share: float, sample_weight: NDArray[Any] | None, partner: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """The share of each sample's own target, () or (N,) or (N, outputs), and the mixed weights."""
    plain = np.asarray(share, np.float32)
    if sample_weight is None:
        return plain, None
    own = plain * sample_weight.astype(np.float32)
    weight = own + (1 - plain) * sample_weight[partner].astype(np.float32)
    shares = np.divide(own, weight, out=np.full(weight.shape, plain, np.float32), where=weight > 0)
    return shares, weight
