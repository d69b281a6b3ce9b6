"""How long a training is, and where in it we are. Positions are plain numbers, so that a checkpoint can hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fittool.errors import ExperimentError

if TYPE_CHECKING:
    from fittool.data.feed import Feed


@dataclass(frozen=True)
class Plan:
    """How long to train and when to validate.

    Attributes:
        epochs: The number of the last epoch, not a count: training ends when so many are done, `initial_epoch` included.
        initial_epoch: Epochs that count as done before the first.
        steps_per_epoch: Batches in an epoch; None: all that the feed gives in a pass. Explicit steps go on where the
            last epoch stopped.
        validation_steps: Batches in a validation, which always begins at the first; None: all of a pass.
        validation_frequency: Validate after every so many epochs, or after the epochs of these numbers (from 1).
        within_pass: Whether more steps_per_epoch than a pass has are an error (mode fit), or begin the next pass.
    """

    epochs: int
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_frequency: int | Sequence[int] = 1
    within_pass: bool = False

    def steps(self, feed: Feed) -> int | None:
        """Batches of a training epoch; None where only the end of the data can tell."""
        return feed.steps_per_pass if self.steps_per_epoch is None else self.steps_per_epoch

    def steps_of_validation(self, feed: Feed) -> int | None:
        """Batches of a validation; None where only the end of the data can tell."""
        return feed.steps_per_pass if self.validation_steps is None else self.validation_steps

    def validates(self, epoch: int) -> bool:
        """Whether validation follows the epoch with this number (from 0)."""
        if isinstance(self.validation_frequency, int):
            return (epoch + 1) % self.validation_frequency == 0
        return epoch + 1 in self.validation_frequency

    def check(self, train: Feed, validation: Feed | None) -> None:
        """Find, before training, what cannot be carried out.

        Raises:
            ExperimentError: A pass has fewer batches than an epoch of `fit`, or than a validation, asks for.
        """
        asked = [("steps_per_epoch", self.steps_per_epoch, train)] if self.within_pass else []
        if validation is not None:
            asked.append(("validation_steps", self.validation_steps, validation))
        for name, steps, feed in asked:
            if steps is not None and feed.steps_per_pass is not None and steps > feed.steps_per_pass:
                raise ExperimentError(
                    f"{name} is {steps}, but the data have only {feed.steps_per_pass} batches of {feed.batch_size}. "
                    f"Leave {name} out, or make it {feed.steps_per_pass} or less."
                )


@dataclass
class Position:
    """Where training stands: between two steps.

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
