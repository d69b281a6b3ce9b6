"""The best epoch: by what ModelCheckpoint watches, else `val_loss`, else `loss`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Control
from fittool.callbacks.model_checkpoint import ModelCheckpointCallback
from fittool.callbacks.monitor import Monitor
from fittool.training.history import Row
from fittool.training.outcome import Best


class BestEpoch:
    """The best epoch so far.

    Args:
        monitor: The value that decides.

    Attributes:
        best: The epoch, or None.
    """

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.best: Best | None = None

    @classmethod
    def following(cls, callbacks: Sequence[Callback], validated: bool) -> BestEpoch:
        """Take the word of the first ModelCheckpoint that asks for the best, else the loss of the validation or training."""
        checkpoints = [callback for callback in callbacks if isinstance(callback, ModelCheckpointCallback)]
        # Without a file of its own it decides about best.safetensors, which is of the best epoch whatever `save_best_only` says.
        checkpoint = next((one for one in checkpoints if one.setting.save_best_only or not one.setting.has_own_file), None)
        if checkpoint is not None:
            return cls(checkpoint.setting.new_monitor())
        return cls(Monitor("val_loss" if validated else "loss", "min"))

    def begin(self, control: Control) -> None:
        """Check the watched name before training."""
        self.monitor.begin(control)

    def see(self, epoch: int, row: Row) -> bool:
        """Take over the epoch (from 0) with this row if it is the best so far; True then."""
        if not self.monitor.see(epoch, row):
            return False
        self.best = Best(epoch + 1, self.monitor.name, row[self.monitor.name], dict(row))
        return True

    def state(self) -> dict[str, Any]:
        """The best epoch as plain data, for a checkpoint."""
        row = None if self.best is None else dict(self.best.row)
        return {"monitor": self.monitor.state(), "name": self.monitor.name, "row": row}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`; if another value is watched now, the best epoch is looked for anew."""
        if state["name"] != self.monitor.name:
            return
        self.monitor.load_state(state["monitor"])
        row = state["row"]
        if row is not None:
            self.best = Best(int(row["epoch"]), self.monitor.name, row[self.monitor.name], row)
