"""ProgbarLogger: the progress on the terminal, also where `verbose` is 0."""

from __future__ import annotations

from typing import ClassVar

from fittool.settings import setting
from fittool.training.callbacks.base import Callback, CallbackSetting, Surroundings


@setting
class ProgbarLogger(CallbackSetting):
    """Shows the progress as `verbose: 1` does, where nothing else shows it."""

    def start(self, surroundings: Surroundings) -> ProgbarLoggerAtWork:
        """The callback at work."""
        return ProgbarLoggerAtWork()


class ProgbarLoggerAtWork(Callback):
    """Does nothing by itself: the trainer looks for it, and draws the one display that there is."""

    adds_to_logs: ClassVar[bool] = False
