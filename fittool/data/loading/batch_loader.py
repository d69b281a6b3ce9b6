"""The batches that the trainer takes: by absolute step, made ahead by threads.

The batch of a step is a function of the seed and the step alone, so workers and resuming change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Batch
from fittool.data.batch_transforms import Augment, BatchTransforms
from fittool.data.class_weights import ClassWeight, class_factors, per_sample
from fittool.data.dataset import Dataset, Samples
from fittool.data.loading import FOREVER
from fittool.data.order import Order, shard_order_of
from fittool.errors import DataError, ExperimentError
from fittool.process_group import ALONE, Member, ProcessGroup, share_of

if TYPE_CHECKING:
    from fittool.data.loading.selection import Selection

_NAMED = 3


class BatchLoader(Protocol):
    """Batches by absolute step."""

    @property
    def samples(self) -> int | None:
        """The number of samples in a pass, or None where that is not known before it ends."""

    @property
    def batch_size(self) -> int:
        """Samples in a batch; the last of a pass may have fewer."""

    @property
    def steps_per_pass(self) -> int | None:
        """Batches in a pass, or None where that is not known before it ends."""

    def batches(self, first_step: int) -> Iterator[Batch]:
        """The batches of steps `first_step`, `first_step + 1`, …; a generator, to be closed when no more are needed."""

    def contents(self, step: int) -> str:
        """The contents of a step's batch, for messages, such as `cats/3.jpg, dogs/1.jpg, cats/7.jpg and 29 others`."""


class DatasetLoader:
    """Batches of a dataset, pass after pass without end.

    Args:
        dataset: The samples.
        batch_size: Samples in a batch; the last of a pass may have fewer.
        seed: The run's, for order and augmentation.
        shuffle: Whether each pass has its own order.
        augment: Changes images as a function of seed, pass and position; `BatchTransforms` for more than that.
        class_weight: Multiplied with the samples' own weights.
        workers: Threads that load and augment; 0 does so when a batch is asked for.
        max_queue_size: How many batches are under way or wait, ready made.
        use_multiprocessing: Whether the workers are processes; the batches are the same, to the bit.
        timeout: Seconds to wait for one batch of a worker.
        group: The processes that share each batch; this one gets its part of it.
        offset: Added to each step, so that a second `fit` goes on with the next order; negative where a training counts
            steps that this loader never had.

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
        augment: Augment | BatchTransforms | None = None,
        class_weight: ClassWeight | None = None,
        workers: int = 0,
        max_queue_size: int = 10,
        use_multiprocessing: bool = False,
        timeout: float = FOREVER,
        offset: int = 0,
        group: ProcessGroup = ALONE,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.samples = len(dataset)
        self._order = Order(len(dataset), batch_size, seed, shuffle=shuffle, stream=shard_order_of(dataset))
        self.steps_per_pass = self._order.steps_per_pass
        self._seed, self._first_step = seed, 0
        self._changes = augment if isinstance(augment, BatchTransforms) else BatchTransforms(augment)
        self._weights = None if class_weight is None else _weights_by_class(dataset, class_weight)
        self._workers = workers
        self._max_queue_size = max_queue_size
        self._use_multiprocessing = use_multiprocessing
        self._timeout = timeout
        # Not the group itself, which does not travel to worker processes.
        self._offset, self._member = offset, Member(group.rank, group.size)
        self._selection: Selection | None = None
        if self._changes.any and not any(len(shape) == 3 for shape in dataset.input_shapes.values()):
            shapes = ", ".join(map(str, dataset.input_shapes.values()))
            raise DataError(f"augmentation needs images of shape (height, width, channels), but the samples have shape {shapes}.")

    def batches(self, first_step: int) -> Iterator[Batch]:
        """The batches from an absolute step on; never ends by itself."""
        first_step += self._offset
        if self._use_multiprocessing and self._workers and self._selection is None:
            from fittool.data.workers.process_pool import in_order_by_processes  # not needed where threads are enough

            return in_order_by_processes(
                self._at,
                count(first_step),
                self._workers,
                self._max_queue_size,
                timeout=self._timeout,
                describe=lambda step: self._with_names(self._order.batch(step)),
            )
        places = map(self._order.batch, count(first_step))
        from fittool.data.loading.prefetch import in_order

        return in_order(self._make, places, self._workers, self._max_queue_size, timeout=self._timeout, describe=self._with_names)

    def contents(self, step: int) -> str:
        """The first samples by name, and how many others."""
        indices = self._order.batch(step + self._offset)[2]
        names = ", ".join(self.dataset.describe(int(index)) for index in indices[:_NAMED])
        return f"{names} and {len(indices) - _NAMED} others" if len(indices) > _NAMED else names

    def select_from(self, selection: Selection) -> None:
        """Give batches of samples that an engine holds from now on: the same samples with the same changes."""
        self._selection = selection

    def begin_stage(self, step: int) -> None:
        """Say from which absolute step on the epochs count after some of which random changes end."""
        self._first_step = step

    def _at(self, step: int) -> Batch:
        """In a process, which works the order out by itself."""
        return self._make(self._order.batch(step))

    def _with_names(self, place: tuple[int, int, NDArray[np.int64]]) -> str:
        """`a batch of pass 2 (cats/3.jpg and 31 others)`."""
        pass_number, _, indices = place
        others = f" and {len(indices) - 1} others" if len(indices) > 1 else ""
        return f"a batch of pass {pass_number + 1} ({self.dataset.describe(int(indices[0]))}{others})"

    def _make(self, place: tuple[int, int, NDArray[np.int64]]) -> Batch:
        pass_number, first, indices = place
        step = pass_number * self.steps_per_pass + first // self.batch_size
        # The order is that of all processes together, so the same global batches come with any number of them.
        share, shared = share_of(len(indices), self._member), len(indices) if self._member.size > 1 else None
        if self._selection is not None:
            at, by_chance = (self._seed, pass_number, first), self._changes.by_chance(step - self._first_step)
            weights = self._weights_of(self._selection, indices)
            return self._selection.batch(indices, weights, *at, share=share, shared=shared, by_chance=by_chance)
        if self._changes.mix is None:
            made = self._samples(step, pass_number, first + share.start, indices[share])
        else:  # partners of a mixed sample may be in the part of any process
            made = _part(self._samples(step, pass_number, first, indices), share)
        return Batch(*made, first=share.start, shared=shared)

    def _weights_of(self, selection: Selection, indices: NDArray[np.int64]) -> NDArray[np.generic] | None:
        """(N,) or (N, outputs) weights of held samples, those of their classes among them; None where all weigh 1."""
        whole, rows = selection.dataset.sample_weight, selection.rows
        own = None if whole is None else whole.take(indices if rows is None else rows[indices], 0)
        if self._weights is None:
            return own
        factors, labels = self._weights
        return per_sample(factors, labels.take(indices), own)

    def _samples(self, step: int, pass_number: int, first: int, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices as they are trained on; random changes go by their places in the global batch."""
        inputs, targets, sample_weight = self.dataset.load(indices)
        at = self._seed, step - self._first_step, pass_number, first
        if self._changes.any:
            # An autoencoder's targets are its inputs, so they change with them.
            changed = self._changes.images(inputs, *at, indices)
            inputs, targets = changed, changed if targets is inputs else targets
        if self._weights is not None:
            factors, labels = self._weights
            sample_weight = per_sample(factors, labels.take(indices), sample_weight)
        return self._changes.mixed((inputs, targets, sample_weight), *at)


class ValidationLoader(DatasetLoader):
    """Batches of a dataset as they stand: no shuffling, no augmentation, no class weights.

    Args:
        dataset: The samples.
        batch_size: Samples in a batch; the last of a pass may have fewer.
        workers: Threads that load.
        max_queue_size: How many batches are under way or wait, ready made.
        timeout: Seconds to wait for one batch of a worker.
        group: The processes that share each batch.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        workers: int = 0,
        max_queue_size: int = 10,
        timeout: float = FOREVER,
        group: ProcessGroup = ALONE,
    ) -> None:
        super().__init__(
            dataset, batch_size, shuffle=False, workers=workers, max_queue_size=max_queue_size, timeout=timeout, group=group
        )


def _part(samples: Samples, share: slice) -> Samples:
    """The samples of one process."""
    inputs, targets, sample_weight = samples
    cut = tuple(array[share] for array in inputs)
    own = cut if targets is inputs else tuple(array[share] for array in targets)
    return cut, own, None if sample_weight is None else sample_weight[share]


def _weights_by_class(dataset: Dataset, class_weight: ClassWeight) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    labels = dataset.labels()
    if labels is None:
        raise ExperimentError(
            "class_weight needs targets that are classes, but these data have plain numbers or none. Remove it."
        )
    return class_factors(class_weight, dataset.class_names, labels), labels
