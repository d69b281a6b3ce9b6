"""Keras's `utils`: one-hot rows, the seed of everything, images, sequences of batches."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fittool.errors import DataError
from fittool.image_data_generator.image_dataset import image_dataset_from_directory
from fittool.image_data_generator.pictures import array_to_img, img_to_array, load_img, save_img
from fittool.rng import set_default_seed

__all__ = [
    "PyDataset",
    "Sequence",
    "array_to_img",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "save_img",
    "set_random_seed",
    "to_categorical",
]


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """One-hot rows.

    Args:
        x: (…) or (…, 1) class numbers.
        num_classes: The length of a row; by default one more than the largest number.

    Returns:
        (…, classes).

    Raises:
        DataError: A ValueError: a number is negative, no whole number, or too large.
    """
    numbers = np.asarray(x)
    if numbers.dtype.kind not in "buif" or not (numbers % 1 == 0).all():
        raise DataError("to_categorical takes class numbers; names of classes can be given to fit as they are.")
    whole = numbers.astype(np.int64)
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        whole = whole[..., 0]
    count = int(whole.max(initial=-1)) + 1 if num_classes is None else num_classes
    if whole.size and not 0 <= whole.min() <= whole.max() < count:
        raise DataError(f"to_categorical: class numbers must be 0 to {count - 1}; got {whole.min()} to {whole.max()}.")
    return np.eye(count)[whole]


def set_random_seed(seed: int) -> None:
    """Let everything that is made from now on follow from one seed, unless it is given one of its own.

    Models begin with it, iterators of images take seeds that follow from it; Python's and NumPy's own generators are set to it.

    Raises:
        ValueError: It is no whole number from 0.
    """
    set_default_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


class PyDataset(ABC):
    """A sequence of batches of one's own, for `fit`: override `__len__` and `__getitem__`.

    `on_epoch_end`, where there is one, is called behind the last batch.

    Raises:
        TypeError: An argument is given that belongs to `fit_generator`.
    """

    def __init__(self, **arguments: Any) -> None:
        if arguments:
            raise TypeError(f"{', '.join(arguments)}: give these to fit_generator.")

    @abstractmethod
    def __len__(self) -> int:
        """The number of batches in a pass."""

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        """The batch of a number from 0: `(inputs, targets)` or `(inputs, targets, sample_weights)`."""


Sequence = PyDataset
