"""The changes of values of `fittool.augmentation.colour` on a device, in its order and with its formulas, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fittool.augmentation.draw import Parameters

Arrived = Callable[[NDArray[Any]], Tensor]
"""Brings an array to the device, without a wait."""
_LUMA = (0.299, 0.587, 0.114)
_CIRCLE = (5.0, 3.0, 1.0)
_TONES: dict[str, float] = {"contrast": 1, "saturation": 1, "hue": 0}


def recolour(images: Tensor, parameters: Parameters, arrived: Arrived) -> Tensor:
    """Images (N, H, W, C), uint8 or float32, behind channel shift, brightness, contrast, saturation, hue, blur and inversion."""
    names = [name for name in ("channel_shift", "brightness", *_TONES, "inversion") if _changes(parameters, name)]
    if not names and not _blurs(parameters):
        return images
    drawn = {name: np.asarray(getattr(parameters, name), np.float32) for name in names}
    if "hue" in drawn:
        drawn["hue"] = (np.asarray(parameters.hue) / 60).astype(np.float32)
    table = arrived(np.stack(list(drawn.values()))) if drawn else torch.zeros(0)
    factors = {name: row.view(-1, 1, 1, 1) for name, row in zip(drawn, table, strict=True)}
    images = _stored(_shade(images, factors), images.dtype)
    images = _tone(images, factors, parameters, arrived)
    return _invert(images, factors["inversion"]) if "inversion" in factors else images


def _changes(parameters: Parameters, name: str) -> bool:
    """True where an operation changes any image."""
    values = getattr(parameters, name)
    neutral = {"brightness": 1, **_TONES}.get(name, 0)
    return values is not None and bool((values != neutral).any())


def _blurs(parameters: Parameters) -> bool:
    return parameters.blur is not None and bool(parameters.blur.any())


def _stored(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Values in the type of the images; clipped and rounded where that is uint8."""
    return values.clamp(0, 255).round().to(torch.uint8) if dtype == torch.uint8 else values


def _range_of(images: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest and the highest value of each image, (N, 1, 1, 1)."""
    return images.amin(dim=(1, 2, 3), keepdim=True), images.amax(dim=(1, 2, 3), keepdim=True)


def _shade(images: Tensor, factors: Mapping[str, Tensor]) -> Tensor:
    values = images.to(torch.float32)
    if "channel_shift" in factors:
        values = (values + factors["channel_shift"]).clamp(*_range_of(values))
    return values * factors["brightness"] if "brightness" in factors else values


def _tone(images: Tensor, factors: Mapping[str, Tensor], parameters: Parameters, arrived: Arrived) -> Tensor:
    """Contrast, saturation and hue, then blur; rounded once."""
    if not factors.keys() & _TONES and not _blurs(parameters):
        return images
    values = images.to(torch.float32)
    if "contrast" in factors:
        values = _blend(values, _grey(values).mean(dim=(1, 2, 3), keepdim=True), factors["contrast"])
    if "saturation" in factors:
        values = _blend(values, _grey(values), factors["saturation"])
    if "hue" in factors:
        values = _turn(values, factors["hue"])
    if _blurs(parameters):
        values = _blur(values, np.asarray(parameters.blur), arrived)
    return _stored(values, images.dtype)


def _invert(images: Tensor, chosen: Tensor) -> Tensor:
    if images.dtype == torch.uint8:
        return torch.where(chosen > 0, 255 - images, images)
    low, high = _range_of(images)
    return torch.where(chosen > 0, low + high - images, images)


def _weighted(values: Tensor, numbers: tuple[float, ...]) -> tuple[Tensor, ...]:
    """Each channel with its number, without an array that would have to come from the host."""
    return tuple(values[..., place, None] * number for place, number in enumerate(numbers))


def _grey(values: Tensor) -> Tensor:
    """(N, H, W, 1) brightness of each pixel, by ITU-R 601-2 as in Pillow; the mean where there are not 3 channels."""
    if values.shape[-1] != len(_LUMA):
        return values.mean(dim=-1, keepdim=True)
    red, green, blue = _weighted(values, _LUMA)
    return red + green + blue


def _blend(values: Tensor, base: Tensor, factor: Tensor) -> Tensor:
    """`base + factor * (values - base)`."""
    return base + factor * (values - base)


def _turn(values: Tensor, sixths: Tensor) -> Tensor:
    """The hue turned by sixths of the circle, (N, 1, 1, 1), keeping value and chroma, of HSV (Smith 1978)."""
    high, low = values.amax(dim=-1, keepdim=True), values.amin(dim=-1, keepdim=True)
    chroma = high - low
    red, green, blue = ((high - values) / torch.where(chroma > 0, chroma, 1)).unbind(-1)
    # The strongest channel is the one that is not below the highest value; where two are, both sides of the fold agree.
    place = torch.where(red == 0, blue - green, torch.where(green == 0, 2 + red - blue, 4 + green - red))[..., None] + sixths
    turned = torch.cat([(place + start).remainder(6) for start in _CIRCLE], dim=-1)
    return high - chroma * torch.minimum(turned, 4 - turned).clamp(0, 1)


def _blur(values: Tensor, sigmas: NDArray[np.float64], arrived: Arrived) -> Tensor:
    """A Gaussian of its own deviation for each image, cut at 4 of them, mirrored at the borders; 0 leaves an image as it is."""
    weights = gaussians(sigmas)
    taps = arrived(weights).t()[:, :, None, None, None].unbind(0)
    radius = len(taps) // 2
    for axis in (1, 2):
        side = values.shape[axis]
        padded = values.index_select(axis, arrived(mirrored(side, radius)))
        values = torch.stack([tap * padded.narrow(axis, at, side) for at, tap in enumerate(taps)]).sum(dim=0)
    return values


def gaussians(sigmas: NDArray[np.float64]) -> NDArray[np.float32]:
    """(N, 2 · radius + 1) weights of Gaussians with (N,) deviations in pixels, each cut at 4 of its own; they sum to 1."""
    reach = (4 * sigmas + 0.5).astype(np.int64)[:, None]
    places = np.arange(-int(reach.max()), int(reach.max()) + 1)
    exponents = -0.5 * (places / np.where(sigmas > 0, sigmas, 1)[:, None]) ** 2
    weights = np.where(np.abs(places) <= reach, np.exp(exponents), 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def mirrored(side: int, radius: int) -> NDArray[np.int64]:
    """(side + 2 · radius,) places of an axis with its mirror image on both sides, `cba|abc|cba`."""
    places = np.arange(-radius, side + radius) % (2 * side)
    return np.minimum(places, 2 * side - 1 - places)
