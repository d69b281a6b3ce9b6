"""Batches of image files in folders of classes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.files import existing_folder
from fittool.data.images.image_folders import Listing, class_folders_in, images_below, merge, same_folders
from fittool.errors import shown
from fittool.image_data_generator.file_iterator import FileIterator, check_class_mode
from fittool.image_data_generator.flow_options import FileOptions, ImageChanges
from fittool.image_data_generator.iterator import split_range

_CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class DirectoryIterator(FileIterator):
    """The iterator that `ImageDataGenerator.flow_from_directory` gives; arguments as there.

    Attributes:
        class_indices: The number of each class.
        classes: (samples,) the class number of each file.
        filenames: Relative to the directory, class by class, sorted.
    """

    def __init__(
        self,
        directory: str,
        image_data_generator: ImageChanges,
        options: FileOptions,
        classes: Sequence[str] | None = None,
        follow_links: bool = False,
    ) -> None:
        check_class_mode(options.class_mode, _CLASS_MODES)
        low, high = split_range(image_data_generator, options.subset)
        root = existing_folder(Path(directory))
        found = class_folders_in(root)
        names = list(found.names if classes is None else classes)
        listings = [_pictures(root, name, follow_links) for name in names]
        for text in (*(found.told() if classes is None else ()), *same_folders(root, names), *merge(listings).told()):
            warnings.warn(f"{shown(root)}: {text}", stacklevel=3)
        if not any(listing.images for listing in listings):
            warnings.warn(f"{shown(root)}: Found 0 images belonging to {len(names)} classes.", stacklevel=3)
        listed = [_part(listing.images, low, high) for listing in listings]
        self.directory, self.num_classes = str(directory), len(names)
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.classes = np.repeat(np.arange(len(names), dtype=np.int32), [len(files) for files in listed])
        super().__init__(image_data_generator, str(root), [file for files in listed for file in files], options)

    @property
    def labels(self) -> NDArray[Any]:
        """(N,) the class number of each file."""
        return self.classes

    def _targets(self, indices: NDArray[np.int64]) -> Any:
        dtype, labels = self.image_data_generator.dtype, self.classes[indices]
        return np.eye(self.num_classes, dtype=dtype)[labels] if self.class_mode == "categorical" else labels.astype(dtype)


def _pictures(root: Path, folder: str, follow_links: bool) -> Listing:
    existing_folder(root / folder)
    return images_below(root, folder, follow_links)


def _part(files: list[str], low: float, high: float) -> list[str]:
    return files[int(low * len(files)) : int(high * len(files))]
