"""The unit that flows from data to an engine: one batch of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]


@dataclass(frozen=True)
class Batch:
    """One batch, ready for an engine.

    Attributes:
        inputs: One array per input of the network, each (N, …); images are (N, H, W, C), uint8 as long as possible.
        targets: One array per output of the network, each (N, …); empty where targets are not known (predict).
        sample_weight: (N,) float32 for all outputs, or (N, outputs) with a column for each; class weights already multiplied
            in; None where all weigh 1.
        first: Where the first sample stands in the batch that several processes share; 0 in a batch that is whole.
        shared: The number of samples of the batch that several processes share; None where this is all of it.
    """

    inputs: tuple[Array, ...]
    targets: tuple[Array, ...] = ()
    sample_weight: Array | None = None
    first: int = 0
    shared: int | None = None

    @property
    def size(self) -> int:
        """The number of samples, N."""
        return len(self.inputs[0])

    @property
    def whole_size(self) -> int:
        """The number of samples of all processes together."""
        return self.size if self.shared is None else self.shared
