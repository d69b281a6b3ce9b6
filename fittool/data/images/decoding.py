"""Image files to arrays: formats by content, orientation, modes, transparency, colour mode, size."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fittool.data.images.pillow_logging import silence_libtiff
from fittool.errors import DataError, shown

ColorMode: TypeAlias = Literal["grayscale", "rgb", "rgba"]
Interpolation: TypeAlias = Literal["nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"]

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""What is decoded, told by content; nothing else that Pillow knows is ever started."""
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
_MOST_PIXELS = 1 << 27
_LARGE = 1 << 24
_SMALL = 1 << 24  # bytes
_MOST_PIXELS_PER_BYTE = 1024  # photographs have about one


@dataclass(frozen=True)
class ImageForm:
    """How image files become arrays.

    Attributes:
        size: (height, width) that every image is resized to; None leaves each as it is.
        color_mode: Channels.
        interpolation: How pixels are computed when an image is resized.
    """

    size: tuple[int, int] | None = None
    color_mode: ColorMode = "rgb"
    interpolation: Interpolation = "bilinear"


def read_image(
    path: str | os.PathLike[str], form: ImageForm, damaged_exif: Callable[[], object] | None = None
) -> NDArray[np.uint8]:
    """Decode an image file.

    Of several frames the first is taken. EXIF orientation is applied, transparency is laid over white (and kept as it is
    for `rgba`), 16 bits are scaled to 8. JPEG's reduced decoding is never used, as it would change pixels.

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
    """Decode the content of an image file that is called `name` in messages; returns and raises as `read_image`."""
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
    image.load()
    exif = image.info.get("exif")
    plain = image.mode == _MODES[form.color_mode] and "transparency" not in image.info
    if exif and image.format != "TIFF":
        orientation = _orientation(exif)
        if orientation is None and damaged_exif is not None:
            damaged_exif()
        if (turn := _TURNS.get(orientation or 1)) is not None:
            image = image.transpose(turn)
    if not plain:
        image = _in_color_mode(image, form.color_mode)
    if form.size is not None and form.size != (image.height, image.width):
        image = image.resize(form.size[::-1], _FILTERS[form.interpolation])
    array = np.asarray(image)
    return array if array.ndim == 3 else array[..., np.newaxis]


def resized(image: NDArray[np.uint8], size: tuple[int, int], interpolation: Interpolation) -> NDArray[np.uint8]:
    """An image (H, W, C) brought to another (height, width)."""
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    array = np.asarray(picture.resize(size[::-1], _FILTERS[interpolation]))
    return array if array.ndim == 3 else array[..., np.newaxis]


def _in_color_mode(image: Image.Image, color_mode: ColorMode) -> Image.Image:
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    elif image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if color_mode != "rgba":
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image if image.mode == _MODES[color_mode] else image.convert(_MODES[color_mode])


def _eight_bits(image: Image.Image) -> Image.Image:
    """A 16-bit grey image with values 0 to 65535 brought to 0 to 255, rounded; with the value that is transparent, if any."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels have 32 bits; save it with 8 or 16 bits")
    grey = Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if "transparency" not in image.info:
        return grey
    seen = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
    return Image.merge("LA", (grey, Image.fromarray(seen)))


def orientation_in(exif: bytes) -> int:
    """The orientation (1 to 8) in an EXIF block; 1 where it says none or is damaged."""
    return _orientation(exif) or 1


def _orientation(exif: bytes) -> int | None:
    """The orientation in an EXIF block, or None where it is damaged.

    EXIF is a small TIFF file: byte order, the offset of the first directory, entries of 12 bytes.
    """
    block = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return None if block else 1
    try:
        (start,) = struct.unpack_from(f"{order}I", block, 4)
        (entries,) = struct.unpack_from(f"{order}H", block, start)
        for entry in range(entries):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", block, start + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return int(value)
    except struct.error:
        return None
    return 1


def _cause(error: Exception, size: Callable[[], int]) -> str:
    """Why a file was not decoded, as a sentence."""
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
