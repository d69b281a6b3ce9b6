"""Datasets brought into memory: all at once for `fit`, or sample by sample as they are first asked for (`cache: ram`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.available_memory import available_memory, size_in_words
from fittool.data.batch import Array
from fittool.data.dataset import ArrayDataset, Dataset, Progress, Samples, Subset
from fittool.data.loading.prefetch import in_order
from fittool.data.order import ShardOrder, shard_order_of
from fittool.data.workers.shared_memory import shared_array
from fittool.errors import MachineError

_CHUNK = 64
_TIMED = 16
_WORTH_A_THREAD = 5e-4  # seconds; below, threads wait for the interpreter lock more than they decode


class SampleStore:
    """Arrays with a row for each of some samples, filled piece by piece.

    Args:
        samples: How many rows.
        example: A few loaded samples, whose shapes and types all others have.
        mend: What the user can do where memory is too small.
        rows: Makes an array of some shape and type.

    Raises:
        MachineError: This process may use less memory than the arrays need.
    """

    def __init__(
        self, samples: int, example: Samples, mend: str, rows: Callable[[tuple[int, ...], Any], Array] = np.empty
    ) -> None:
        inputs, targets, weight = example
        self.bytes = sum(samples * array.nbytes // len(array) for array in (*inputs, *(() if targets is inputs else targets)))
        available = available_memory()
        if self.bytes > available.bytes:
            raise MachineError(f"{samples:,} samples need {size_in_words(self.bytes)} of memory, but {available}. {mend}")
        made = [
            rows((samples, *array.shape[1:]), array.dtype)
            for array in (*inputs, *(() if targets is inputs else targets), *(() if weight is None else (weight,)))
        ]
        self.inputs = tuple(made[: len(inputs)])
        self.targets = self.inputs if targets is inputs else tuple(made[len(inputs) :][: len(targets)])
        self.sample_weight = None if weight is None else made[-1]

    def put(self, indices: NDArray[np.int64], loaded: Samples) -> None:
        """Keep the loaded samples at (N,) rows."""
        inputs, targets, weight = loaded
        for array, part in zip(self.inputs, inputs, strict=True):
            array[indices] = part
        if self.targets is not self.inputs:
            for array, part in zip(self.targets, targets, strict=True):
                array[indices] = part
        if self.sample_weight is not None and weight is not None:
            self.sample_weight[indices] = weight

    def take(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) rows."""
        inputs = tuple(array.take(indices, 0) for array in self.inputs)
        targets = inputs if self.targets is self.inputs else tuple(array.take(indices, 0) for array in self.targets)
        return inputs, targets, None if self.sample_weight is None else self.sample_weight.take(indices)


def in_memory(
    dataset: Dataset, progress: Progress | None = None, workers: int | None = None, *, keeps_fingerprint: bool = False
) -> ArrayDataset:
    """All samples of a dataset as arrays; images stay uint8.

    Args:
        dataset: Any; an `ArrayDataset` comes back as it is.
        progress: Called after each few samples with how many are done, of how many.
        workers: Threads that load; by default as many as there are processors where loading is slow, else none.
        keeps_fingerprint: Whether the arrays have the fingerprint of the dataset; else one of their own.

    Raises:
        DataError: A sample cannot be read.
        MachineError: This process may use less memory than the samples need.
    """
    if isinstance(dataset, ArrayDataset):
        return dataset
    count = len(dataset)
    example = dataset.load(np.zeros(1, np.int64))
    store = SampleStore(count, example, "Use mode: fit_generator with cache: none, or smaller images.")
    pieces = (np.arange(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK))
    workers = _useful_threads(dataset) if workers is None else workers
    for indices, part in in_order(lambda piece: (piece, dataset.load(piece)), pieces, workers, 2 * workers):
        store.put(indices, part)
        if progress is not None:
            progress(int(indices[-1]) + 1, count)
    return _arrays(dataset, store, keeps_fingerprint)


def _useful_threads(dataset: Dataset) -> int:
    """As many as there are processors where loading takes long; none where a few samples are there at once."""
    few = np.arange(min(_TIMED, len(dataset)))
    started = perf_counter()
    dataset.load(few)
    slow = perf_counter() - started > _WORTH_A_THREAD * len(few)
    return (os.cpu_count() or 1) if slow else 0


class _Held(ArrayDataset):
    """Samples in memory that keep the order of passes that they have on disk, and are known as those that they were read from."""

    stream: ShardOrder | None
    origin: Dataset
    keeps_fingerprint: bool

    def fingerprint(self) -> str:
        """Of the arrays; or that of the samples that they were read from, where these could as well be read one by one."""
        return self.origin.fingerprint() if self.keeps_fingerprint else super().fingerprint()

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """That of the samples that they were read from."""
        return self.origin.fingerprint_of(indices)


def _arrays(dataset: Dataset, store: SampleStore, keeps_fingerprint: bool) -> ArrayDataset:
    arrays = _Held(
        dict(zip(dataset.input_shapes, store.inputs, strict=True)),
        store.targets,
        store.sample_weight,
        class_names=dataset.class_names,
        feature_names=dataset.feature_names,
        labels=dataset.labels(),
        describe=dataset.describe,
        grouped_by_class=dataset.grouped_by_class,
    )
    arrays.stream, arrays.origin, arrays.keeps_fingerprint = shard_order_of(dataset), dataset, keeps_fingerprint
    return arrays


class CachedDataset(Subset):
    """A dataset that keeps each sample in memory once it was loaded; worker processes share what is kept.

    Args:
        dataset: The samples; none is loaded before it is asked for.

    Raises:
        MachineError: This process may use less memory than all samples need; raised with the first that is loaded.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset, np.arange(len(dataset)))
        self._kept: NDArray[np.bool_] = shared_array((len(dataset),), bool)
        self._store: SampleStore | None = None
        self._lock = Lock()

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which must find the memory of all samples."""
        if self._store is None:
            self.load(np.zeros(1, np.int64))
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """With a lock of its own: two processes that load the same sample store the same bytes."""
        vars(self).update(state, _lock=Lock())

    @property
    def memory_needed(self) -> int:
        """Bytes that all samples need together; loads one sample if none was loaded yet."""
        if self._store is None:
            self.load(np.zeros(1, np.int64))
        assert self._store is not None
        return self._store.bytes

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices, from memory where loaded before; two threads that load one store the same bytes."""
        missing = np.unique(indices[~self._kept[indices]])
        if len(missing):
            loaded = self.dataset.load(missing)
            with self._lock:
                if self._store is None:
                    self._store = SampleStore(len(self), loaded, "Use cache: none, or smaller images.", shared_array)
            self._store.put(missing, loaded)
            with self._lock:  # nobody sees the mark before the sample
                self._kept[missing] = True
        assert self._store is not None
        return self._store.take(indices)

    def fingerprint(self) -> str:
        """That of the dataset."""
        return self.dataset.fingerprint()
