"""ModelCheckpoint: the choice of the best epoch, and further files of the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field as Limits
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.callbacks.monitor import Monitor
from fittool.errors import ExperimentError
from fittool.runs.paths import LAST, PREVIOUS, is_kept_file
from fittool.settings import DOES_NOT_COUNT, Boolean, Field, Integer, Number, Text, setting


@setting
class ModelCheckpoint(CallbackSetting):
    """Decides which epoch is the best, and saves the model to files of its own if asked."""

    filepath: Text | None = Field(
        default=None,
        min_length=1,
        description="File to save to; {epoch:02d}, {batch}, {val_loss:.4f} are filled in. By default the run's best.safetensors.",
    )
    monitor: Text = Field(default="val_loss", description="The value that decides which epoch is the best.")
    verbose: Annotated[Integer, DOES_NOT_COUNT] = Field(default=0, ge=0, le=1, description="1 tells each save.")
    save_best_only: Boolean = Field(
        default=False, description="Whether to save only after epochs that are the best so far; always so for best.safetensors."
    )
    save_weights_only: Boolean = Field(default=False, description="Whether the file holds the weights without the architecture.")
    mode: Literal["auto", "min", "max"] = Field(
        default="auto", description="Whether less or more is better; auto knows it from the name."
    )
    save_freq: Literal["epoch"] | Annotated[Integer, Limits(ge=1)] = Field(
        default="epoch", description="Save after each epoch, or after so many batches."
    )
    initial_value_threshold: Number | None = Field(default=None, description="A value that the first best epoch has to beat.")

    @model_validator(mode="after")
    def _template(self) -> ModelCheckpoint:
        """A template that cannot be filled is found before training."""
        if self.filepath is None:
            return self
        if not self.filepath.endswith(".safetensors"):
            raise PydanticCustomError("suffix", "filepath must end in .safetensors, the one format that is written")
        try:
            self.filepath.format_map(_AnyNumber())
        except (ValueError, IndexError, AttributeError, KeyError) as error:
            raise PydanticCustomError("template", "filepath cannot be filled in: {reason}", {"reason": str(error)}) from None
        return self

    def files(self) -> Mapping[str, str]:
        """The file, its name filled in with a number for each value."""
        if self.filepath is None:
            return {}
        return {"filepath": os.path.join("checkpoints", self.filepath.format_map(_AnyNumber()))}

    def start(self, surroundings: CallbackContext) -> ModelCheckpointCallback:
        """The callback at work."""
        folder = surroundings.directory / "checkpoints"
        return ModelCheckpointCallback(self, lambda path: surroundings.name_of(folder / path))

    @property
    def asked_values(self) -> tuple[str, ...]:
        """The values that the file's name asks for, beside epoch and batch."""
        fields = (field for _, field, _, _ in Formatter().parse(self.filepath or "") if field is not None)
        return tuple(field for field in fields if field not in ("epoch", "batch"))

    @property
    def is_checkpoint_of_a_run(self) -> bool:
        """True for a file that a run keeps itself to go on from."""
        if self.filepath is None:
            return False
        name = os.path.normpath(self.filepath)
        return name in (LAST, PREVIOUS) or is_kept_file(name)

    @property
    def has_own_file(self) -> bool:
        """True where there is a file beside the best one, which the run keeps by itself."""
        return self.filepath not in (None, "best.safetensors")

    def new_monitor(self) -> Monitor:
        """A fresh watch over what this callback watches."""
        return Monitor(self.monitor, self.mode, best=self.initial_value_threshold, owner="ModelCheckpoint")


class _AnyNumber(dict[str, int]):
    """Has a number for every name."""

    def __missing__(self, key: str) -> int:
        return 1


def nowhere(path: str) -> str | None:
    """No run that a file is in."""
    return None


class ModelCheckpointCallback(Callback):
    """Has the model saved by whoever records the run; without a file of its own it does nothing but say what is best.

    Args:
        setting: What to save, and when.
        name_of: The name in the run of a file that was saved; None for one elsewhere.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, setting: ModelCheckpoint, name_of: Callable[[str], str | None] = nowhere) -> None:
        self.setting, self._name_of = setting, name_of
        self.monitor = setting.new_monitor()
        self._file: str | None = None
        self._epoch = 0
        self._batches = 0

    def overrides(self, *hooks: str) -> bool:
        """Batches are looked at only where they are counted."""
        return self.setting.save_freq != "epoch" and super().overrides(*hooks)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check the watched name.

        Raises:
            ExperimentError: The name does not exist, or there is no place to save to.
        """
        if self.setting.filepath is None and not self.run.keeps_best:
            raise ExperimentError("ModelCheckpoint needs a filepath here; only a run of an experiment has a best.safetensors.")
        if self.setting.save_best_only:
            self.monitor.begin(self.run)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Know the epoch for the file's name."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save after so many batches."""
        self._batches += 1
        if isinstance(self.setting.save_freq, int) and self._batches >= self.setting.save_freq:
            self._batches = 0
            self._save(batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save after the epoch."""
        if self.setting.save_freq == "epoch":
            self._save(None, logs or {})

    def state(self) -> dict[str, Any]:
        """The best value and the batches since the last save."""
        place = {} if self._file is None else {"file": self._file}
        return {"monitor": self.monitor.state(), "epoch": self._epoch, "batches": self._batches, **place}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.monitor.load_state(state["monitor"])
        self._epoch, self._batches = state["epoch"], state["batches"]
        self._file = state.get("file")

    def _save(self, batch: int | None, logs: Logs) -> None:
        if self.setting.filepath is None or (self.run.keeps_best and not self.setting.has_own_file):
            return
        if self.setting.save_best_only and not self.monitor.see(self._epoch, logs):
            return
        path = self._path(self.setting.filepath, batch, logs)
        self.run.save("weights" if self.setting.save_weights_only else "model", path)
        self._file = self._name_of(path) if self.run.keeps_best else None
        if self.setting.verbose:
            self.run.say(f"ModelCheckpoint: saved {path}.")

    def _path(self, template: str, batch: int | None, logs: Logs) -> str:
        """The file's name, epochs and batches counted from 1 as in Keras.

        Raises:
            ExperimentError: The name asks for a value that is not there.
        """
        values: dict[str, float] = {**logs, "epoch": self._epoch + 1}
        if batch is not None:
            values["batch"] = batch + 1
        try:
            return template.format(**values)
        except KeyError as error:
            names = ", ".join(values)
            raise ExperimentError(f"ModelCheckpoint's filepath {template} asks for {error.args[0]}; there are {names}.") from None
