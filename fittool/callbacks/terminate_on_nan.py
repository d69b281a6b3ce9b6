"""TerminateOnNaN: end training when the loss is not finite."""

from __future__ import annotations

from typing import ClassVar

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.errors import DivergedError
from fittool.settings import Boolean, Field, setting


@setting
class TerminateOnNaN(CallbackSetting):
    """Ends training at the first batch whose loss is NaN or infinite."""

    steers: ClassVar[bool] = True

    raise_error: Boolean = Field(default=False, description="Whether that is an error.")

    def start(self, surroundings: CallbackContext) -> TerminateOnNaNCallback:
        """The callback at work."""
        return TerminateOnNaNCallback(self)


class TerminateOnNaNCallback(Callback):
    """Looks at the engine's own count of bad steps after every batch, not at the logs."""

    adds_to_logs: ClassVar[bool] = False
    needs_batch_logs: ClassVar[bool] = False

    def __init__(self, setting: TerminateOnNaN) -> None:
        self.setting = setting

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Ask for the end.

        Raises:
            DivergedError: If that was chosen.
        """
        if self.run.first_bad_step is None:
            return
        text = f"the loss is not finite at batch {batch + 1}"
        if self.setting.raise_error:
            raise DivergedError(f"TerminateOnNaN: {text}.")
        self.run.stop(text)
