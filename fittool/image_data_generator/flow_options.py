"""What `flow`, `flow_from_directory` and `flow_from_dataframe` ask for alike, and their iterators hand on."""

from __future__ import annotations

from dataclasses import dataclass

from fittool.image_data_generator.saving import Saving


@dataclass(frozen=True, kw_only=True)
class FlowOptions:
    """How samples become batches.

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
    """How files become images, and labels targets.

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
