"""What the trainer eats: batches by absolute step, made ahead by threads.

The batch of a step is a function of the seed and the step alone, so workers and resuming change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array, Batch
from fittool.data.dataset import Dataset
from fittool.data.loader import in_order
from fittool.data.order import Order
from fittool.data.weights import ClassWeight, class_factors, per_sample
from fittool.errors import DataError, ExperimentError

Augment: TypeAlias = Callable[[NDArray[Any], int, int, NDArray[np.int64]], NDArray[Any]]
"""Images (N, H, W, C), seed, pass and (N,) positions to images of the same shape; `partial(augment, augmentation)`."""


class Feed(Protocol):
    """Batches by absolute step."""

    @property
    def samples(self) -> int | None:
        """How many samples a pass has, or None where that is not known before it ends."""

    @property
    def batch_size(self) -> int:
        """Samples in a batch; the last of a pass may have fewer."""

    @property
    def steps_per_pass(self) -> int | None:
        """Batches in a pass, or None where that is not known before it ends."""

    def batches(self, first_step: int) -> Iterator[Batch]:
        """The batches of steps `first_step`, `first_step + 1`, …; a generator, to be closed when no more are needed."""


class DatasetFeed:
    """Batches of a dataset, pass after pass without end.

    Args:
        dataset: The samples.
        batch_size: Samples in a batch; the last of a pass may have fewer.
        seed: The run's, for order and augmentation.
        shuffle: Whether each pass has its own order.
        augment: Changes images as a function of seed, pass and position.
        class_weight: Multiplied with the samples' own weights.
        workers: Threads that load and augment; 0 does so when a batch is asked for.
        max_queue_size: How many batches are under way or wait, ready made.

    Raises:
        ExperimentError: A class weight names an unknown class, or the data have no classes.
        DataError: Augmentation of data that are no images.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        seed: int = 0,
        *,
        shuffle: bool = True,
        augment: Augment | None = None,
        class_weight: ClassWeight | None = None,
        workers: int = 0,
        max_queue_size: int = 10,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.samples = len(dataset)
        self._order = Order(len(dataset), batch_size, seed, shuffle=shuffle)
        self.steps_per_pass = self._order.steps_per_pass
        self._seed = seed
        self._augment = augment
        self._weights = None if class_weight is None else _weights_by_class(dataset, class_weight)
        self._workers = workers
        self._max_queue_size = max_queue_size
        if augment is not None and not any(len(shape) == 3 for shape in dataset.input_shapes.values()):
            shapes = ", ".join(map(str, dataset.input_shapes.values()))
            raise DataError(f"augmentation needs images of shape (height, width, channels), but the samples have shape {shapes}.")

    def batches(self, first_step: int) -> Iterator[Batch]:
        """The batches from an absolute step on; never ends by itself."""
        return in_order(self._make, map(self._order.batch, count(first_step)), self._workers, self._max_queue_size)

    def _make(self, place: tuple[int, int, NDArray[np.int64]]) -> Batch:
        pass_number, first, indices = place
        inputs, targets, sample_weight = self.dataset.load(indices)
        if self._augment is not None:
            changed = tuple(self._changed(array, pass_number, first) for array in inputs)
            inputs, targets = changed, changed if targets is inputs else targets
        if self._weights is not None:
            factors, labels = self._weights
            sample_weight = per_sample(factors, labels.take(indices), sample_weight)
        return Batch(inputs, targets, sample_weight)

    def _changed(self, array: Array, pass_number: int, first: int) -> Array:
        if array.ndim != 4 or self._augment is None:
            return array
        return self._augment(array, self._seed, pass_number, np.arange(first, first + len(array)))


class ValidationFeed(DatasetFeed):
    """Batches of a dataset as they stand: no shuffling, no augmentation, no class weights.

    Args:
        dataset: The samples.
        batch_size: Samples in a batch; the last of a pass may have fewer.
        workers: Threads that load.
        max_queue_size: How many batches are under way or wait, ready made.
    """

    def __init__(self, dataset: Dataset, batch_size: int, *, workers: int = 0, max_queue_size: int = 10) -> None:
        super().__init__(dataset, batch_size, shuffle=False, workers=workers, max_queue_size=max_queue_size)


def _weights_by_class(dataset: Dataset, class_weight: ClassWeight) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    labels = dataset.labels()
    if labels is None:
        raise ExperimentError(
            "class_weight needs targets that are classes, but these data have plain numbers or none. Remove it."
        )
    return class_factors(class_weight, dataset.class_names, labels), labels
