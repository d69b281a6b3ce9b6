"""Writes a training into its run directory: rows, checkpoints, status, log."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fittool.callbacks.control import Kind
from fittool.callbacks.snapshot import Position, Snapshot
from fittool.errors import ExperimentError, StorageError
from fittool.runs.checkpoint import CheckpointFacts, save_checkpoint
from fittool.runs.directory import RunDirectory
from fittool.runs.files.atomic import make_folder
from fittool.runs.kept_weights import KeptWeights
from fittool.runs.paths import BEST, FINAL, LAST, PREVIOUS
from fittool.runs.requests import Requests
from fittool.runs.status import Status
from fittool.training.display.formatting import epoch_line
from fittool.training.history import Row
from fittool.training.outcome import Best, Outcome

if TYPE_CHECKING:
    from pathlib import Path

_VIEWS_INTERVAL = 5.0  # seconds; status and table are views of the log, too dear to be made anew in each short epoch


class RunRecorder:
    """The recorder of a run with a directory.

    Args:
        directory: The run, locked.
        epochs: The number of the last epoch, for the log.
        every_seconds: Also save when so long nothing was saved.
        every_steps: Also save after so many steps.
        model: What identifies the network.
        class_names: The names of the classes, or None.
        architecture: The network as plain data, for the files that ModelCheckpoint asks for.
        rows: The rows that the run already has, when it goes on.
        kept: The weights that its callbacks kept, when it goes on.
        requests: What other processes ask of the run.

    Attributes:
        warnings: What may not survive a power cut, each once.
    """

    def __init__(
        self,
        directory: RunDirectory,
        epochs: int,
        *,
        every_seconds: float | None = None,
        every_steps: int | None = None,
        model: str = "",
        class_names: Sequence[str] | None = None,
        architecture: Mapping[str, Any] | None = None,
        rows: Sequence[Row] = (),
        kept: KeptWeights | None = None,
        requests: Requests | None = None,
    ) -> None:
        self._directory, self._epochs = directory, epochs
        self._every_seconds, self._every_steps = every_seconds, every_steps
        self._model, self._architecture = model, architecture
        self._class_names = None if class_names is None else tuple(class_names)
        self._rows = list(rows)
        self._seconds = sum(float(row.get("seconds", 0)) for row in rows)
        self._kept = KeptWeights() if kept is None else kept
        self._requests = requests
        self._best: Best | None = None
        self._final = LAST
        self._saved_step = 0
        self._saved_time = self._views_time = time.monotonic()
        self.warnings: list[str] = []

    @property
    def saves(self) -> bool:
        """Yes."""
        return True

    def begin(self, position: Position, best: Best | None) -> None:
        """The run is running; a time to the next checkpoint begins."""
        self._best, self._final = best, LAST
        self._directory.checkpoints.remove_final()
        self._saved_step, self._saved_time = position.step, time.monotonic()
        self._write_status(Status("running", "", position.epoch, position.step, _best_facts(best)))

    def due(self, step: int) -> bool:
        """True where it is time for a checkpoint in the middle of an epoch, or another process asked for one."""
        if self._requests is not None and self._requests.takes("save"):
            self.say(f"a checkpoint was asked for, and is saved at step {step}")
            return True
        if self._every_steps is not None and step - self._saved_step >= self._every_steps:
            return True
        return self._every_seconds is not None and time.monotonic() - self._saved_time >= self._every_seconds

    def epoch_finished(self, row: Row, best: Best | None, improved: bool) -> None:
        """Append the row."""
        self._rows.append(row)
        self._seconds += float(row.get("seconds", 0))
        self._best = best
        self._directory.metrics.append(row)
        self.say(epoch_line(row, self._epochs, improved))

    def save(self, snapshot: Snapshot, kind: Kind, path: str | None = None) -> None:
        """Save the state as the run's last or best checkpoint, or to a file of its own, relative to the checkpoints."""
        if kind == "last":
            position = snapshot.position
            self._kept.take(snapshot.kept, snapshot.tensors, epoch=position.epoch, step=position.step)
            beside = self._kept.beside(snapshot.tensors)
            self._warn(self._directory.save_checkpoint(snapshot.tensors, self._facts(snapshot, kept=True), beside=beside))
            self._kept.saved(self._directory.checkpoints)
            self._saved_step, self._saved_time = snapshot.position.step, time.monotonic()
            self._write_views(snapshot)
        elif kind == "diverged":
            self._warn(self._directory.save_diverged(snapshot.tensors, self._facts(snapshot)))
        elif kind == "best":
            self._warn(self._directory.checkpoints.keep_last_as_best())
        elif path is not None:
            self._save_file(snapshot, self._directory.paths.checkpoints / path, weights_only=kind == "weights")

    def ended_with(self, snapshot: Snapshot) -> None:
        """Save the weights as the run's final ones."""
        self._final = FINAL
        self._warn(self._directory.checkpoints.save_final(snapshot.tensors, self._facts(snapshot)))

    def say(self, text: str) -> None:
        """Write a line to run.log."""
        self._directory.log(text)

    def finished(self, outcome: Outcome) -> None:
        """Write the table, the last status and the reason."""
        if self._requests is not None:
            self._requests.clear()
        end = Status(outcome.reason, outcome.text, outcome.epochs, outcome.step, _best_facts(outcome.best), outcome.exit_code)
        end = replace(end, final=self._final if end.is_finished else None)
        try:
            if self._rows:
                self._warn(self._directory.write_history(self._rows))
        except StorageError as error:
            failed = replace(end, state="failed", reason=str(error), exit_code=error.exit_code, final=None)
            self._write_status(failed if end.is_finished else end)
            raise
        self._write_status(end)
        self.say(outcome.summary)

    def _facts(self, snapshot: Snapshot, *, kept: bool = False) -> CheckpointFacts:
        return CheckpointFacts(
            epoch=snapshot.position.epoch,
            step=snapshot.position.step,
            step_in_epoch=snapshot.position.step_in_epoch,
            model=self._model,
            class_names=self._class_names,
            callbacks=snapshot.callbacks,
            training={**snapshot.training, **({"kept": self._kept.fact} if kept else {})},
            architecture=self._architecture,
        )

    def _save_file(self, snapshot: Snapshot, path: Path, *, weights_only: bool) -> None:
        if path.name in (LAST, PREVIOUS, BEST, FINAL) and path.resolve().parent == self._directory.paths.checkpoints.resolve():
            raise ExperimentError(
                f"ModelCheckpoint's filepath {path.name} is one of the run's own checkpoints. Choose another name."
            )
        tensors = {name: array for name, array in snapshot.tensors.items() if not weights_only or name.startswith("weights/")}
        make_folder(path.parent)
        self._warn(save_checkpoint(path, tensors, replace(self._facts(snapshot), run=self._directory.id)))

    def _write_views(self, snapshot: Snapshot) -> None:
        """Status and table, now and then."""
        if time.monotonic() - self._views_time < _VIEWS_INTERVAL:
            return
        self._views_time = time.monotonic()
        self._warn(self._directory.write_history(self._rows))
        self._write_status(Status("running", "", snapshot.position.epoch, snapshot.position.step, _best_facts(self._best)))

    def _write_status(self, status: Status) -> None:
        self._warn(self._directory.write_status(replace(status, seconds=self._seconds)))

    def _warn(self, warning: str | None) -> None:
        if warning is not None and warning not in self.warnings:
            self.warnings.append(warning)
            self.say(f"warning: {warning}")


def _best_facts(best: Best | None) -> dict[str, Any] | None:
    return None if best is None else {"epoch": best.epoch, "monitor": best.monitor, "value": best.value}
