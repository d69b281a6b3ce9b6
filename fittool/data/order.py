"""Which sample stands at which position of a pass: a function of (seed, pass, position)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.data.dataset import Dataset, Subset

_BLOCK = 1 << 16


@dataclass(frozen=True)
class ShardOrder:
    """An order for samples in shards: a pass takes the shards in a random order and mixes samples within a buffer.

    It is computed, not made: any position of any pass can be asked for, and no array of all samples is needed.

    Attributes:
        sizes: (S,) samples in each shard; the samples of a dataset stand shard by shard.
        buffer: Samples that are mixed with each other.
    """

    sizes: NDArray[np.int64]
    buffer: int

    def samples(self, seed: int, pass_number: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) the samples at (N,) positions of a pass."""
        total = int(self.sizes.sum())
        mixed = np.empty_like(positions)
        for block in np.unique(positions // self.buffer).tolist():
            first = block * self.buffer
            here = positions // self.buffer == block
            size = min(self.buffer, total - first)
            mixed[here] = first + rng.permuted(seed, "buffer", pass_number, block, positions=positions[here] - first, size=size)
        count = len(self.sizes)
        order = rng.permuted(seed, "shards", pass_number, positions=np.arange(count), size=count)
        ends = np.cumsum(self.sizes[order])
        turn = np.searchsorted(ends, mixed, side="right")
        starts = np.cumsum(self.sizes) - self.sizes
        return np.asarray(starts[order[turn]] + mixed - (ends[turn] - self.sizes[order[turn]]), np.int64)


def shard_order_of(dataset: Dataset) -> ShardOrder | None:
    """The stream that a dataset, or a part of one in its order, wants to be read as."""
    if isinstance(dataset, Subset):
        whole = shard_order_of(dataset.dataset)
        if whole is None or np.any(np.diff(dataset.indices) < 0):
            return None
        sizes = np.diff(np.searchsorted(dataset.indices, np.cumsum([0, *whole.sizes])))
        return ShardOrder(sizes, whole.buffer)
    return getattr(dataset, "stream", None)


class Order:
    """The order of every pass over some samples, cut into batches; the last batch of a pass may be short.

    Args:
        samples: How many there are.
        batch_size: Samples in a batch.
        seed: The run's.
        shuffle: Whether each pass has its own random order; else samples come as they stand.
        stream: Shards that are to be read nearly in sequence; None: any sample may come next.
    """

    def __init__(self, samples: int, batch_size: int, seed: int, *, shuffle: bool, stream: ShardOrder | None = None) -> None:
        self._stream = stream
        self.samples = samples
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        # A multiple of the batch size, so that no batch lies in two blocks.
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
        if self.shuffle and self._stream is not None:
            indices = self._stream.samples(self.seed, pass_number, indices)
        elif self.shuffle:
            indices = rng.permuted(self.seed, "order", pass_number, positions=indices, size=self.samples)
        self._block = ((pass_number, block), indices)
        return indices
