"""A dataset of `.npy` files that stay on disk: rows are read when they are asked for."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fittool.data.arrays import as_images, as_numbers, check_input_shape, first_not_finite
from fittool.data.batch import Array
from fittool.data.dataset import Samples, Shape
from fittool.data.formats.npy_format import map_array
from fittool.data.targets import Targets
from fittool.errors import DataError, shown

_BLOCK = 1 << 20
_WHOLE_BLOCKS = 1024


class MemoryMappedArray:
    """Inputs in an `.npy` file with targets in memory.

    Args:
        path: The file of inputs, (N, …).

    Raises:
        DataError: The file is missing or refused, or holds no numbers.
    """

    feature_names: tuple[str, ...] | None = None
    grouped_by_class = False

    def __init__(self, path: Path) -> None:
        self.name = shown(path)
        self._path = path
        array = np.asarray(map_array(path, self.name))
        check_input_shape(array, self.name)
        # Of no rows, so that only the type is looked at and nothing is read from disk.
        as_numbers(array[:0], self.name)
        self._array = as_images(array)
        self._size = path.stat().st_size
        self.targets = Targets(None, None, None)
        self.sample_weight: NDArray[np.float32] | None = None

    def label(self, targets: Targets, sample_weight: NDArray[np.float32] | None) -> None:
        """Take over targets and (N,) weights of all samples."""
        self.targets = targets
        self.sample_weight = sample_weight

    def __len__(self) -> int:
        return len(self._array)

    @property
    def array(self) -> Array:
        """(N, …) as it is on disk."""
        return self._array

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Those of the targets."""
        return self.targets.class_names

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """Of the array, without its first axis."""
        return {"input": self._array.shape[1:]}

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """Read the rows at (N,) indices; uint8 stays, other numbers become float32.

        Raises:
            DataError: A value is NaN or infinite, or the file was cut short since it was opened.
        """
        self._check_size()
        rows = as_numbers(self._array.take(indices, 0), self.name, indices)
        rows = rows if rows.dtype == np.uint8 else rows.astype(np.float32, copy=False)
        if (at := first_not_finite(rows)) is not None:
            place = ", ".join(map(str, (indices[at[0]], *at[1:])))
            raise DataError(f"The value at [{place}] is NaN or infinite.", place=self.name)
        inputs = (rows,)
        weight = None if self.sample_weight is None else self.sample_weight.take(indices)
        return inputs, self.targets.take(indices, inputs), weight

    def _check_size(self) -> None:
        # To touch a mapped page behind the end of its file would kill the process with SIGBUS.
        if os.stat(self._path).st_size < self._size:
            raise DataError("The file was cut short while it was in use.", place=self.name)

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) the class number of each sample."""
        return self.targets.labels

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr((self._array.dtype, self._array.shape, self.class_names)).encode())
        blocks = -(-self._size // _BLOCK)
        with self._path.open("rb") as file:
            for block in np.unique(np.linspace(0, blocks - 1, min(blocks, _WHOLE_BLOCKS)).astype(np.int64)).tolist():
                file.seek(block * _BLOCK)
                digest.update(file.read(_BLOCK))
        for values in (self.targets.values, self.sample_weight):
            digest.update(b"" if values is None else np.ascontiguousarray(values).data)
        return digest.hexdigest()

    def fingerprint(self) -> str:
        """Of the file's bytes; beyond 1 GiB, of 1,024 blocks spread over it."""
        return self._fingerprint

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """Of the rows' bytes, targets and weights; beyond 1 GiB, of rows spread evenly over them.

        Raises:
            DataError: The file was cut short since it was opened.
        """
        self._check_size()
        shape = (len(indices), *self._array.shape[1:])
        digest = hashlib.sha256(repr((self._array.dtype, shape, self.class_names)).encode())
        row_bytes = max(1, self._array.nbytes // len(self))
        most, at_once = max(1, _WHOLE_BLOCKS * _BLOCK // row_bytes), max(1, _BLOCK // row_bytes)
        some = indices[np.linspace(0, len(indices) - 1, min(len(indices), most)).astype(np.int64)]
        for start in range(0, len(some), at_once):
            digest.update(self._array.take(some[start : start + at_once], 0).data)
        weight = None if self.sample_weight is None else self.sample_weight.take(indices)
        for values in (self.targets.select(indices).values, weight):
            digest.update(b"" if values is None else np.ascontiguousarray(values).data)
        return digest.hexdigest()

    def describe(self, index: int) -> str:
        """The file and row of a sample."""
        return f"{self.name}[{index}]"
