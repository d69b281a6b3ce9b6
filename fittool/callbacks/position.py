"""The position of a training: plain numbers, so that a checkpoint can hold them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Position:
    """A place between two steps of a training.

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
