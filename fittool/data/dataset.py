"""Samples by index: what every source opens as, in memory or not.

Loaders ask a dataset for the samples at some indices; which, and when, is the business of `order` and `loader`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.data.arrays import check_lengths
from fittool.data.batch import Array
from fittool.data.class_weights import classes_of
from fittool.data.formats.reading import Reading
from fittool.errors import Problem

if TYPE_CHECKING:
    from fittool.data.tables.encoder import TableEncoder

Shape: TypeAlias = tuple[int, ...]
Samples: TypeAlias = tuple[tuple[Array, ...], tuple[Array, ...], Array | None]
"""Inputs, targets and sample weights of N samples; in class mode `input` the targets are the very tuple of the inputs."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of samples done and of all samples."""
_HASHED_AT_ONCE = 1 << 20  # bytes


class Dataset(Protocol):
    """Samples by index."""

    def __len__(self) -> int:
        """The number of samples."""

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices, in that order; safe to call from several threads.

        Raises:
            DataError: A sample cannot be read; names its file.
        """

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """The shape of each input, without the axis of samples."""

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class, or None where the targets are numbers."""

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of a table's features, in order, or None."""

    @property
    def grouped_by_class(self) -> bool:
        """True where the samples stand class by class, so that a split takes its part of each."""

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) the class number of each sample without loading it, or None where there are no classes."""

    def fingerprint(self) -> str:
        """A SHA-256 that changes when the data do: of arrays' bytes, of files' names, sizes and beginnings."""

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """A SHA-256 of the samples at (N,) indices, in that order: the same whatever holds them, wherever they stand."""

    def describe(self, index: int) -> str:
        """The name of sample `index` in messages: its file, its row."""


class ArrayDataset:
    """Samples in memory.

    Args:
        inputs: The arrays (N, …) by the name of the network's input; a bare array is called "input".
        targets: One array (N, …) per output of the network; the very tuple `tuple(inputs.values())` in class mode `input`.
        sample_weight: (N,) float32, or (N, outputs) with a column for each output.
        class_names: The name of each class.
        feature_names: What the features of a table are called.
        labels: (N,) class numbers; by default those of the only target, if it holds classes.
        describe: Names a sample; by default its index.
        grouped_by_class: Whether the samples stand class by class.

    Raises:
        DataError: The arrays differ in length, or are empty.
    """

    reading: Reading | None = None
    """The way the table was read that the arrays come from."""
    encoder: TableEncoder | None = None
    """What has made the arrays of a table's columns."""
    output_classes: tuple[tuple[str, ...] | None, ...] = ()
    """The names of the classes of each of several outputs, None where it has none."""
    bad_rows: Mapping[int, Problem] = {}
    """By the sample: why a row of the table could not be read; it is there with zeros."""
    left_out_rows: tuple[Problem, ...] = ()
    """Why rows of the table were left out."""
    remarks: tuple[str, ...] = ()
    """Sentences on what was left out of a table, and on values that were not there in training."""

    def __init__(
        self,
        inputs: Mapping[str, Array] | Array,
        targets: tuple[Array, ...] = (),
        sample_weight: Array | None = None,
        *,
        class_names: tuple[str, ...] | None = None,
        feature_names: tuple[str, ...] | None = None,
        labels: NDArray[np.int64] | None = None,
        describe: Callable[[int], str] = "sample {}".format,
        grouped_by_class: bool = False,
    ) -> None:
        named = {"input": inputs} if isinstance(inputs, np.ndarray) else dict(inputs)
        self.targets = targets
        self.inputs = targets if _same_arrays(tuple(named.values()), targets) else tuple(named.values())
        self.input_shapes: dict[str, Shape] = {name: array.shape[1:] for name, array in named.items()}
        self.sample_weight = sample_weight
        self.class_names = class_names
        self.feature_names = feature_names
        self.grouped_by_class = grouped_by_class
        self._labels = labels
        self.describe = describe
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._length = check_lengths({**named, **{f"targets {i}": array for i, array in enumerate(targets)}, **weights})

    def __len__(self) -> int:
        return self._length

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices: one gather per array."""
        inputs = tuple([array.take(indices, 0) for array in self.inputs])
        targets = inputs if self.targets is self.inputs else tuple([array.take(indices, 0) for array in self.targets])
        return inputs, targets, None if self.sample_weight is None else self.sample_weight.take(indices, 0)

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) the class numbers that were given, or those that the only target holds (`classes_of`)."""
        if self._labels is None and len(self.targets) == 1 and self.targets is not self.inputs:
            return classes_of(self.targets[0])
        return self._labels

    @cached_property
    def _fingerprint(self) -> str:
        return self._hash(np.arange(len(self)))

    def fingerprint(self) -> str:
        """Of the arrays' types, shapes and bytes, and of the class names."""
        return self._fingerprint

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """That of arrays which hold just the samples at (N,) indices."""
        return self._hash(indices)

    def _hash(self, indices: NDArray[np.int64]) -> str:
        digest = hashlib.sha256("\0".join(self.class_names or ()).encode("utf-8", "surrogateescape"))
        for array in (*self.inputs, *self.targets, *(() if self.sample_weight is None else (self.sample_weight,))):
            digest.update(f"{array.dtype.str}{(len(indices), *array.shape[1:])}".encode())
            rows = max(1, _HASHED_AT_ONCE // max(1, array.nbytes // len(array)))
            for start in range(0, len(indices), rows):
                digest.update(array.take(indices[start : start + rows], 0).data)
        return digest.hexdigest()


class Subset:
    """Some samples of a dataset, as a dataset.

    Args:
        dataset: The whole.
        indices: (N,) which of its samples, in this order.
    """

    def __init__(self, dataset: Dataset, indices: NDArray[np.int64]) -> None:
        self.dataset = dataset
        self.indices = indices
        self.class_names = dataset.class_names
        self.feature_names = dataset.feature_names
        self.grouped_by_class = dataset.grouped_by_class

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """Those of the whole."""
        return self.dataset.input_shapes

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices, through the whole dataset."""
        return self.dataset.load(self.indices[indices])

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) the chosen ones of the whole's."""
        labels = self.dataset.labels()
        return None if labels is None else labels[self.indices]

    def fingerprint(self) -> str:
        """Of the whole's fingerprint and the indices."""
        return hashlib.sha256(self.dataset.fingerprint().encode() + self.indices.astype("<i8").tobytes()).hexdigest()

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """That of the same samples in the whole."""
        return self.dataset.fingerprint_of(self.indices[indices])

    def describe(self, index: int) -> str:
        """As the whole calls it."""
        return self.dataset.describe(int(self.indices[index]))


def _same_arrays(first: tuple[Array, ...], second: tuple[Array, ...]) -> bool:
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))


def base_of(data: Dataset) -> tuple[Dataset, NDArray[np.int64]]:
    """The whole that a part is taken from, and (n,) its samples."""
    indices = np.arange(len(data), dtype=np.int64)
    while isinstance(data, Subset):
        indices, data = data.indices[indices], data.dataset
    return data, indices
