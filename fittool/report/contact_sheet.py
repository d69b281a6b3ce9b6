"""One picture that shows what augmentation does: originals at the left, their changed versions beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_MARGIN, _GAP, _LABEL_GAP, _ROW_GAP = 28, 10, 20, 22
_SMALLEST_SIDE, _LARGEST_SIDE = 112, 320
_LABEL_WIDTH = 180
_PAPER, _INK, _FAINT, _RULE = (250, 250, 248), (34, 34, 38), (112, 112, 120), (208, 208, 204)
_CHECKER = ((255, 255, 255), (222, 222, 222))
_CHECKER_SIDE = 8


def contact_sheet(
    originals: NDArray[Any],
    augmented: NDArray[Any],
    labels: Sequence[str],
    parameters: Sequence[Sequence[str]] | None = None,
) -> Image.Image:
    """Draw a contact sheet.

    Small images are enlarged by a whole factor without smoothing, so that their pixels stay visible; large ones are
    made smaller. Float images are shown from 0 to 1 or from 0 to 255, whichever holds them, else over their own range.

    Args:
        originals: (K, H, W, C) uint8 or float; C is 1 (grey), 3 (RGB) or 4 (RGB and opacity); of others, one is shown.
        augmented: (K, R, H, W, C): R changed versions of each.
        labels: K texts that name the rows.
        parameters: K times R texts, shown below the changed versions; None leaves them out.

    Returns:
        An RGB picture.
    """
    count, versions = augmented.shape[:2]
    captions = parameters or [[""] * versions] * count
    limits = limits_of(originals)
    changed_limits = limits if augmented.dtype == originals.dtype else limits_of(augmented)
    layout = _Layout.of(originals.shape[1:3], labels, captions)
    sheet = Image.new("RGB", layout.size(count, versions), _PAPER)
    _head(sheet, layout, versions)
    for row in range(count):
        pictures = [picture(originals[row], limits, layout.image_size)]
        pictures += [picture(image, changed_limits, layout.image_size) for image in augmented[row]]
        _row(sheet, layout, row, labels[row], pictures, ["", *captions[row]])
    return sheet


@dataclass(frozen=True)
class _Layout:
    """The places of everything, in pixels."""

    image_size: tuple[int, int]
    label_width: int
    caption_lines: int
    label_font: Font
    caption_font: Font

    @classmethod
    def of(cls, shape: tuple[int, ...], labels: Sequence[str], captions: Sequence[Sequence[str]]) -> _Layout:
        label_font, caption_font = ImageFont.load_default(15), ImageFont.load_default(11)
        size = _size_on_page(shape[0], shape[1])
        widest = max((int(label_font.getlength(label)) + 1 for label in labels), default=0)
        lines = max((len(wrap(text, caption_font, size[0])) for row in captions for text in row), default=0)
        return cls(size, min(widest, _LABEL_WIDTH), lines, label_font, caption_font)

    @property
    def line_height(self) -> int:
        return 14

    @property
    def head(self) -> int:
        return _MARGIN + 26

    @property
    def row_height(self) -> int:
        return self.image_size[1] + _ROW_GAP + (self.caption_lines * self.line_height + 5 if self.caption_lines else 0)

    def left_of(self, column: int) -> int:
        """Column 0 is the original, which stands apart from the others."""
        start = _MARGIN + self.label_width + _LABEL_GAP
        return start + column * (self.image_size[0] + _GAP) + (2 * _GAP if column else 0)

    def top_of(self, row: int) -> int:
        return self.head + row * self.row_height

    def size(self, rows: int, versions: int) -> tuple[int, int]:
        return self.left_of(versions + 1) - _GAP + _MARGIN, self.top_of(rows) - _ROW_GAP + _MARGIN


def _size_on_page(height: int, width: int) -> tuple[int, int]:
    """(width, height) on the sheet."""
    longest = max(height, width)
    if longest > _LARGEST_SIDE:
        return max(1, round(width * _LARGEST_SIDE / longest)), max(1, round(height * _LARGEST_SIDE / longest))
    factor = -(-_SMALLEST_SIDE // longest)
    return width * factor, height * factor


def limits_of(images: NDArray[Any]) -> tuple[float, float]:
    """The values to be shown as black and as white: (0, 255), (0, 1), or the images' own lowest and highest value."""
    if images.dtype == np.uint8 or images.size == 0:
        return 0.0, 255.0
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    if low < 0 or high > 255:
        return low, high
    return 0.0, 1.0 if high <= 1 else 255.0


def picture(image: NDArray[Any], limits: tuple[float, float], size: tuple[int, int]) -> Image.Image:
    """One image (H, W, C) as RGB of the size (width, height)."""
    low, high = limits
    values = image.astype(np.float64)
    scaled = (np.nan_to_num(values, nan=low) - low) * (255 / (high - low or 1))
    pixels = np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    colours = pixels if pixels.shape[-1] in (3, 4) else np.repeat(pixels[..., :1], 3, axis=-1)
    picture = Image.fromarray(np.ascontiguousarray(colours))
    enlarged = size[0] >= picture.width
    picture = picture.resize(size, Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS)
    return _on_checker(picture) if picture.mode == "RGBA" else picture


def _on_checker(picture: Image.Image) -> Image.Image:
    """A picture with opacity on the chequered ground that stands for nothing."""
    ground = Image.new("RGB", picture.size, _CHECKER[0])
    draw = ImageDraw.Draw(ground)
    for top in range(0, picture.height, _CHECKER_SIDE):
        for left in range(top % (2 * _CHECKER_SIDE), picture.width, 2 * _CHECKER_SIDE):
            draw.rectangle((left, top, left + _CHECKER_SIDE - 1, top + _CHECKER_SIDE - 1), _CHECKER[1])
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _head(sheet: Image.Image, layout: _Layout, versions: int) -> None:
    """The names of the columns, and a line between the originals and the rest."""
    draw = ImageDraw.Draw(sheet)
    draw.text((layout.left_of(0), _MARGIN), "original", _FAINT, layout.label_font)
    if versions:
        draw.text((layout.left_of(1), _MARGIN), "augmented", _FAINT, layout.label_font)
        middle = layout.left_of(1) - _GAP - _GAP // 2
        draw.line((middle, _MARGIN, middle, sheet.height - _MARGIN), _RULE)


def _row(
    sheet: Image.Image, layout: _Layout, row: int, label: str, pictures: Sequence[Image.Image], captions: Sequence[str]
) -> None:
    draw, top = ImageDraw.Draw(sheet), layout.top_of(row)
    middle = top + layout.image_size[1] // 2
    draw.text((_MARGIN, middle), shorten(label, layout.label_font, layout.label_width), _INK, layout.label_font, anchor="lm")
    for column, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = layout.left_of(column)
        draw.rectangle((left - 1, top - 1, left + picture.width, top + picture.height), outline=_RULE)
        sheet.paste(picture, (left, top))
        for number, line in enumerate(wrap(caption, layout.caption_font, picture.width)):
            draw.text((left, top + picture.height + 5 + number * layout.line_height), line, _FAINT, layout.caption_font)


def shorten(text: str, font: Font, width: float) -> str:
    """The text, or as much of its beginning as fits into `width` pixels with an ellipsis."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


def wrap(text: str, font: Font, width: float) -> list[str]:
    """The parts of a text between ", ", in lines that fit into `width` pixels where a part does."""
    lines: list[str] = []
    for part in filter(None, text.split(", ")):
        if lines and font.getlength(f"{lines[-1]}, {part}") <= width:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines
