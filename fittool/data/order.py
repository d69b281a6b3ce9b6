"""Which sample stands at which position of a pass: a function of (seed, pass, position)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fittool import chance

_BLOCK = 1 << 16


class Order:
    """The order of every pass over some samples, cut into batches; the last batch of a pass may be short.

    Args:
        samples: How many there are.
        batch_size: Samples in a batch.
        seed: The run's.
        shuffle: Whether each pass has its own random order; else samples come as they stand.
    """

    def __init__(self, samples: int, batch_size: int, seed: int, *, shuffle: bool) -> None:
        self.samples = samples
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self._block_size = max(1, _BLOCK // batch_size) * batch_size
        self._block: tuple[tuple[int, int], NDArray[np.int64]] = ((-1, -1), np.empty(0, np.int64))

    @property
    def steps_per_pass(self) -> int:
        """Batches in a pass."""
        return -(-self.samples // self.batch_size)

    def batch(self, step: int) -> tuple[int, int, NDArray[np.int64]]:
        """The batch of one absolute step.

        Returns:
            Its pass, its first position in that pass, and the (N,) indices of its samples.
        """
        pass_number, batch = divmod(step, self.steps_per_pass)
        first = batch * self.batch_size
        block, offset = divmod(first, self._block_size)
        indices = self._indices(pass_number, block)
        return pass_number, first, indices[offset : offset + self.batch_size]

    def _indices(self, pass_number: int, block: int) -> NDArray[np.int64]:
        """A stretch of whole batches of one pass, kept until another is asked for."""
        known, indices = self._block
        if known == (pass_number, block):
            return indices
        start = block * self._block_size
        indices = np.arange(start, min(start + self._block_size, self.samples))
        if self.shuffle:
            indices = chance.permuted(self.seed, "order", pass_number, positions=indices, size=self.samples)
        self._block = ((pass_number, block), indices)
        return indices
