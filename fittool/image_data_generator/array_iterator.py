"""Batches of images in arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittool.image_data_generator.flow_options import FlowOptions, ImageChanges
from fittool.image_data_generator.iterator import ImageIterator, split_range


class ArrayIterator(ImageIterator):
    """The iterator that `ImageDataGenerator.flow` gives; Keras calls it NumpyArrayIterator.

    A batch is x, (x, y) or (x, y, sample_weight); with further arrays x is a list of them behind the images. Arguments are
    those of `flow`, the common ones as `options`.

    Raises:
        ValueError: The arrays do not fit each other.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: ImageChanges,
        options: FlowOptions,
        sample_weight: ArrayLike | None = None,
        ignore_class_split: bool = False,
    ) -> None:
        given = x if isinstance(x, list | tuple) else [x]
        if len(given) == 2 and isinstance(given[1], list):  # Keras's form of several further arrays
            given = [given[0], *given[1]]
        images, *further = [np.asarray(array) for array in given]
        if images.ndim != 4:
            raise ValueError(f"flow needs images of shape (N, H, W, C), got an array of shape {images.shape}.")
        y = None if y is None else np.asarray(y)
        weight = None if sample_weight is None else np.asarray(sample_weight)
        _check_lengths(len(images), {"y": y, "sample_weight": weight, **{f"x[{i}]": array for i, array in enumerate(further, 1)}})
        low, high = split_range(image_data_generator, options.subset)
        part = slice(int(low * len(images)), int(high * len(images)))
        if options.subset is not None and y is not None and not ignore_class_split:
            _check_classes(y, int(image_data_generator.validation_split * len(y)))
        if image_data_generator.data_format == "channels_first":
            images = images.transpose(0, 2, 3, 1)
        self.x, self.x_misc = images[part], [array[part] for array in further]
        self.y = None if y is None else y[part]
        self.sample_weight = None if weight is None else weight[part]
        super().__init__(len(self.x), image_data_generator, options)

    def _load(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        return self.x.take(indices, axis=0)

    def _assemble(self, images: NDArray[Any], indices: NDArray[np.int64]) -> Any:
        x = [images, *(array[indices] for array in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return x
        return (x, self.y[indices]) if self.sample_weight is None else (x, self.y[indices], self.sample_weight[indices])


def _check_lengths(expected: int, arrays: dict[str, NDArray[Any] | None]) -> None:
    for name, array in arrays.items():
        if array is not None and len(array) != expected:
            raise ValueError(f"x holds {expected:,} images, but {name} has the length {len(array):,}. All must be equally long.")


def _check_classes(y: NDArray[Any], first: int) -> None:
    if not np.array_equal(np.unique(y[:first]), np.unique(y[first:])):
        raise ValueError(
            "The training and the validation part have different classes. Shuffle x and y before, or pass "
            "ignore_class_split=True."
        )
