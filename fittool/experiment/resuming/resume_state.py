"""The state of a run that is to go on: how it ended, its newest whole checkpoint, and the files that are put back to it."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from fittool.errors import CheckpointError, visible
from fittool.runs.checkpoint import Checkpoint
from fittool.runs.directory import RunDirectory
from fittool.runs.kept_weights import KeptWeights
from fittool.runs.paths import BEST, PREVIOUS
from fittool.runs.status import KILLED, Status
from fittool.training.display.choose import make_progress
from fittool.training.display.formatting import duration
from fittool.training.display.progress import Progress
from fittool.training.history import Row
from fittool.training.outcome import Best
from fittool.training.trainer import Trainer

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Standing:
    """A run as its last process left it.

    Attributes:
        directory: The run, locked.
        status: How it ended; None where status.json is lost.
        log_end: When the last line of its log was written, in seconds since 1970; None where there is none.
        saved: When its newest checkpoint was saved, likewise.
    """

    directory: RunDirectory
    status: Status | None
    log_end: float | None
    saved: float

    @classmethod
    def of(cls, directory: RunDirectory, progress: Progress) -> Standing:
        """Look at a run. One that still says it is running was killed, as nobody holds its lock: that is said and recorded."""
        status = None
        with suppress(CheckpointError):
            status = directory.read_status()
        log_end, saved = _end_of_log(directory), _save(directory)
        if status is not None and status.state == "running":
            text = f"The last run was killed (signal 9; out of memory?), at or after {_readable(status.updated)}."
            status = replace(status, state="interrupted", reason=text, exit_code=KILLED)
            directory.write_status(status)
            _teller(directory, progress)(text)
        return cls(directory, status, log_end, saved)

    @property
    def is_finished(self) -> bool:
        """True where nothing was left to do."""
        return self.status is not None and self.status.is_finished

    def newest(self) -> Checkpoint:
        """The newest whole checkpoint; where it is not the last one, that is said aloud, and it becomes the last again.

        Raises:
            CheckpointError: None is whole.
        """
        checkpoint, warning = self.directory.checkpoints.load_newest()
        if warning is not None:
            _teller(self.directory, make_progress(2))(f"warning: {warning}")
            self.directory.checkpoints.go_back()
        return checkpoint

    def go_back_to(self, checkpoint: Checkpoint) -> tuple[list[Row], KeptWeights]:
        """Put the files of the run back to a checkpoint.

        Returns:
            The rows of the epochs that were finished then, and the weights that callbacks kept.

        Raises:
            CheckpointError: The rows do not belong to the checkpoint.
        """
        directory = self.directory
        # Rows behind the checkpoint are of epochs that are trained again; kept, they would stand there twice.
        directory.metrics.cut(checkpoint.facts.metrics_bytes)
        rows = directory.metrics.rows()
        if rows or directory.paths.history.exists():
            directory.write_history(rows)
        self._mend_best(checkpoint)
        return rows, KeptWeights.found(directory.checkpoints, checkpoint)

    def _mend_best(self, checkpoint: Checkpoint) -> None:
        """A kill between saving the last and the best state leaves an older best one, or none."""
        best, store = best_of(checkpoint), self.directory.checkpoints
        facts = checkpoint.facts
        if best is None or best.epoch != facts.epoch or facts.step_in_epoch:
            return
        try:
            found: int | None = store.load(BEST).facts.epoch
        except CheckpointError:
            found = None
        if found != best.epoch:
            store.keep_last_as_best()


def best_of(checkpoint: Checkpoint) -> Best | None:
    """The best epoch that a checkpoint knows."""
    said: Mapping[str, Any] = checkpoint.facts.training.get("best", {})
    row = said.get("row")
    return None if row is None else Best(int(row["epoch"]), said["name"], row[said["name"]], row)


def say_where_it_continues(trainer: Trainer, standing: Standing, *, exact: bool) -> None:
    """Such as `Continuing at epoch 17, step 204 of 500 (saved 2026-11-22 02:41:07 UTC, 38.0 s before the end of the log). …`."""
    # Behind the last step of a finished run came its report, which takes time, but is no work that is done again.
    lost = 0.0 if standing.log_end is None or standing.is_finished else standing.log_end - standing.saved
    saved = f"saved {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(standing.saved))} UTC"
    if lost < 1:
        trainer.say(f"{_where(trainer)} ({saved}).")
    else:
        how = ", bit for bit" if exact else ""
        late = duration(lost)
        trainer.say(f"{_where(trainer)} ({saved}, {late} before the end of the log). {late} of work are repeated{how}.")


def _where(trainer: Trainer) -> str:
    position, steps = trainer.position, trainer.plan.steps(trainer.train)
    if trainer.in_validation:
        return f"Continuing at epoch {position.epoch + 1}, its validation"
    if position.epoch >= trainer.last_epoch:
        return f"Continuing after epoch {position.epoch}, the last"
    of = "" if steps is None else f" of {steps:,}"
    return f"Continuing at epoch {position.epoch + 1}, step {position.step_in_epoch + 1:,}{of}"


def _teller(directory: RunDirectory, progress: Progress) -> Callable[[str], None]:
    def tell(text: str) -> None:
        progress.say(text)
        directory.log(text)

    return tell


def _end_of_log(directory: RunDirectory) -> float | None:
    try:
        with directory.paths.log.open("rb") as file:
            file.seek(max(file.seek(0, 2) - 4096, 0))
            last = file.read().splitlines()[-1].split(b" ")[0].decode()
        return float(timegm(time.strptime(last, _TIME)))
    except (OSError, ValueError, IndexError):
        return None


def _save(directory: RunDirectory) -> float:
    for path in (directory.paths.last, directory.checkpoints.folder / PREVIOUS):
        with suppress(OSError):
            return path.stat().st_mtime
    return time.time()


def _readable(stamp: str) -> str:
    return visible(stamp.replace("T", " ").replace("Z", " UTC"))
