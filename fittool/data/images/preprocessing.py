"""The user's own function of one image, for training, validation and prediction alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.dataset import Dataset, Samples
from fittool.data.user_code.functions import blame, file_of
from fittool.errors import UserCodeError


class Preprocessing:
    """A function of one image (H, W, C) float32 that gives an image of the same shape, applied to batches.

    Args:
        function: The user's.
        name: What it is called in messages ("my_data:sharpen").
    """

    def __init__(self, function: Callable[..., object], name: str) -> None:
        self.name = name
        self._function = function

    def __call__(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Change (N, H, W, C) images, each by itself.

        Raises:
            UserCodeError: The function failed, or gave something of another shape.
        """
        return np.stack([self._of_one(image) for image in images.astype(np.float32)])

    def _of_one(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        shape = image.shape
        with blame(f"{self.name} failed", file_of(self._function)):
            changed: NDArray[np.float32] = np.asarray(self._function(image), np.float32)
        if changed.shape != shape:
            raise UserCodeError(f"{self.name} must give an image of the shape it gets, {shape}, but gave {changed.shape}.")
        return changed

    def inputs(self, arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        """Inputs of a network, each (N, …), of which those that are images change."""
        return tuple(self(array) if array.ndim == 4 else array for array in arrays)


class PreprocessedDataset:
    """A dataset whose images the user's function has changed.

    Args:
        dataset: As it is read.
        preprocess: Changes its images.
    """

    def __init__(self, dataset: Dataset, preprocess: Preprocessing) -> None:
        self.dataset = dataset
        self.input_shapes = dataset.input_shapes
        self.class_names = dataset.class_names
        self.feature_names = dataset.feature_names
        self.grouped_by_class = dataset.grouped_by_class
        self._preprocess = preprocess

    def __len__(self) -> int:
        return len(self.dataset)

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices, changed."""
        inputs, targets, sample_weight = self.dataset.load(indices)
        changed = self._preprocess.inputs(inputs)
        return changed, changed if targets is inputs else targets, sample_weight

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) as of the dataset."""
        return self.dataset.labels()

    def fingerprint(self) -> str:
        """As of the dataset: the code is the user's to look after."""
        return self.dataset.fingerprint()

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """That of the dataset's samples at (N,) indices."""
        return self.dataset.fingerprint_of(indices)

    def describe(self, index: int) -> str:
        """As of the dataset."""
        return self.dataset.describe(index)


def preprocessed(dataset: Dataset, preprocess: Preprocessing | None) -> Dataset:
    """The dataset as the user's function changes it; as it is where there is none."""
    return dataset if preprocess is None else PreprocessedDataset(dataset, preprocess)
