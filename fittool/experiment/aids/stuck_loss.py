"""A loss that does not move is told after three epochs, not at the end of a hundred."""

from __future__ import annotations

from typing import ClassVar

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Logs
from fittool.training.display.formatting import number

_EPOCHS = 3
_STILL = 5e-3
"""A change by less than this share of the loss is none."""
_LEARNT = 1e-4
"""A smaller loss has nowhere to go."""


class StuckLoss(Callback):
    """Warns once where the loss of the first epochs is always the same.

    Args:
        config: What the user calls the experiment's file, for commands.
    """

    adds_to_logs: ClassVar[bool] = False
    needs_batch_logs: ClassVar[bool] = False

    def __init__(self, config: str) -> None:
        self._config = config
        self._losses: list[float] = []
        self._is_done = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """A training that goes on has had its first epochs."""
        self._is_done = self.run.iterations > 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Take the loss of an epoch, and look at the first ones."""
        loss = (logs or {}).get("loss")
        if self._is_done or loss is None:
            return
        self._losses.append(loss)
        if len(self._losses) < _EPOCHS:
            return
        self._is_done = True
        first = self._losses[0]
        if abs(first) > _LEARNT and all(abs(one - first) <= _STILL * abs(first) for one in self._losses):
            rate = f"The learning rate ({self.run.learning_rate:g}) may be far too small, or so large that all units are dead"
            self.run.say(
                f"warning: the loss has hardly moved in {_EPOCHS} epochs: {number(loss)}. {rate}: fittool lr-find {self._config} "
                f"finds one. fittool train {self._config} --overfit 1 shows whether the network can learn at all."
            )
