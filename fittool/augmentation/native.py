"""Kernels in the place of NumPy where there are any: the same bytes, so that it never matters which of the two it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.coordinates import Lines

if TYPE_CHECKING:
    from fittool.kernels.library import Choice, Library


def open_kernels(kernels: Choice) -> Library | None:
    """The kernels, imported now and not before; None where NumPy is to compute.

    Raises:
        MachineError: Kernels are asked for, and there are none.
    """
    from fittool.kernels.library import open_library

    return open_library(kernels)


def warp_natively(library: Library, images: NDArray[Any], lines: Lines, fill: float, *, nearest: bool) -> NDArray[Any] | None:
    """The images (N, H, W, C) warped, new; None where their coordinates need more than 32 bits, for which there is no kernel.

    Args:
        library: The kernels.
        images: (N, H, W, C) uint8 or float32.
        lines: Where each pixel comes from.
        fill: The value outside for "constant".
        nearest: Whether pixels are taken from the nearest one, rather than mixed of four.
    """
    if lines.columns.dtype != np.int32:
        return None
    from fittool.kernels.signatures import FILL_MODES

    out = np.empty(images.shape, images.dtype)
    name, mode = f"warp_{'bytes' if images.dtype == np.uint8 else 'floats'}", FILL_MODES.index(lines.fill_mode)
    arrays: dict[str, Any] = {"images": np.ascontiguousarray(images), "columns": lines.columns, "rows": lines.rows, "y": out}
    library.task(name, **arrays, mode=mode, nearest=nearest, fill=fill)()
    return out


def look_up(images: NDArray[np.uint8], tables: NDArray[np.uint8], kernels: Choice) -> None:
    """Replace the values of images by those in their tables, in place.

    Args:
        images: (N, …) uint8.
        tables: (N, 256) uint8, a new value for each.
        kernels: Whether kernels or NumPy do it.
    """
    library = open_kernels(kernels) if images.flags.c_contiguous else None
    if library is None or not images.size:
        for image, table in zip(images, tables, strict=True):
            image[...] = table[image]
        return
    values = images.reshape(len(images), -1)
    library.task("look_up", x=values, table=np.ascontiguousarray(tables), y=values)()
