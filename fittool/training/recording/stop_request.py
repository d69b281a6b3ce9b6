"""Ends a training after the epoch in which another process asked for that."""

from __future__ import annotations

from typing import ClassVar

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Logs
from fittool.runs.requests import Requests


class StopRequestCallback(Callback):
    """Looks for the request at the end of each epoch.

    Args:
        requests: Of the run.
    """

    adds_to_logs: ClassVar[bool] = False
    needs_batch_logs: ClassVar[bool] = False

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Ask for the end, if it was asked for."""
        if self._requests.takes("stop", at_once=True):
            self.run.stop("fittool stop asked for it")
