"""The arrays between operations: one value a layer output, several values may share one storage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.nn.shapes import Shape

Floats = NDArray[Any]


@dataclass(frozen=True)
class Value:
    """The output of one operation for one sample.

    Attributes:
        shape: Without the batch axis.
        storage: Which storage holds it; views and operations in place share their input's.
        needs_gradient: Whether a trainable weight lies upstream.
    """

    shape: Shape
    storage: int
    needs_gradient: bool


@dataclass
class Buffers:
    """The memory of all values for up to `capacity` samples; made anew when a larger batch comes.

    Attributes:
        sizes: Elements for one sample of each storage.
        slots: Elements for one sample of each array for gradients, which serves one value after the other.
        exact: Buffers of whole numbers, which are float64 as float32 has no odd numbers above 2^24.
    """

    sizes: list[int]
    slots: list[int]
    dtype: type[np.floating[Any]]
    exact: frozenset[int] = frozenset()
    capacity: int = 0
    _outputs: list[Floats] = field(default_factory=list)
    _gradients: dict[int, Floats] = field(default_factory=dict)
    _extra: dict[str, Floats] = field(default_factory=dict)

    def grow(self, capacity: int) -> None:
        """Make room for `capacity` samples; views handed out before are stale afterwards."""
        # All at once and for the largest batch so far: smaller ones use the front of each array, which is warm already.
        self.capacity = capacity
        dtypes = [np.float64 if storage in self.exact else self.dtype for storage in range(len(self.sizes))]
        self._outputs = [np.zeros(capacity * size, dtype) for size, dtype in zip(self.sizes, dtypes, strict=True)]
        self._gradients, self._extra = {}, {}

    def output(self, value: Value, batch: int) -> Floats:
        """(batch, …) view on a value."""
        return self._outputs[value.storage][: batch * math.prod(value.shape)].reshape(batch, *value.shape)

    def gradient(self, slot: int, batch: int, shape: Shape) -> Floats:
        """(batch, *shape) view on an array for gradients."""
        if slot not in self._gradients:
            self._gradients[slot] = np.zeros(self.capacity * self.slots[slot], self.dtype)
        return self._gradients[slot][: batch * math.prod(shape)].reshape(batch, *shape)

    def extra(self, name: str, batch: int, shape: Shape, dtype: Any = None) -> Floats:
        """(batch, *shape) of memory that one operation keeps between its forward and its backward half."""
        if name not in self._extra:
            self._extra[name] = np.zeros(self.capacity * math.prod(shape), self.dtype if dtype is None else dtype)
        return self._extra[name][: batch * math.prod(shape)].reshape(batch, *shape)

    def bytes_by(self, writers: Mapping[int, str], names: Sequence[str]) -> dict[str, int]:
        """Bytes of all values and of what operations keep for their backward half, by layer.

        Args:
            writers: The layer of each storage that has one.
            names: The layer of each operation, by its position.
        """
        found: dict[str, int] = {}
        for storage, name in writers.items():
            found[name] = found.get(name, 0) + (self._outputs[storage].nbytes if self._outputs else 0)
        for key, array in self._extra.items():
            name = names[int(key.partition(" ")[0])]
            found[name] = found.get(name, 0) + array.nbytes
        return found
