"""Moments of a training: where it stands, and everything that it needs to go on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fittool.runs.checkpoint import Checkpoint


@dataclass
class Position:
    """The state of training: between two steps.

    Attributes:
        epoch: The epoch under way, from 0.
        step_in_epoch: How many of its training steps are done.
        step: The number, from 0 since the first epoch, of the next batch; it alone decides what the batch holds.
    """

    epoch: int
    step_in_epoch: int = 0
    step: int = 0

    def go_to(self, other: Position) -> None:
        """Stand where another position is."""
        self.epoch, self.step_in_epoch, self.step = other.epoch, other.step_in_epoch, other.step

    def advance(self) -> None:
        """One more training step is done."""
        self.step_in_epoch += 1
        self.step += 1

    def begin_epoch(self, epoch: int, steps: int | None) -> None:
        """Stand before an epoch's first step; `steps` is the length of every epoch, if known."""
        self.epoch, self.step_in_epoch = epoch, 0
        if steps is not None:
            self.step = epoch * steps


@dataclass(frozen=True)
class Snapshot:
    """Everything that a training needs to go on exactly as it would have.

    Attributes:
        position: Between which steps.
        tensors: The engine's state.
        callbacks: The state of each callback by name, plain data.
        training: The trainer's own state, plain data.
        kept: Weights that callbacks keep beside, by the callback's name.
    """

    position: Position
    tensors: Mapping[str, NDArray[np.generic]]
    callbacks: Mapping[str, Any]
    training: Mapping[str, Any]
    kept: Mapping[str, Mapping[str, NDArray[np.generic]]] = field(default_factory=dict)


def snapshot_of(checkpoint: Checkpoint, kept: Mapping[str, Mapping[str, NDArray[np.generic]]] | None = None) -> Snapshot:
    """The snapshot that a checkpoint holds, with the weights that callbacks kept beside."""
    facts = checkpoint.facts
    position = Position(facts.epoch, facts.step_in_epoch, facts.step)
    return Snapshot(position, checkpoint.tensors, facts.callbacks, facts.training, kept or {})
