"""The random numbers that a layer draws while it trains: the same ones in every engine, however the engine computes the layer.

The layers that draw (`Layer.is_random`) are numbered in the order of the graph, from 0, and each use of random numbers in one
layer has a number too. So an activation or a normalization before a layer, fused with it or not, leaves its mask as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from fittool.rng import key_of


@dataclass(frozen=True)
class RandomStream:
    """The random numbers of one use in one layer.

    Attributes:
        purpose: What they are for, such as `dropout`, with the layer's own seed where it has one.
        layer: How many layers before it in the graph draw, too.
        use: Counts the uses in the layer.
    """

    purpose: str
    layer: int
    use: int = 0

    def counters(self, step: int) -> tuple[int, int, int]:
        """The key that names the numbers of one training step, beside seed and purpose; the counters of `fittool.rng`."""
        return self.layer, self.use, step

    def key(self, seed: int, step: int) -> int:
        """The 64-bit key of the numbers of one training step, for the run's seed."""
        return key_of(seed, self.purpose, *self.counters(step))
