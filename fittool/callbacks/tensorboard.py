"""TensorBoard: event files that TensorBoard shows, with Keras's folders and names. Needs the extra `tensorboard`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Limits
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Logs
from fittool.callbacks.snapshot import Position
from fittool.errors import MachineError, StorageError
from fittool.settings import Boolean, Field, Integer, Text, setting

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

_BINS = 30
_NOT_OFFERED = {"write_images": False, "profile_batch": 0, "embeddings_freq": 0, "embeddings_metadata": None}


@setting
class TensorBoard(CallbackSetting):
    """Writes loss, metrics and, if asked, the distribution of the weights to files for TensorBoard."""

    writes_only: ClassVar[bool] = True

    log_dir: Text = Field(
        default="logs", min_length=1, description="Folder of the event files; in an experiment relative to the run directory."
    )
    histogram_freq: Integer = Field(
        default=0, ge=0, description="Write the distribution of every weight after so many epochs; 0: never."
    )
    write_graph: Boolean = Field(default=True, description="Taken for Keras's sake; there is no graph of operations to write.")
    write_images: Boolean = Field(default=False, description="Taken for Keras's sake; weights are not written as images.")
    write_steps_per_second: Boolean = Field(default=False, description="Whether the speed is written too.")
    update_freq: Literal["epoch", "batch"] | Annotated[Integer, Limits(ge=1)] = Field(
        default="epoch", description="Write after each epoch alone, or also after each batch, or after so many batches."
    )
    profile_batch: Integer = Field(default=0, description="Taken for Keras's sake; nothing is profiled.")
    embeddings_freq: Integer = Field(default=0, description="Taken for Keras's sake; embeddings are not written.")
    embeddings_metadata: dict[str, Text] | None = Field(
        default=None, description="Taken for Keras's sake; embeddings are not written."
    )

    @model_validator(mode="after")
    def _only_what_is_offered(self) -> TensorBoard:
        for name, nothing in _NOT_OFFERED.items():
            if getattr(self, name) != nothing:
                raise PydanticCustomError("not_offered", "{name} is not offered; leave it out", {"name": name})
        return self

    def files(self) -> Mapping[str, str]:
        """The folder of the event files."""
        return {"log_dir": self.log_dir}

    def start(self, surroundings: CallbackContext) -> TensorBoardCallback:
        """The callback at work.

        Raises:
            MachineError: The extra is missing.
        """
        return TensorBoardCallback(self, surroundings.directory / self.log_dir)


class TensorBoardCallback(Callback):
    """Writes to `train/` and `validation/` below its folder.

    Args:
        setting: What to write.
        folder: Where to.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, setting: TensorBoard, folder: Path) -> None:
        self.setting, self.folder = setting, folder
        self._open = _event_writer()
        self._writers: dict[str, EventFileWriter] = {}
        self._epoch_began = self._batches_began = 0.0
        self._steps = self._batch_steps = 0

    def overrides(self, *hooks: str) -> bool:
        """Batches are looked at only where they are written."""
        listens = self.setting.update_freq != "epoch"
        return (listens or "on_train_batch_end" not in hooks) and super().overrides(*hooks)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Know when the epoch began."""
        self._epoch_began, self._steps = time.monotonic(), self.run.iterations

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the running values, every so many batches."""
        frequency = 1 if self.setting.update_freq == "batch" else int(self.setting.update_freq)
        step = self.run.iterations
        if step % frequency == 0:
            self._write("train", step, {f"batch_{name}": value for name, value in (logs or {}).items()})
            if self.setting.write_steps_per_second:
                self._write("train", step, {"batch_steps_per_second": self._batch_speed(step)})

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the validation against the number of steps."""
        values = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
        self._write("validation", self.run.iterations, values)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the epoch's values; epochs count from 0."""
        logs = logs or {}
        train = {f"epoch_{name}": value for name, value in logs.items() if not name.startswith("val_")}
        if self.setting.write_steps_per_second:
            seconds = max(time.monotonic() - self._epoch_began, 1e-9)
            train["epoch_steps_per_second"] = (self.run.iterations - self._steps) / seconds
        self._write("train", epoch, train)
        validated = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        self._write("validation", epoch, {f"epoch_{name}": value for name, value in validated.items()})
        if self.setting.histogram_freq and epoch % self.setting.histogram_freq == 0:
            self._write_weights(epoch)

    def on_epoch_settled(self, position: Position) -> None:
        """Bring what was written to the files, so that a kill loses nothing."""
        for writer in self._writers.values():
            self._storing(writer.flush)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            self._storing(writer.close)
        self._writers = {}

    def _batch_speed(self, step: int) -> float:
        now = time.monotonic()
        speed = (step - self._batch_steps) / max(now - self._batches_began, 1e-9) if self._batch_steps else 0.0
        self._batches_began, self._batch_steps = now, step
        return speed

    def _write_weights(self, epoch: int) -> None:
        for name, array in self.run.get_weights().items():
            self._add("train", epoch, f"{name.removeprefix('weights/')}/histogram", partial(_histogram, array))

    def _write(self, part: str, step: int, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self._add(part, step, name, partial(_scalar, value))

    def _add(self, part: str, step: int, tag: str, value: Callable[[str], Summary.Value]) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        event = Event(wall_time=time.time(), step=step, summary=Summary(value=[value(tag)]))
        self._storing(lambda: self._writer(part).add_event(event))

    def _writer(self, part: str) -> EventFileWriter:
        if part not in self._writers:
            self._writers[part] = self._open(str(self.folder / part))
        return self._writers[part]

    def _storing(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except OSError as error:
            raise StorageError(f"TensorBoard's files cannot be written: {error}", place=str(self.folder)) from error


def _event_writer() -> Callable[[str], EventFileWriter]:
    try:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        text = "The callback TensorBoard needs the package tensorboard. Install it with: pip install 'fittool[tensorboard]'"
        raise MachineError(text) from error
    return cast("Callable[[str], EventFileWriter]", EventFileWriter)


def _scalar(value: Any, tag: str) -> Summary.Value:
    return _tensor(tag, "scalars", np.asarray(value, np.float32))


def _histogram(array: NDArray[Any], tag: str) -> Summary.Value:
    """(bins, 3): lower and upper edge and how many numbers lie between them, as TensorBoard's histograms have it."""
    # np.histogram finds no range where a weight is not finite, as after a divergence, and raises.
    counts, edges = np.histogram(array[np.isfinite(array)], bins=_BINS)
    return _tensor(tag, "histograms", np.stack([edges[:-1], edges[1:], counts], axis=1))


def _tensor(tag: str, plugin: str, array: NDArray[Any]) -> Summary.Value:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.util.tensor_util import make_tensor_proto

    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin))
    return Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(array))
