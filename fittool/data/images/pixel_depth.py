"""Pixels of more than 8 bits brought to 0 to 255: which value is white is known from the file, or from the user, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIXTEEN_BITS, _TWELVE_BITS, _EIGHT_BITS = 65535, 4095, 255
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # of TIFF
_MEND = "set data.image.white_level to the value that is white, or save it with 8 bits"


def raw_mode(image: Image.Image) -> str:
    """Pillow's word for how the pixels are stored in a file that is open and not decoded yet, such as `RGB;16B`."""
    tiles = image.tile if hasattr(image, "tile") else []
    stored = tiles[0][3] if tiles else ""
    return str(stored[0] if isinstance(stored, tuple) and stored else stored)


def check_colours(raw: str, mode: str, white_level: float | None) -> None:
    """Refuse a white level for colours of 16 bits, of which Pillow gives the upper half only.

    Raises:
        ValueError: Says so.
    """
    if white_level is not None and ";16" in raw and not _is_deep(mode):
        raise ValueError("white_level is for grey images, and its colours have 16 bits, of which only the upper 8 are read")


def in_eight_bits(image: Image.Image, raw: str, white_level: float | None) -> Image.Image:
    """An image of 12, 16 or 32 bits or of floating-point numbers in 8, rounded; every other as it is.

    The transparent value, if the image has one, becomes an alpha channel.

    Raises:
        ValueError: Nobody says which value is white, or a pixel is beyond it.
    """
    if not _is_deep(image.mode):
        return image
    values = np.asarray(image).astype(np.float64 if image.mode == "F" else np.int64)
    white = _white(image, raw, values) if white_level is None else white_level
    if values.min() < 0 or values.max() > white:
        wrong = values.min() if values.min() < 0 else values.max()
        raise ValueError(f"it holds the value {wrong:g}, but black is 0 and white {white:g}")
    scaled = values if white == _EIGHT_BITS else _scale(values, white)
    if _white_is_zero(image):
        scaled = _EIGHT_BITS - scaled
    grey = Image.fromarray(scaled.astype(np.uint8))
    if "transparency" not in image.info:
        return grey
    seen = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
    return Image.merge("LA", (grey, Image.fromarray(seen)))


def _is_deep(mode: str) -> bool:
    return mode.startswith(("I", "F"))


def _scale(values: NDArray[Any], white: float) -> NDArray[Any]:
    if white == _SIXTEEN_BITS:
        return np.asarray((values.astype(np.int64) + 128) // 257)  # in whole numbers: the same on all machines
    return np.rint(values * (_EIGHT_BITS / white))


def _white(image: Image.Image, raw: str, values: NDArray[Any]) -> int:
    """The value that is white in this file.

    Raises:
        ValueError: It cannot be known.
    """
    if image.mode == "F":
        raise ValueError(f"its pixels are floating-point numbers; {_MEND}")
    if "12" in raw:
        return _TWELVE_BITS
    if image.mode.startswith("I;16") or image.format == "PPM":  # Pillow brings PGM of any depth beyond 8 bits to 16
        return _SIXTEEN_BITS
    if values.max() > _EIGHT_BITS or values.min() < 0:
        raise ValueError(f"its pixels have 32 bits; {_MEND}")
    return _EIGHT_BITS


def _white_is_zero(image: Image.Image) -> bool:
    """True where a TIFF file stores its negative, which Pillow undoes for 8 bits only."""
    return getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO


@dataclass(frozen=True)
class UnusedDepth:
    """Files of 16 bits that use few of them, so that little is left of them in 8.

    Attributes:
        files: How many were looked at.
        highest: The largest value in them; of colours as Pillow gives it, without the lower 8 bits.
    """

    files: int
    highest: int

    @classmethod
    def of(cls, highest: Sequence[int]) -> UnusedDepth | None:
        """From the largest value of each file; None where they use more than 12 bits, or where there is no such file."""
        return cls(len(highest), max(highest)) if highest and max(highest) <= _TWELVE_BITS else None

    @property
    def is_lost(self) -> bool:
        """True where 0 and 1 would be left."""
        return 0 < self.highest <= _EIGHT_BITS

    def __str__(self) -> str:
        files = "The file of 16 bits that was" if self.files == 1 else f"All {self.files} files of 16 bits that were"
        holds = "holds" if self.files == 1 else "hold"
        if not self.highest:
            return f"{files} looked at {holds} values below 256 of 65,535 only, so that black is left in 8 bits."
        left = "0 and 1 are left in 8 bits" if self.is_lost else "they are nearly black in 8 bits"
        return f"{files} looked at {holds} values up to {self.highest:,} of 65,535 only, so that {left}."


def highest_of_sixteen_bits(image: Image.Image) -> int | None:
    """The highest value in an open image that has 16 bits (of colours its upper 8 bits count); None where it has others."""
    raw = raw_mode(image)
    if "12" in raw or not (image.mode.startswith("I;16") or ";16" in raw):
        return None
    image.load()
    values = np.asarray(image)
    if _is_deep(image.mode):
        return int(values.max())
    return int(values[..., :3].max() if values.ndim == 3 else values.max()) << 8
