"""Writes the images that an iterator makes to a folder, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Saving:
    """Where images go.

    Attributes:
        folder: Made if it is not there.
        prefix: How each name begins.
        format: The suffix, and with it the format: png, jpeg, …
    """

    folder: Path
    prefix: str
    format: str

    @classmethod
    def to(cls, folder: str | None, prefix: str, format: str) -> Saving | None:
        """None where nothing is to be saved."""
        return None if folder is None else cls(Path(folder), prefix, format)

    def save(self, images: NDArray[Any], indices: NDArray[np.int64], pass_number: int) -> None:
        """Write images (N, H, W, C), each stretched to 0…255 as Keras does, as PREFIX_INDEX_PASS.FORMAT."""
        from PIL import Image

        self.folder.mkdir(parents=True, exist_ok=True)
        for image, index in zip(images, indices.tolist(), strict=True):
            values = image.astype(np.float32)
            values = values - values.min()
            values = np.rint(values * (255 / (values.max() or 1))).astype(np.uint8)
            picture = Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)
            picture.save(self.folder / f"{self.prefix}_{index}_{pass_number}.{self.format}")
