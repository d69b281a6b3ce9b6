"""The part of a step that changes from step to step, as the layers see it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fittool.engines.torch_engine.operations.exchange import Exchange
from fittool.nn.random_stream import RandomStream
from fittool.rng import keep_bits, normals

_BLOCK = 1 << 15
"""Numbers that are worked on at once on the processor, so that they stay in a core's cache."""
_HASH_FACTORS = (0x7FEB352D, 0x846CA68B)


class StepContext:
    """One step.

    Attributes:
        seed, iteration: Decide, with a layer's stream, its random numbers.
        on_host: Whether random numbers are made by the processor, for itself.
        training: Whether dropout drops and batch normalization uses the batch's own statistics.
        first: Where the first sample stands in the batch of all processes, from which its random numbers follow.
        counts: Whether the samples count in statistics of the whole batch.
        exchange: The processes whose batches count as one in batch normalization, or None.
        moments: For each batch normalization that was run: its name, mean and 1 / deviation, (C,) each.
    """

    def __init__(self, device: torch.device, seed: int, exchange: Exchange | None = None) -> None:
        self.device, self.seed, self.exchange = device, seed, exchange
        self.on_host = device.type == "cpu"
        self.iteration, self.training, self.first, self.counts = 0, False, 0, True
        self.moments: dict[str, tuple[Tensor, Tensor]] = {}

    def begin(self, iteration: int, *, training: bool, first: int = 0, counts: bool = True) -> StepContext:
        """Start a step."""
        self.iteration, self.training, self.first, self.counts = iteration, training, first, counts
        self.moments.clear()
        return self

    def draw_outside(self) -> None:
        """Keep a compiler off the random numbers: their keys differ from step to step, and it would compile each step anew."""
        self.kept = torch.compiler.disable(self.kept)  # type: ignore[method-assign]
        self.normals = torch.compiler.disable(self.normals)  # type: ignore[method-assign]

    def kept(self, stream: RandomStream, rate: float, samples: int, count: int) -> Tensor:
        """The decisions of dropout, (samples, count) bool: True where an element is kept.

        Which are is a function of (seed, stream, step, sample, element), the same on every engine: one 32-bit hash decides two
        neighbouring elements of a sample.
        """
        key, limit = stream.key(self.seed, self.iteration), round(rate * 65536)
        pairs = (count + 1) // 2
        if self.on_host:
            return _kept_on_processor(key, samples * pairs, limit, self.first * pairs).view(samples, 2 * pairs)[:, :count]
        begin = self.first * pairs
        numbers = torch.arange(begin, begin + samples * pairs, dtype=torch.int32, device=self.device)
        words = hash_words(numbers, key)
        halves = torch.stack([words & 0xFFFF, _right(words, 16)], dim=-1)
        return halves.view(samples, 2 * pairs)[:, :count] >= limit

    def normals(self, stream: RandomStream, samples: int, count: int) -> Tensor:
        """Standard normal numbers, (samples, count) float64, the same on every engine."""
        counters = stream.counters(self.iteration)
        drawn = normals(self.seed, stream.purpose, *counters, positions=np.arange(self.first, self.first + samples), draws=count)
        found = torch.from_numpy(drawn)
        if self.on_host:
            return found
        # float64 is not there on every device, and the sum is in the layer's own precision anyway.
        return found.to(torch.float32).pin_memory().to(self.device, non_blocking=True)


def _kept_on_processor(key: int, words: int, limit: int, begin: int) -> Tensor:
    """(2 · words,) bool."""
    kept = np.empty(2 * words, bool)
    hashed, shifted = np.empty(min(words, _BLOCK), np.uint32), np.empty(min(words, _BLOCK), np.uint32)
    for start in range(0, words, _BLOCK):
        numbers = np.arange(begin + start, begin + min(start + _BLOCK, words), dtype=np.uint32)
        size = len(numbers)
        keep_bits(key, numbers, hashed[:size], shifted[:size])
        np.greater_equal(hashed[:size].view(np.uint16), np.uint16(limit), kept[2 * start : 2 * (start + size)])
    return torch.from_numpy(kept)


def _signed(word: int) -> int:
    """32 bits as a number with a sign, which is how PyTorch takes them."""
    return word - (1 << 32) if word >= 1 << 31 else word


def _right(words: Tensor, places: int) -> Tensor:
    """The bits moved right with zeros coming in; PyTorch's own shift repeats the sign."""
    return (words >> places) & ((1 << (32 - places)) - 1)


def hash_words(numbers: Tensor, key: int) -> Tensor:
    """The bits of `fittool.rng.keep_bits` for each number of a stream, (N,) int32, on any device."""
    words = numbers + _signed(key & 0xFFFFFFFF)
    for secret in (_signed(key >> 32), None):
        words = (words ^ _right(words, 16)) * _HASH_FACTORS[0]
        words = words ^ _right(words, 15)
        if secret is not None:
            words = words + secret
        words = words * _signed(_HASH_FACTORS[1])
    return words ^ _right(words, 16)
