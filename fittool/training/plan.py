"""The length of a training, and the epochs that it validates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fittool.errors import ExperimentError

if TYPE_CHECKING:
    from fittool.data.loading.batch_loader import BatchLoader


@dataclass(frozen=True)
class Plan:
    """The length of a training and its validations.

    Attributes:
        epochs: The number of the last epoch, not a count: training ends when so many are done, `initial_epoch` included.
        initial_epoch: Epochs that count as done before the first.
        steps_per_epoch: Batches in an epoch; None: all that the loader gives in a pass. Explicit steps go on where the
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

    def steps(self, loader: BatchLoader) -> int | None:
        """Batches of a training epoch; None where only the end of the data can tell."""
        return loader.steps_per_pass if self.steps_per_epoch is None else self.steps_per_epoch

    def steps_of_validation(self, loader: BatchLoader) -> int | None:
        """Batches of a validation; None where only the end of the data can tell."""
        return loader.steps_per_pass if self.validation_steps is None else self.validation_steps

    def validates(self, epoch: int) -> bool:
        """True where validation follows the epoch with this number (from 0)."""
        if isinstance(self.validation_frequency, int):
            return (epoch + 1) % self.validation_frequency == 0
        return epoch + 1 in self.validation_frequency

    def check(self, train: BatchLoader, validation: BatchLoader | None) -> None:
        """Find, before training, what cannot be carried out.

        Raises:
            ExperimentError: A pass has fewer batches than an epoch of `fit`, or than a validation, asks for.
        """
        asked = [("steps_per_epoch", self.steps_per_epoch, train)] if self.within_pass else []
        if validation is not None:
            asked.append(("validation_steps", self.validation_steps, validation))
        for name, steps, loader in asked:
            # Where nobody knows the length before, only the walk itself can find that there are too few.
            if steps is not None and loader.steps_per_pass is not None and steps > loader.steps_per_pass:
                raise ExperimentError(
                    f"{name} is {steps}, but the data have only {loader.steps_per_pass} batches of {loader.batch_size}. "
                    f"Leave {name} out, or make it {loader.steps_per_pass} or less."
                )
