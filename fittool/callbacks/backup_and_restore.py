"""BackupAndRestore: a training that was cut off goes on where it stood when it is started again.

The backup is a whole checkpoint, so it goes on exactly: with optimizer, running metrics, order of the data and callbacks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field as Limits

from fittool.callbacks.base import Callback, CallbackContext, CallbackSetting
from fittool.callbacks.control import Backups, Logs
from fittool.callbacks.snapshot import Position, Snapshot, snapshot_of
from fittool.errors import CheckpointError, shown
from fittool.runs.paths import LAST, PREVIOUS, is_kept_file
from fittool.settings import Boolean, Field, Integer, Text, setting

if TYPE_CHECKING:
    from fittool.runs.checkpoint import Checkpoint, CheckpointFacts
    from fittool.runs.files.lock import RunLock
    from fittool.runs.kept_weights import Weights

_IDENTITY = "identity"


@setting
class BackupAndRestore(CallbackSetting):
    """Saves the state of training, and goes on from it when the same training is started again."""

    writes_only: ClassVar[bool] = True

    backup_dir: Text = Field(min_length=1, description="Folder of the backup; in an experiment relative to its file.")
    save_freq: Literal["epoch"] | Annotated[Integer, Limits(ge=1)] = Field(
        default="epoch", description="Save after each epoch, or after so many batches."
    )
    double_checkpoint: Boolean = Field(default=False, description="Whether the backup before the last is kept too.")
    delete_checkpoint: Boolean = Field(default=True, description="Whether the backup is removed once training has ended well.")

    def files(self) -> Mapping[str, str]:
        """The folder of the backup."""
        return {"backup_dir": self.backup_dir}

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
        from fittool.runs.checkpoint_store import CheckpointStore
        from fittool.runs.kept_weights import KeptWeights

        self.setting = setting
        self.folder = Path(setting.backup_dir)
        self._store = CheckpointStore(self.folder, "")
        self._batches = 0
        self._kept = KeptWeights()
        self._lock: RunLock | None = None

    def overrides(self, *hooks: str) -> bool:
        """Batches are looked at only where they are counted."""
        return (self.setting.save_freq != "epoch" or "on_train_batch_settled" not in hooks) and super().overrides(*hooks)

    def restore(self) -> None:
        """Put the training back to where the backup stands, if there is one and the training is not further already.

        A run saves checkpoints of its own; the newer of the two wins, which is mostly the run's.
        """
        from fittool.runs.files.atomic import make_folder, remove_temporary_files
        from fittool.runs.files.lock import RunLock
        from fittool.runs.kept_weights import KeptWeights

        make_folder(self.folder)
        self._lock = RunLock(self.folder)  # two trainings would replace each other's backups
        remove_temporary_files(self.folder)
        if self._store.is_empty:
            return
        checkpoint, warning = self._store.load_newest()
        if not self._belongs_here(checkpoint) or not self._is_newer(checkpoint):
            return
        self._kept = KeptWeights.found(self._store, checkpoint)
        facts = checkpoint.facts
        weights = self._kept.weights or self._weights_of_the_first_release(checkpoint)
        self._backups.go_on_from(snapshot_of(checkpoint, weights), facts.training["rows"])
        for text in (warning, _format_warning(checkpoint), *map(_say_lost, self._kept.lost)):
            if text is not None:
                self.run.say(f"warning: {text}")
        self.run.say(f"BackupAndRestore: going on from epoch {facts.epoch}, step {facts.step_in_epoch}, in {self.folder}.")

    def _weights_of_the_first_release(self, checkpoint: Checkpoint) -> dict[str, Weights]:
        """Weights of callbacks in a backup of 0.1.0, which did not say of which moment they are."""
        from fittool.runs.checkpoint import load_checkpoint

        if "kept" in checkpoint.facts.training:
            return {}
        files = {name: self.folder / f"kept_{name}.safetensors" for name, _ in self._backups.callbacks()}
        return {name: load_checkpoint(path).tensors for name, path in files.items() if path.exists()}

    def _belongs_here(self, checkpoint: Checkpoint) -> bool:
        """True for a backup of this very training.

        Raises:
            CheckpointError: It is of another one, and the training has no checkpoint of its own to go on from.
        """
        said, own = checkpoint.facts.training.get(_IDENTITY, {}), self._backups.identity()
        other = [name for name in own if said.get(name, own[name]) != own[name]]
        if not other:
            return True
        verb = "is" if other in (["seed"], ["experiment"]) else "are"
        text = f"is of another training: its {' and '.join(other)} {verb} not the same."
        if self._backups.resumed_at is None:
            raise CheckpointError(f"{text} Remove it, or choose another backup_dir.", place=shown(checkpoint.path))
        self.run.say(f"warning: {shown(checkpoint.path)} {text} It is not used, and will be replaced.")
        return False

    def _is_newer(self, checkpoint: Checkpoint) -> bool:
        own = self._backups.resumed_at
        return own is None or (checkpoint.facts.step, checkpoint.facts.epoch) > (own.step, own.epoch)

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
        # After an interruption or an error the backup is what the next start goes on from.
        if self.setting.delete_checkpoint and self.run.reason in ("completed", "stopped"):
            kept = [path for path in self.folder.glob("*") if is_kept_file(path.name)]
            for path in (self.folder / LAST, self.folder / PREVIOUS, *kept):
                path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others have the folder, which goes where no backup is in it."""
        if self._lock is None:
            return
        self._lock.release()
        self._lock = None
        if self._store.is_empty and self.folder.is_dir():
            (self.folder / ".lock").unlink(missing_ok=True)
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
        from fittool.runs.files.atomic import make_folder

        make_folder(self.folder)
        snapshot = self._backups.take_snapshot()
        position = snapshot.position
        self._kept.take(snapshot.kept, snapshot.tensors, epoch=position.epoch, step=position.step)
        beside = self._kept.beside(snapshot.tensors)
        double = self.setting.double_checkpoint
        self._store.save_last(snapshot.tensors, self._facts(snapshot), beside=beside, keeps_previous=double)
        self._kept.saved(self._store)

    def _facts(self, snapshot: Snapshot) -> CheckpointFacts:
        from fittool.runs.checkpoint import CheckpointFacts

        position = snapshot.position
        rows = [dict(row) for row in self._backups.rows()]
        training = {**snapshot.training, "rows": rows, "kept": self._kept.fact, _IDENTITY: dict(self._backups.identity())}
        return CheckpointFacts(
            position.epoch, position.step, position.step_in_epoch, callbacks=snapshot.callbacks, training=training
        )


def _format_warning(checkpoint: Checkpoint) -> str | None:
    from fittool.runs.format import OLDER_RELEASE, cause_of_other_numbers

    cause = cause_of_other_numbers(checkpoint.format, is_random=True, is_from_logits=True)
    if cause is None:
        return None
    text = f"The backup is of fittool 0.1.0: {cause}, so a training with one of these is not exact."
    return f"{text} For that, finish it with the older release ({OLDER_RELEASE})."


def _say_lost(callback: str) -> str:
    return f"The weights that {callback} kept are lost: it begins anew with those of the next best epoch."
