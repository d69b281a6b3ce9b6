"""Image files to arrays: formats by content, orientation, modes, transparency, colour mode, size.

The words of Pillow and the libraries below it about damaged files are kept silent: fittool tells these, by name and once.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fittool.data.images.pixel_depth import UnusedDepth, check_colours, highest_of_sixteen_bits, in_eight_bits, raw_mode
from fittool.errors import DataError, shown

_OWN_COPY = ".dylibs"
"""Beside Pillow's modules on macOS."""

logging.getLogger("PIL").addHandler(logging.NullHandler())  # without any, logging writes errors to stderr


@cache
def silence_libtiff() -> None:
    """Take away the functions with which libtiff writes to stderr what it then also returns as an error.

    That is one assignment in C, and holds for all threads. Where Pillow has libtiff in no file of its own, nothing is done.
    """
    for path in _libraries():
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(path, mode=getattr(os, "RTLD_NOLOAD", 0) | getattr(os, "RTLD_LAZY", 0))
            for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
                handler = getattr(library, name)
                handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
                handler(None)


def _libraries() -> list[str]:
    """The files of libtiff that this process has loaded."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        from PIL import __file__ as package

        return [str(path) for path in (Path(package).parent / _OWN_COPY).glob("libtiff*")]
    paths = {line.split(maxsplit=5)[5] for line in lines if "libtiff" in line}
    return sorted(path for path in paths if os.path.basename(path).startswith("libtiff"))


ColorMode: TypeAlias = Literal["grayscale", "rgb", "rgba"]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"]
Fit: TypeAlias = Literal["stretch", "crop", "pad"]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""The formats that are decoded, told by content; nothing else that Pillow knows is ever started."""
CHANNELS: dict[ColorMode, int] = {"grayscale": 1, "rgb": 3, "rgba": 4}

_MODES: dict[ColorMode, str] = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_FILTERS: dict[Interpolation, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "hamming": Image.Resampling.HAMMING,
    "box": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_NUMBERS_OF_EXIF = {3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
"""By EXIF's number of a type, how one whole number of it is stored; single bytes are none, as Pillow has it."""
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
_MOST_PIXELS = 1 << 27
_LARGE = 1 << 24
_SMALL = 1 << 24  # bytes
_MOST_PIXELS_PER_BYTE = 1024  # photographs have about one


@dataclass(frozen=True)
class ImageForm:
    """The way image files become arrays.

    Attributes:
        size: (height, width) that every image is resized to; None leaves each as it is.
        color_mode: Channels.
        interpolation: How pixels are computed when an image is resized.
        fit: How an image of other proportions comes to `size`: stretched, its middle cut out, or whole with black beside it.
        white_level: The value that is white in grey images of more than 8 bits; None where the files say it.
    """

    size: tuple[int, int] | None = None
    color_mode: ColorMode = "rgb"
    interpolation: Interpolation = "bilinear"
    fit: Fit = "stretch"
    white_level: float | None = None

    def identity(self) -> str:
        """The values that tell these settings from others; those that came later are left out while they change nothing."""
        later = {"fit": self.fit, "white_level": self.white_level}
        told = "".join(f", {name}={value!r}" for name, value in later.items() if value != getattr(ImageForm, name))
        return f"ImageForm(size={self.size!r}, color_mode={self.color_mode!r}, interpolation={self.interpolation!r}{told})"


def read_image(
    path: str | os.PathLike[str], form: ImageForm, damaged_exif: Callable[[], object] | None = None
) -> NDArray[np.uint8]:
    """Decode an image file.

    Of several frames the first is taken. EXIF orientation is applied, transparency is laid over white (and kept as it is
    for `rgba`), 12, 16 and more bits are scaled to 8. JPEG's reduced decoding is never used, as it would change pixels.

    Args:
        path: The file.
        form: Size and colours of the array.
        damaged_exif: Called where the image's EXIF data cannot be read, and are ignored.

    Returns:
        (H, W, C) uint8.

    Raises:
        DataError: The file is no image, cut short, damaged, too large or of a kind that is not read; names it and the cause.
    """
    try:
        content = _small_file(path)
        with Image.open(path if content is None else BytesIO(content), formats=FORMATS) as image:
            _check_size(image, os.path.getsize(path) if content is None else len(content))
            return _array(image, form, damaged_exif)
    except Exception as error:  # damaged files make decoders raise anything
        raise DataError(_cause(error, lambda: os.path.getsize(path)), place=shown(path)) from error


def decode_image(content: bytes, name: str, form: ImageForm) -> NDArray[np.uint8]:
    """(H, W, C) from the content of an image file that is called `name` in messages; returns and raises as `read_image`."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            _check_size(image, len(content))
            return _array(image, form)
    except Exception as error:  # damaged files make decoders raise anything
        raise DataError(_cause(error, lambda: len(content)), place=name) from error


def _small_file(path: str | os.PathLike[str]) -> bytes | None:
    """A file's content, read at one go, which threads can do without handing Python's lock to and fro; None if it is large."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        # The byte more shows a file that is still growing; Pillow then reads that by itself.
        content = os.read(descriptor, size + 1) if size <= _SMALL else None
    finally:
        os.close(descriptor)
    return content if content is not None and len(content) == size else None


class _TooLargeError(Exception):
    """An image that would not fit in memory."""


def _check_size(image: Image.Image, bytes_in_file: int) -> None:
    """Refuse, from the header, what would fill the memory: too many pixels, or far more than the file can hold."""
    pixels, size = image.width * image.height, f"{image.width:,} x {image.height:,} pixels"
    if pixels > _MOST_PIXELS:
        raise _TooLargeError(f"The image is too large: it has {size}, and at most {_MOST_PIXELS:,} in all are decoded.")
    if pixels > _LARGE and pixels > _MOST_PIXELS_PER_BYTE * bytes_in_file:
        raise _TooLargeError(f"The image is too large: its header promises {size} in a file of {bytes_in_file:,} bytes.")


def _array(image: Image.Image, form: ImageForm, damaged_exif: Callable[[], object] | None = None) -> NDArray[np.uint8]:
    if image.format == "TIFF":
        silence_libtiff()
    # Asked before `load`, which empties Pillow's list of how the pixels are stored.
    raw = raw_mode(image)
    check_colours(raw, image.mode, form.white_level)
    image.load()
    plain = image.mode == _MODES[form.color_mode] and "transparency" not in image.info
    if image.format != "TIFF":  # those Pillow turns by itself
        image = _upright(image, damaged_exif)
    if not plain:
        image = _in_color_mode(in_eight_bits(image, raw, form.white_level), form.color_mode)
    array = np.asarray(_in_size(image, form))
    return array if array.ndim == 3 else array[..., np.newaxis]


def _in_size(image: Image.Image, form: ImageForm) -> Image.Image:
    if form.size is None or form.size == (image.height, image.width):
        return image
    height, width = form.size
    if form.fit == "crop":
        image = image.crop(middle_part(image.height, image.width, form.size))
    if form.fit != "pad":
        return image.resize((width, height), _FILTERS[form.interpolation])
    share = min(height / image.height, width / image.width)
    inside = max(1, round(image.width * share)), max(1, round(image.height * share))
    padded = Image.new(image.mode, (width, height))
    padded.paste(image.resize(inside, _FILTERS[form.interpolation]), ((width - inside[0]) // 2, (height - inside[1]) // 2))
    return padded


def middle_part(height: int, width: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the largest middle part that has the proportions of `size` (height, width)."""
    rows, columns = min(height, max(1, width * size[0] // size[1])), min(width, max(1, height * size[1] // size[0]))
    top, left = (height - rows) // 2, (width - columns) // 2
    return left, top, left + columns, top + rows


def depth_of(contents: Iterable[str | bytes]) -> UnusedDepth | None:
    """The problem with the depth of some files, by path or content: all that have 16 bits use few of them; else None."""
    highest = [high for content in contents if (high := _highest_of_deep(content)) is not None]
    return UnusedDepth.of(highest)


def _highest_of_deep(content: str | bytes) -> int | None:
    """The highest value in a file of 16 bits, by path or content; None of other files, and of such as cannot be read."""
    try:
        with Image.open(content if isinstance(content, str) else BytesIO(content), formats=FORMATS) as image:
            _check_size(image, _MOST_PIXELS)
            if image.format == "TIFF":
                silence_libtiff()
            return highest_of_sixteen_bits(image)
    except Exception:  # damaged files make decoders raise anything; who decodes them tells why
        return None


def _in_color_mode(image: Image.Image, color_mode: ColorMode) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if color_mode != "rgba":
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == _MODES[color_mode] else image.convert(_MODES[color_mode])


def _upright(image: Image.Image, damaged_exif: Callable[[], object] | None) -> Image.Image:
    """The image as its orientation says it is to be looked at: that in EXIF data, else that in XMP data."""
    exif = _exif_of(image)
    orientation = 0 if not exif else _orientation(exif)
    if orientation is None and damaged_exif is not None:
        damaged_exif()
    turn = _TURNS.get(orientation or _xmp_orientation(image))
    return image if turn is None else image.transpose(turn)


def _exif_of(image: Image.Image) -> bytes | None:
    """The EXIF block, also where ImageMagick wrote it as hexadecimal text."""
    exif, text = image.info.get("exif"), image.info.get("Raw profile type exif")
    if exif is None and isinstance(text, str):
        try:
            # The text begins with an empty line, the word exif and a length.
            return bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError:
            return b"damaged"
    return exif


def _xmp_orientation(image: Image.Image) -> int:
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    found = _XMP_ORIENTATION.search(xmp.encode("utf-8", "replace") if isinstance(xmp, str) else xmp)
    return int(found[1]) if found else 1


def orientation_in(exif: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block; 1 where it says none or is damaged."""
    return _orientation(exif) or 1


def _orientation(exif: bytes) -> int | None:
    """The orientation in an EXIF block, 0 where it says none, or None where it is damaged.

    EXIF is a small TIFF file: byte order, the offset of the first directory, entries of 12 bytes. A number is stored at the
    beginning of the entry's last four bytes, in as many of them as its type has.
    """
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None if exif else 0
    found = 0
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", exif, entry)
            if tag == _ORIENTATION and count == 1 and kind in _NUMBERS_OF_EXIF:
                (found,) = struct.unpack_from(f"{order}{_NUMBERS_OF_EXIF[kind]}", exif, entry + 8)
    except struct.error:
        return found or None
    return found


def _cause(error: Exception, size: Callable[[], int]) -> str:
    """The reason why a file was not decoded, as a sentence."""
    if isinstance(error, _TooLargeError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        if size() == 0:
            return "The file is empty."
        return f"This is no image in a format that is read ({', '.join(FORMATS)}), or its beginning is damaged."
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"The image is too large: {str(error).split(',')[0]}."
    if isinstance(error, OSError) and error.strerror:
        return f"The file cannot be read: {error.strerror}."
    if "truncated" in str(error).lower():
        return "The image is cut short: the file ends before its last pixel."
    return f"The image is damaged or of a kind that is not read: {error}."
