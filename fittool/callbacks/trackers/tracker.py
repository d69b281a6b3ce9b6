"""A callback that tells a tracker of a training: what was set, the values of each epoch, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Logs
from fittool.callbacks.snapshot import Position
from fittool.callbacks.trackers.sender import PATIENCE, PATIENCE_AFTER_FAILURE, Sender
from fittool.errors import visible


class Tracker(Protocol):
    """A service that keeps runs; its methods are called in one thread, one after the other, and may fail."""

    def begin(self) -> None:
        """Open the run, that of an earlier part of the same training where there is one; called until it worked."""

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Keep the values of an epoch, from 1."""

    def end(self, reason: str) -> None:
        """Close the run: completed, stopped, interrupted, diverged or failed."""

    def may_pass(self, error: BaseException) -> bool:
        """True for an error that may be gone later."""

    def close(self) -> None:
        """Give back what the tracker holds, though a call may hang in its thread; the only one that another thread makes."""


class TrackerCallback(Callback):
    """Tells a tracker, from a thread of its own; what fails is a warning, each kind once.

    Args:
        name: What warnings call it.
        tracker: Is told.
        patience: Seconds that the end waits at most.
    """

    adds_to_logs: ClassVar[bool] = False
    needs_batch_logs: ClassVar[bool] = False

    def __init__(self, name: str, tracker: Tracker, patience: float = PATIENCE) -> None:
        self._name, self._tracker, self._patience = name, tracker, patience
        self._sender = Sender(tracker.may_pass)
        self._values: dict[str, float] = {}
        self._told: set[str] = set()
        self._is_open = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Have the run opened."""
        self._sender = Sender(self._tracker.may_pass)
        self._sender.send(self._begin)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Keep the logs, to which callbacks behind this one may still add."""
        self._values = {} if logs is None else logs

    def on_epoch_settled(self, position: Position) -> None:
        """Send the epoch's values, which are saved by now, so that a kill makes no epoch known twice."""
        number, values = position.epoch, dict(self._values)
        self._sender.send(lambda: self._tracker.epoch(number, values) if self._is_open else None)
        self._tell()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Have the run closed, and wait a little for what is still to be sent."""
        reason = str(self.run.reason)
        self._sender.send(lambda: self._tracker.end(reason) if self._is_open else None)
        self._tell()
        left = self._sender.finish(min(self._patience, PATIENCE_AFTER_FAILURE) if self._told else self._patience)
        self._tracker.close()
        self._tell()
        if left:
            self._warn(f"{left:,} message{'s' * (left != 1)} could not be sent in time.")

    def _begin(self) -> None:
        self._is_open = False
        self._tracker.begin()
        self._is_open = True

    def _tell(self) -> None:
        for failure in self._sender.failures():
            if failure not in self._told:
                self._told.add(failure)
                self._warn(f"{visible(failure)[:300]} Training goes on.")

    def _warn(self, text: str) -> None:
        self.run.say(f"warning: {self._name}: {text}")


def finite(values: Mapping[str, Any]) -> dict[str, float]:
    """The values that are numbers, and finite."""
    found = {}
    for name, value in values.items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            found[name] = number
    return found
