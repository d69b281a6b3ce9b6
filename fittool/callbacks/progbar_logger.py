"""ProgbarLogger: the progress on the terminal, also where `verbose` is 0."""

from __future__ import annotations

from typing import ClassVar

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.settings import setting


@setting
class ProgbarLogger(CallbackSetting):
    """Shows the progress as `verbose: 1` does, where nothing else shows it."""

    writes_only: ClassVar[bool] = True

    def start(self, surroundings: CallbackContext) -> ProgbarLoggerCallback:
        """The callback at work."""
        return ProgbarLoggerCallback()


class ProgbarLoggerCallback(Callback):
    """Does nothing by itself: the trainer looks for it, and draws the one display that there is."""

    adds_to_logs: ClassVar[bool] = False
