"""Single images between files, Pillow and arrays, as Keras's utilities do it."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fittool.data.images.decoding import ColorMode, ImageForm, Interpolation, read_image

if TYPE_CHECKING:
    from PIL import Image

DataFormat = Literal["channels_last", "channels_first"]


def load_img(
    path: str | PathLike[str],
    color_mode: ColorMode = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: Interpolation = "nearest",
) -> Image.Image:
    """An image file, read by the rules of all sources: turned as its EXIF data say, of 16 bits brought to 8.

    Args:
        path: The file.
        color_mode: grayscale, rgb or rgba.
        target_size: (height, width) to resize to; None: as it is.
        interpolation: How pixels are computed then.

    Raises:
        ValueError: An argument is wrong.
        DataError: A ValueError: it cannot be read; says why.
    """
    from PIL import Image

    if color_mode not in ("grayscale", "rgb", "rgba"):
        raise ValueError(f"color_mode must be grayscale, rgb or rgba; got {color_mode!r}.")
    array = read_image(path, ImageForm(target_size, color_mode, interpolation))
    return Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)


def img_to_array(img: Any, data_format: DataFormat | None = None, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """An image as numbers.

    Args:
        img: An image of Pillow's, or an array (H, W) or (H, W, C).
        data_format: channels_last, the default, or channels_first.
        dtype: float32 by default.

    Returns:
        (H, W, C), or (C, H, W).

    Raises:
        ValueError: It has another number of axes, or there is no such data_format.
    """
    array = np.asarray(img, np.float32 if dtype is None else dtype)
    if array.ndim not in (2, 3):
        raise ValueError(f"An image has the shape (height, width) or (height, width, channels); got {array.shape}.")
    array = array[..., np.newaxis] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if _channels_first(data_format) else array


def array_to_img(
    x: Any, data_format: DataFormat | None = None, scale: bool = True, dtype: DTypeLike | None = None
) -> Image.Image:
    """Numbers as an image of Pillow's.

    Args:
        x: (H, W, C), or (C, H, W), of 1, 3 or 4 channels.
        data_format: channels_last, the default, or channels_first.
        scale: Whether the numbers are stretched so that the smallest is 0 and the largest 255.
        dtype: What the numbers become first, float32 by default.

    Raises:
        ValueError: It has another shape.
    """
    from PIL import Image

    array = np.asarray(x, np.float32 if dtype is None else dtype)
    if array.ndim != 3:
        raise ValueError(f"An image of three axes was expected; got the shape {array.shape}.")
    array = array.transpose(1, 2, 0) if _channels_first(data_format) else array
    if array.shape[-1] not in (1, 3, 4):
        raise ValueError(f"An image has 1, 3 or 4 channels; got {array.shape[-1]}.")
    if scale:
        array = array - array.min()
        array = array * (255 / (array.max() or 1))
    pixels = array.astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_img(
    path: str | PathLike[str], x: Any, data_format: DataFormat | None = None, file_format: str | None = None, scale: bool = True
) -> None:
    """Write numbers as an image file; arguments and errors as for `array_to_img`, the format by default from the name."""
    array_to_img(x, data_format, scale).save(path, format=file_format)


def _channels_first(data_format: DataFormat | None) -> bool:
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"data_format must be channels_last or channels_first; got {cast('str', data_format)!r}.")
    return data_format == "channels_first"
