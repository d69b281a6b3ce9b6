"""ReduceLROnPlateau: a smaller learning rate once a value has stopped to improve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.callbacks.monitor import Monitor
from fittool.settings import DOES_NOT_COUNT, Field, Integer, Number, Text, setting


@setting
class ReduceLROnPlateau(CallbackSetting):
    """Multiplies the learning rate by a factor when a value has not improved for a number of epochs."""

    steers: ClassVar[bool] = True

    monitor: Text = Field(default="val_loss", description="The value to watch.")
    factor: Number = Field(default=0.1, ge=0, lt=1, description="The learning rate is multiplied by it.")
    patience: Integer = Field(default=10, ge=0, description="Epochs without improvement after which the rate is reduced.")
    verbose: Annotated[Integer, DOES_NOT_COUNT] = Field(default=0, ge=0, le=1, description="1 tells each new rate.")
    mode: Literal["auto", "min", "max"] = Field(
        default="auto", description="Whether less or more is better; auto knows it from the name."
    )
    min_delta: Number = Field(default=1e-4, description="A smaller change is no improvement.")
    cooldown: Integer = Field(default=0, ge=0, description="Epochs after a reduction in which nothing is counted.")
    min_lr: Number = Field(default=0.0, ge=0, description="The rate does not fall below it.")

    def start(self, surroundings: CallbackContext) -> ReduceLROnPlateauCallback:
        """The callback at work."""
        return ReduceLROnPlateauCallback(self)


class ReduceLROnPlateauCallback(Callback):
    """Counts the epochs since the last improvement or reduction.

    Attributes:
        wait: How many epochs there was no improvement.
        cooldown: How many epochs are still not counted.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, setting: ReduceLROnPlateau) -> None:
        self.setting = setting
        self.monitor = Monitor(setting.monitor, setting.mode, setting.min_delta, owner="ReduceLROnPlateau")
        self.wait = 0
        self.cooldown = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check the watched name, and that the learning rate can be set (it cannot where a schedule decides it)."""
        self.monitor.begin(self.run)
        self.run.learning_rate = self.run.learning_rate

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and reduce when patience is over."""
        value = self.monitor.value(logs or {})
        if value is None:
            return
        if self.cooldown > 0:
            self.cooldown -= 1
            self.wait = 0
        if self.monitor.improved(epoch, value):
            self.wait = 0
        # As in Keras the counter fell before this, so the last epoch of a cooldown counts already.
        elif self.cooldown == 0:
            self.wait += 1
            if self.wait >= self.setting.patience:
                self._reduce(epoch)

    def state(self) -> dict[str, Any]:
        """Best value and both counters."""
        return {"monitor": self.monitor.state(), "wait": self.wait, "cooldown": self.cooldown}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.monitor.load_state(state["monitor"])
        self.wait, self.cooldown = state["wait"], state["cooldown"]

    def _reduce(self, epoch: int) -> None:
        rate = self.run.learning_rate
        # As in Keras no cooldown begins where nothing was reduced.
        if rate <= self.setting.min_lr:
            return
        self.run.learning_rate = max(rate * self.setting.factor, self.setting.min_lr)
        self.cooldown, self.wait = self.setting.cooldown, 0
        if self.setting.verbose:
            self.run.say(f"ReduceLROnPlateau: the learning rate is {self.run.learning_rate:g} after epoch {epoch + 1}.")
