"""EarlyStopping: end training once a value has stopped to improve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.callbacks.monitor import Monitor
from fittool.settings import DOES_NOT_COUNT, Boolean, Field, Integer, Number, Text, setting


@setting
class EarlyStopping(CallbackSetting):
    """Ends training when a value has not improved for a number of epochs."""

    steers: ClassVar[bool] = True

    monitor: Text = Field(default="val_loss", description="The value to watch.")
    min_delta: Number = Field(default=0.0, description="A smaller change is no improvement.")
    patience: Integer = Field(
        default=0, ge=0, description="Epochs without improvement after which training ends; 0 ends it at the first."
    )
    verbose: Annotated[Integer, DOES_NOT_COUNT] = Field(
        default=0, ge=0, le=1, description="1 tells when training ends and which weights are put back."
    )
    mode: Literal["auto", "min", "max"] = Field(
        default="auto", description="Whether less or more is better; auto knows it from the name."
    )
    baseline: Number | None = Field(
        default=None, description="A value that has to be beaten; until then every epoch counts as one to be patient with."
    )
    restore_best_weights: Boolean = Field(
        default=False, description="Whether the weights of the best epoch are put back at the end."
    )
    start_from_epoch: Integer = Field(default=0, ge=0, description="Epochs at the beginning that are not watched.")

    def start(self, surroundings: CallbackContext) -> EarlyStoppingCallback:
        """The callback at work."""
        return EarlyStoppingCallback(self)


class EarlyStoppingCallback(Callback):
    """Counts the epochs since the last improvement.

    Attributes:
        wait: How many epochs there was none.
        stopped_epoch: The epoch (from 0) after which training was asked to end; 0 if it was not.
        best_weights: Those of the best epoch, if they are to be put back.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, setting: EarlyStopping) -> None:
        self.setting = setting
        self.monitor = Monitor(setting.monitor, setting.mode, setting.min_delta, owner="EarlyStopping")
        self.wait = 0
        self.stopped_epoch = 0
        self.best_weights: Mapping[str, NDArray[np.generic]] | None = None

    @property
    def best(self) -> float | None:
        """The best value so far."""
        return self.monitor.best

    @property
    def best_epoch(self) -> int:
        """The epoch (from 0) that it is of; 0 as long as there is none."""
        return self.monitor.best_epoch or 0

    @property
    def patience(self) -> int:
        """The number of epochs without improvement that ends the training."""
        return self.setting.patience

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check the watched name."""
        self.monitor.begin(self.run)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and ask for the end when patience is over."""
        value = self.monitor.value(logs or {})
        if value is None or epoch < self.setting.start_from_epoch:
            return
        self.wait += 1
        if self.monitor.improved(epoch, value):
            self._keep_weights()
            # As in Keras: short of the baseline it is the best epoch all the same, but patience runs on.
            if self.setting.baseline is None or self.monitor.better(value, self.setting.baseline):
                self.wait = 0
        # Keras asks for `epoch > 0` too, so that its patience 0 acts like 1; here 0 means what it says.
        elif self.wait >= self.setting.patience:
            self.stopped_epoch = epoch
            self._stop()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Put the best weights back, also when training ended by itself."""
        # After an interruption or an error the weights stay as they are: training may go on from them.
        if self.best_weights is None or self.monitor.best_epoch is None or self.run.reason not in ("completed", "stopped"):
            return
        self.run.set_weights(self.best_weights)
        self.run.restored_epoch = self.monitor.best_epoch
        if self.setting.verbose:
            self.run.say(f"EarlyStopping: put back the weights of epoch {self.monitor.best_epoch + 1}.")

    def state(self) -> dict[str, Any]:
        """Best value and how long ago it was."""
        return {"monitor": self.monitor.state(), "wait": self.wait, "stopped_epoch": self.stopped_epoch}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`; the best weights are no plain data, so they have to be given beside it."""
        self.monitor.load_state(state["monitor"])
        self.wait, self.stopped_epoch = state["wait"], state.get("stopped_epoch", 0)

    def go_on_after_stop(self) -> None:
        """Be patient anew; the best value stays the one to beat."""
        self.wait = self.stopped_epoch = 0

    def kept_weights(self) -> Mapping[str, NDArray[Any]] | None:
        """The best weights."""
        return self.best_weights

    def keep_weights(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take over the best weights."""
        self.best_weights = weights

    def _keep_weights(self) -> None:
        if self.setting.restore_best_weights:
            self.best_weights = self.run.get_weights()

    def _stop(self) -> None:
        epochs = "epoch" if self.wait == 1 else "epochs"
        self.run.stop(f"{self.setting.monitor} has not improved for {self.wait} {epochs}")
        if self.setting.verbose:
            self.run.say(f"EarlyStopping: {self.setting.monitor} has not improved for {self.wait} {epochs}.")
