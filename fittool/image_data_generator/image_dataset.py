"""Keras's `image_dataset_from_directory`: batches of a folder of classes, walked over pass by pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from fittool.errors import ExperimentError
from fittool.image_data_generator.directory_iterator import DirectoryIterator
from fittool.image_data_generator.generator import ImageDataGenerator

LabelMode = Literal["int", "categorical", "binary"] | None
_CLASS_MODES: dict[str | None, str | None] = {"int": "sparse", "categorical": "categorical", "binary": "binary", None: None}


class ImageDataset:
    """Batches `(images, labels)` of a folder; one walk is one pass, each in an order of its own.

    Args:
        iterator: Makes the batches.
        label_mode: The form of the labels.

    Attributes:
        class_names: The names of the classes, in the order of their numbers.
        class_indices: The number of each class.
        file_paths: The files, class by class.
    """

    placed: ClassVar[bool] = True
    """Any batch can be asked for by pass and number, so that any number of workers may make them."""

    def __init__(self, iterator: DirectoryIterator, label_mode: LabelMode) -> None:
        self._iterator, self._label_mode = iterator, label_mode
        self.class_names, self.class_indices = list(iterator.class_indices), iterator.class_indices
        self.file_paths = [f"{iterator.directory}/{name}" for name in iterator.filenames]

    @property
    def pass_number(self) -> int:
        """The pass under way, from 0."""
        return self._iterator.pass_number

    @property
    def batch_index(self) -> int:
        """The number of the next batch, from 0."""
        return self._iterator.batch_index

    def __len__(self) -> int:
        """Batches in a pass."""
        return len(self._iterator)

    def __getitem__(self, index: int) -> Any:
        """A batch of the pass under way.

        Raises:
            IndexError: There are not so many.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"There is no batch {index}: a pass has {len(self)}.")
        return self.batch_at(self.pass_number, index)

    def __iter__(self) -> Iterator[Any]:
        """The batches of the pass under way; the next walk is another pass."""
        for number in range(len(self)):
            yield self[number]
        self.go_to(self.pass_number + 1, 0)

    def batch_at(self, pass_number: int, number: int) -> Any:
        """A batch of any pass: images (N, H, W, C) float32 from 0 to 255, and labels (N,) int32, (N, classes) or (N, 1)."""
        batch = self._iterator.batch_at(pass_number, number)
        if self._label_mode in (None, "categorical"):
            return batch
        images, labels = batch
        return images, labels.astype(np.int32) if self._label_mode == "int" else labels.reshape(-1, 1)

    def go_to(self, pass_number: int, batch_index: int) -> None:
        """Let another batch be the next."""
        self._iterator.go_to(pass_number, batch_index)

    def take(self, count: int) -> list[Any]:
        """The first batches of the pass under way."""
        return [self[number] for number in range(min(count, len(self)))]


def image_dataset_from_directory(
    directory: str,
    labels: Literal["inferred"] | None = "inferred",
    label_mode: LabelMode = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
) -> Any:
    """Batches of a folder with a sub-folder for each class.

    Args:
        directory: The folder.
        labels: inferred: from the names of the sub-folders; None: no labels.
        label_mode: int: class numbers; categorical: one-hot rows; binary: 0 and 1; None: no labels.
        class_names: The sub-folders, in the order of their numbers; by default all, sorted.
        color_mode: grayscale, rgb or rgba.
        batch_size: Images in a batch; the last of a pass may have fewer.
        image_size: (height, width).
        shuffle: Whether each pass has its own order.
        seed: Of the order; by default drawn, or of `set_random_seed`.
        validation_split: The share that is kept for validation: of each class, the first files by name, whatever the seed.
        subset: training, validation or both; needed with validation_split.
        interpolation: How pixels are computed when an image is resized.
        follow_links: Whether links to folders are followed.
        crop_to_aspect_ratio: Whether images are cropped about their centre instead of squeezed.

    Returns:
        An `ImageDataset`, or a pair of them for `subset="both"`.

    Raises:
        ValueError: An argument is wrong.
        DataError: A ValueError: the folder is missing, or holds no images.
    """
    if labels not in ("inferred", None):
        raise ExperimentError("labels must be inferred or None. For a list of labels use flow_from_dataframe.")
    if label_mode not in _CLASS_MODES:
        raise ExperimentError(f"label_mode must be int, categorical, binary or None; got {label_mode!r}.")
    if (validation_split is None) != (subset is None):
        raise ExperimentError("validation_split and subset go together.")
    label_mode = None if labels is None else label_mode

    def part(which: str | None) -> ImageDataset:
        generator = ImageDataGenerator(validation_split=validation_split or 0.0)
        folders = None if class_names is None else list(class_names)
        iterator = generator.flow_from_directory(
            str(directory), target_size=image_size, color_mode=color_mode, classes=folders,
            class_mode=_CLASS_MODES[label_mode], batch_size=batch_size, shuffle=shuffle, seed=seed, follow_links=follow_links,
            subset=which, interpolation=interpolation, keep_aspect_ratio=crop_to_aspect_ratio,
        )  # fmt: skip
        return ImageDataset(iterator, label_mode)

    return (part("training"), part("validation")) if subset == "both" else part(subset)
