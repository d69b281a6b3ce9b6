"""Where the time and the memory of training steps go: filled by an engine that was asked to, read at the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Literal

Half = Literal["forward", "backward"]
Part = Literal["inputs", "forward", "backward", "metrics", "optimizer"]
PARTS: tuple[Part, ...] = ("inputs", "forward", "backward", "metrics", "optimizer")
"""The parts of a training step, in their order: bringing the batch to where it is computed with, the two halves, loss and
metrics, the update of the weights."""


class StepProfile:
    """Seconds of training steps.

    Attributes:
        steps: How many there were.
        largest: Samples of the largest batch.
        parts: Seconds of each part of all steps, as they passed.
        settle: Called at the end, before anything is read.
        activations: Asked at the end for the bytes of the values that each layer keeps, for the largest batch.
    """

    def __init__(self) -> None:
        self.steps = 0
        self.largest = 0
        self.parts: dict[Part, float] = dict.fromkeys(PARTS, 0.0)
        self.settle: Callable[[], object] = int
        self.activations: Callable[[], Mapping[str, int]] = dict
        self._cells: dict[tuple[str, str], list[list[float]]] = defaultdict(list)

    def cell(self, layer: str, half: str) -> list[float]:
        """A place of one number, to which one thread at a time adds seconds of a layer."""
        # Each call that is timed has its own, as threads that add to one number would lose some of it.
        self._cells[layer, half].append([0.0])
        return self._cells[layer, half][-1]

    def add(self, layer: str, half: Half, seconds: float) -> None:
        """Add seconds of a layer; for engines that run in one thread."""
        cells = self._cells[layer, half] or [self.cell(layer, half)]
        cells[0][0] += seconds

    def seconds(self, layer: str, half: str) -> float:
        """The seconds of a layer, of all threads together."""
        return sum(cell[0] for cell in self._cells.get((layer, half), ()))

    def total(self, half: str) -> float:
        """Those of all layers."""
        return sum(cell[0] for (_, one), cells in self._cells.items() if one == half for cell in cells)

    def stepped(self, samples: int) -> None:
        """A step is done."""
        self.steps += 1
        self.largest = max(self.largest, samples)
