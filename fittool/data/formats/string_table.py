"""Many names in little memory: their bytes in one block, which processes share instead of copying a million objects."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class StringTable(Sequence[str]):
    """File names, each decoded when it is asked for.

    Args:
        names: Any number of them.
    """

    def __init__(self, names: Iterable[str]) -> None:
        encoded = [os.fsencode(name) for name in names]
        self._ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        self._bytes = np.frombuffer(b"".join(encoded), np.uint8)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        """One name, or a list of some."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return os.fsdecode(self._bytes[self._ends[index] : self._ends[index + 1]].tobytes())

    def select(self, indices: NDArray[np.int64]) -> StringTable:
        """The names at (n,) indices, in that order."""
        return StringTable(self[index] for index in indices.tolist())
