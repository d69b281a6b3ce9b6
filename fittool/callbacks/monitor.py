"""Watching one value of the epochs: is it there, which way is better, and is this epoch better than the best so far?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from fittool.callbacks.control import Control, Logs
from fittool.errors import ExperimentError
from fittool.settings import nearest_name

Mode = Literal["auto", "min", "max"]


class Monitor:
    """The best value of one name so far.

    Args:
        name: A key of the logs.
        mode: Whether less or more is better; auto: less for a loss, a metric's own direction else.
        min_delta: An epoch is better only if it is better by more than this.
        best: A value that counts as reached before the first epoch.
        owner: Who watches, for messages.
    """

    def __init__(
        self, name: str, mode: Mode = "auto", min_delta: float = 0.0, best: float | None = None, owner: str = "Monitor"
    ) -> None:
        self.name, self.mode, self.min_delta, self.owner = name, mode, abs(min_delta), owner
        self.best = best
        self.best_epoch: int | None = None
        self._sign = 1.0
        self._control: Control | None = None

    def begin(self, control: Control) -> None:
        """Find the direction, and that the name exists; before training, or after its first epoch if callbacks add values.

        Raises:
            ExperimentError: There is no such name, or nobody knows its direction.
        """
        self._control = control
        if not control.names_may_grow:
            self._require(control.names)
        self._sign = 1.0 if self._direction(control) == "min" else -1.0

    def value(self, logs: Mapping[str, float]) -> float | None:
        """This epoch's value; None in an epoch without it (one that was not validated).

        Raises:
            ExperimentError: No epoch will ever have it.
        """
        if self.name in logs:
            return float(logs[self.name])
        # Keras only warns of a name that never comes, and its ModelCheckpoint then saves anyway.
        if self._control is not None:
            self._require((*self._control.names, *(name for name in logs if name not in self._control.names)))
        return None

    def better(self, value: float, than: float | None) -> bool:
        """True where one value is strictly better than another by more than `min_delta`; NaN never is."""
        # Keras takes a first NaN for the best, and nothing beats it.
        if math.isnan(value):
            return False
        return than is None or self._sign * value < self._sign * than - self.min_delta

    def improved(self, epoch: int, value: float) -> bool:
        """Take over the value if this is the best epoch so far; True then."""
        if not self.better(value, self.best):
            return False
        self.best, self.best_epoch = value, epoch
        return True

    def see(self, epoch: int, logs: Logs) -> bool:
        """Take over the value of these logs if they are of the best epoch so far; True then."""
        value = self.value(logs)
        return value is not None and self.improved(epoch, value)

    def state(self) -> dict[str, Any]:
        """The best value and its epoch, plain data for a checkpoint."""
        return {"best": self.best, "best_epoch": self.best_epoch}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]

    def _require(self, names: tuple[str, ...]) -> None:
        if self.name in names:
            return
        near = nearest_name(self.name, names)
        mend = f" Did you mean {near}?" if near else ""
        hint = (
            " There are no validation data."
            if self.name.startswith("val_") and not any(n.startswith("val_") for n in names)
            else ""
        )
        raise ExperimentError(f"{self.owner} watches {self.name}, but the values there are: {', '.join(names)}.{hint}{mend}")

    def _direction(self, control: Control) -> str:
        if self.mode != "auto":
            return self.mode
        plain = self.name.removeprefix("val_")
        if plain == "loss" or plain.endswith("_loss"):
            return "min"
        if plain not in control.directions:
            raise ExperimentError(
                f"{self.owner} cannot know whether more or less {self.name} is better. Give mode: min or mode: max."
            )
        return control.directions[plain]
