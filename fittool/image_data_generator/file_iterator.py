"""The common part of iterators of image files."""

from __future__ import annotations

import os
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from fittool.data.images.decoding import CHANNELS, ColorMode, Fit, ImageForm, Interpolation, depth_of, read_image
from fittool.data.images.image_names import ENDINGS, is_image_name
from fittool.image_data_generator.flow_options import FileOptions, ImageChanges
from fittool.image_data_generator.iterator import ImageIterator

FORMATS = ENDINGS
"""The endings of files that count as images."""
_FILES_OF_DEPTH = 32


class FileIterator(ImageIterator):
    """Batches of image files, decoded when they are asked for.

    Attributes:
        filenames: As they were found, or named in a table.
        filepaths: The same behind their folder.
        target_size: (height, width).
        image_shape: Of one image, in the generator's data format.
        class_mode: In which form labels are given.

    Raises:
        ValueError: An argument is wrong.
    """

    sample_weight: NDArray[Any] | None = None
    white_list_formats = FORMATS

    def __init__(
        self,
        generator: ImageChanges,
        folder: str,
        filenames: Sequence[str],
        options: FileOptions,
    ) -> None:
        _check_choice("color_mode", options.color_mode, tuple(CHANNELS))
        _check_choice("interpolation", options.interpolation, get_args(Interpolation))
        self.filenames = list(filenames)
        self.filepaths = [os.path.join(folder, name) for name in self.filenames]
        self.target_size = (int(options.target_size[0]), int(options.target_size[1]))
        self.color_mode, self.class_mode, self.subset = options.color_mode, options.class_mode, options.subset
        self.interpolation, self.keep_aspect_ratio = options.interpolation, options.keep_aspect_ratio
        color_mode = cast("ColorMode", options.color_mode)
        channels = CHANNELS[color_mode]
        last = generator.data_format == "channels_last"
        self.image_shape = (*self.target_size, channels) if last else (channels, *self.target_size)
        fit: Fit = "crop" if self.keep_aspect_ratio else "stretch"
        self._form = ImageForm(self.target_size, color_mode, cast("Interpolation", options.interpolation), fit)
        if (depth := depth_of(self.filepaths[:: -(-len(self.filepaths) // _FILES_OF_DEPTH) or 1])) is not None:
            warnings.warn(f"{depth} Save them with 8 bits.", stacklevel=4)
        super().__init__(len(self.filenames), generator, options)

    def _load(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        images = np.empty((len(indices), *self.target_size, CHANNELS[self._form.color_mode]), np.uint8)
        for row, index in enumerate(indices.tolist()):
            images[row] = read_image(self.filepaths[index], self._form)
        return images

    def _assemble(self, images: NDArray[Any], indices: NDArray[np.int64]) -> Any:
        if self.class_mode is None:
            return images
        targets = images.copy() if self.class_mode == "input" else self._targets(indices)
        return (images, targets) if self.sample_weight is None else (images, targets, self.sample_weight[indices])

    @abstractmethod
    def _targets(self, indices: NDArray[np.int64]) -> Any:
        """The targets of some samples."""


def is_image(file: str) -> bool:
    """True where a file's name ends as that of an image."""
    return is_image_name(file)


def check_class_mode(given: object, known: tuple[str | None, ...]) -> None:
    """Raise a ValueError where a class mode is not known."""
    _check_choice("class_mode", given, known)


def _check_choice(name: str, given: object, known: tuple[str | None, ...]) -> None:
    if given not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, got {given!r}.")
