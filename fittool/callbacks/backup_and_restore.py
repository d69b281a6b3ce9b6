"""BackupAndRestore: a training that was cut off goes on where it stood when it is started again.

The backup is a whole checkpoint, so it goes on exactly: with optimizer, running metrics, order of the data and callbacks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from numpy.typing import NDArray
from pydantic import Field as Limits

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Backups, Logs
from fittool.callbacks.snapshot import Position, Snapshot, snapshot_of
from fittool.runs.paths import LAST, PREVIOUS, kept_file
from fittool.settings import Boolean, Field, Integer, Text, setting

if TYPE_CHECKING:
    from fittool.runs.checkpoint import CheckpointFacts


@setting
class BackupAndRestore(CallbackSetting):
    """Saves the state of training, and goes on from it when the same training is started again."""

    backup_dir: Text = Field(min_length=1, description="Folder of the backup; in an experiment relative to its file.")
    save_freq: Literal["epoch"] | Annotated[Integer, Limits(ge=1)] = Field(
        default="epoch", description="Save after each epoch, or after so many batches."
    )
    double_checkpoint: Boolean = Field(default=False, description="Whether the backup before the last is kept too.")
    delete_checkpoint: Boolean = Field(default=True, description="Whether the backup is removed once training has ended well.")

    def start(self, surroundings: CallbackContext) -> BackupAndRestoreCallback:
        """The callback at work."""
        return BackupAndRestoreCallback(self)


class BackupAndRestoreCallback(Callback):
    """Saves when all callbacks had their turn, so that the backup holds the state of every one of them.

    Raises:
        StorageError: The backup cannot be saved.
        CheckpointError: There is a backup, but it is damaged or of another network.
    """

    adds_to_logs: ClassVar[bool] = False

    def __init__(self, setting: BackupAndRestore) -> None:
        self.setting = setting
        self.folder = Path(setting.backup_dir)
        self._batches = 0
        self._kept: dict[str, Mapping[str, NDArray[Any]]] = {}

    def overrides(self, *hooks: str) -> bool:
        """Batches are looked at only where they are counted."""
        return (self.setting.save_freq != "epoch" or "on_train_batch_settled" not in hooks) and super().overrides(*hooks)

    def restore(self) -> None:
        """Put the training back to where the backup stands, if there is one."""
        from fittool.runs.checkpoint import load_checkpoint
        from fittool.runs.checkpoint_store import CheckpointStore
        from fittool.runs.format import OLDER_RELEASE, cause_of_other_numbers

        store = CheckpointStore(self.folder, "")
        if store.is_empty:
            return
        checkpoint, warning = store.load_newest()
        self._backups.go_on_from(snapshot_of(checkpoint), checkpoint.facts.training["rows"])
        for name, callback in self._backups.callbacks():
            if (path := (self.folder / kept_file(name))).exists():
                callback.keep_weights(load_checkpoint(path).tensors)
        if warning is not None:
            self.run.say(f"warning: {warning}")
        cause = cause_of_other_numbers(checkpoint.format, is_random=True, is_from_logits=True)
        if cause is not None:
            text = f"The backup is of fittool 0.1.0: {cause}, so a training with one of these is not exact."
            self.run.say(f"warning: {text} For that, finish it with the older release ({OLDER_RELEASE}).")
        facts = checkpoint.facts
        self.run.say(f"BackupAndRestore: going on from epoch {facts.epoch}, step {facts.step_in_epoch}, in {self.folder}.")

    def on_epoch_settled(self, position: Position) -> None:
        """Save after the epoch."""
        if self.setting.save_freq == "epoch":
            self._save()

    def on_train_batch_settled(self, position: Position) -> None:
        """Save after so many batches."""
        self._batches += 1
        if isinstance(self.setting.save_freq, int) and self._batches >= self.setting.save_freq:
            self._batches = 0
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the backup if training ended well."""
        if self.setting.delete_checkpoint and self.run.reason in ("completed", "stopped"):
            for path in (self.folder / LAST, self.folder / PREVIOUS, *self.folder.glob(kept_file("*"))):
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # it holds something that is not ours
                self.folder.rmdir()

    def state(self) -> dict[str, Any]:
        """The batches since the last backup."""
        return {"batches": self._batches}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self._batches = state["batches"]

    @property
    def _backups(self) -> Backups:
        assert self.run.backups is not None, "Only a training can be backed up."
        return self.run.backups

    def _save(self) -> None:
        from fittool.runs.checkpoint import save_checkpoint
        from fittool.runs.checkpoint_store import CheckpointStore
        from fittool.runs.files.atomic import make_folder

        make_folder(self.folder)
        for name, callback in self._backups.callbacks():
            self._save_kept(name, callback.kept_weights())
        snapshot = self._backups.take_snapshot()
        if self.setting.double_checkpoint:
            CheckpointStore(self.folder, "").save_last(snapshot.tensors, self._facts(snapshot))
        else:
            save_checkpoint(self.folder / LAST, snapshot.tensors, self._facts(snapshot))

    def _save_kept(self, name: str, weights: Mapping[str, NDArray[Any]] | None) -> None:
        """Weights that a callback keeps, such as the best ones; only when they are other ones than last time."""
        from fittool.runs.checkpoint import CheckpointFacts, save_checkpoint

        if weights is not None and weights is not self._kept.get(name):
            save_checkpoint((self.folder / kept_file(name)), weights, CheckpointFacts())
            self._kept[name] = weights

    def _facts(self, snapshot: Snapshot) -> CheckpointFacts:
        from fittool.runs.checkpoint import CheckpointFacts

        position = snapshot.position
        training = {**snapshot.training, "rows": [dict(row) for row in self._backups.rows()]}
        return CheckpointFacts(
            position.epoch, position.step, position.step_in_epoch, callbacks=snapshot.callbacks, training=training
        )
