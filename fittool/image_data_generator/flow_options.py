"""The options that `flow`, `flow_from_directory` and `flow_from_dataframe` have in common, and that their iterators hand on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


class ImageChanges(Protocol):
    """An `ImageDataGenerator` as its iterators know it: changes and standardises images (N, H, W, C)."""

    augment_validation: bool
    data_format: Literal["channels_last", "channels_first"]
    dtype: Any
    validation_split: Any

    def changed(
        self, images: NDArray[Any], seed: int, pass_number: int, positions: NDArray[np.int64], samples: ArrayLike | None = None
    ) -> NDArray[Any]:
        """The images as they are seen at (N,) positions of a pass."""

    def standardized(self, images: NDArray[Any]) -> NDArray[Any]:
        """Images (N, H, W, C) after the fixed steps."""

    @property
    def has_own_methods(self) -> bool:
        """True where a subclass, or the object, does some of the work itself, image by image."""

    def one_by_one(
        self, images: NDArray[Any], seed: int, pass_number: int, positions: NDArray[np.int64], *, augmented: bool
    ) -> NDArray[Any]:
        """Images (N, H, W, C) at (N,) positions of a pass, changed and standardised by the methods for single images."""


@dataclass(frozen=True)
class Saving:
    """The place that images go to.

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


@dataclass(frozen=True, kw_only=True)
class FlowOptions:
    """The way samples become batches.

    Attributes:
        batch_size: Samples in a batch; the last of a pass may have fewer.
        shuffle: Whether each pass has its own order.
        seed: Of order and changes; None draws one.
        save_to_dir, save_prefix, save_format: Where to write each image that is made, how its name begins, and its format.
        subset: "training" or "validation", with `validation_split`; None for all samples.
    """

    batch_size: int
    shuffle: bool
    seed: int | None
    save_to_dir: str | None
    save_prefix: str
    save_format: str
    subset: str | None

    @property
    def saving(self) -> Saving | None:
        """The writer of the images, or None."""
        return Saving.to(self.save_to_dir, self.save_prefix, self.save_format)


@dataclass(frozen=True, kw_only=True)
class FileOptions(FlowOptions):
    """The way files become images, and labels targets.

    Attributes:
        target_size: (height, width).
        color_mode: grayscale, rgb or rgba.
        class_mode: In which form labels are given; None gives images alone.
        interpolation: How pixels are computed when an image is resized.
        keep_aspect_ratio: Whether the middle is cut out in the proportions of `target_size` before an image is resized.
    """

    target_size: tuple[int, int]
    color_mode: str
    class_mode: str | None
    interpolation: str
    keep_aspect_ratio: bool
