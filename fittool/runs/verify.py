"""A look at every file of a run: is it whole, and do they belong together? Takes no lock, so a run at work can be looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittool.errors import CheckpointError, ExperimentError, FittoolError, Problem, shown, visible
from fittool.runs.checkpoint import Checkpoint, load_checkpoint
from fittool.runs.columns_file import read_columns
from fittool.runs.directory import RunDirectory
from fittool.runs.files.lock import is_held
from fittool.runs.files.spreadsheet_text import csv_table
from fittool.runs.files.storage_errors import read_whole
from fittool.runs.files.text_table import missing_in
from fittool.runs.kept_weights import KeptWeights
from fittool.runs.paths import FINAL, LAST, PREVIOUS

_TRIES, _PAUSE = 5, 0.2  # a run at work replaces its files one after the other; a moment later they fit


@dataclass(frozen=True)
class Verified:
    """The result of a look at a run.

    Attributes:
        facts: A line for each thing that is whole.
        problems: What is not.
        at_work: Whether a live process has the run.
    """

    facts: tuple[str, ...]
    problems: tuple[Problem, ...]
    at_work: bool


def verify_run(path: Path) -> Verified:
    """Look at every file of a run.

    Raises:
        CheckpointError: It is no run.
    """
    for _ in range(_TRIES):
        at_work = _is_at_work(path)
        with RunDirectory.open(path) as run:
            facts, problems = _Look(run, at_work).result()
        if not problems or not at_work:
            break
        time.sleep(_PAUSE)
    return Verified(tuple(facts), tuple(problems), at_work)


def _is_at_work(path: Path) -> bool:
    try:
        return is_held(path)
    except OSError:  # where nothing can be locked, nothing can be written, or it is no directory, which is told next
        return False


class _Look:
    def __init__(self, run: RunDirectory, at_work: bool) -> None:
        self._run, self._at_work = run, at_work
        self._facts: list[str] = []
        self._problems: list[Problem] = []

    def result(self) -> tuple[list[str], list[Problem]]:
        """The facts about what is whole, and the problems."""
        for look in (self._files, self._checkpoints, self._metrics, self._status):
            try:
                self._facts += look()
            except FittoolError as error:
                self._problems += error.problems
        return self._facts, self._problems

    def _wrong(self, path: Path, text: str) -> None:
        self._problems.append(Problem(text, shown(path)))

    def _files(self) -> Iterator[str]:
        self._run.read_experiment()
        self._run.read_environment()
        self._run.read_classes()
        self._run.read_inputs()
        read_columns(self._run)
        try:
            self._run.check_experiment()
        except ExperimentError:
            self._wrong(self._run.paths.experiment, "This is not what fittool wrote: it was changed.")
        yield "experiment.yaml, environment.json: readable"

    def _checkpoints(self) -> Iterator[str]:
        files = sorted(self._run.paths.checkpoints.glob("**/*.safetensors"))
        for path in files:
            try:
                checkpoint = load_checkpoint(path)
                checkpoint.check_fits(run=self._run.checkpoints.run)
            except CheckpointError as error:
                self._problems += error.problems
                continue
            facts = checkpoint.facts
            yield f"checkpoints/{path.name}: whole, epoch {facts.epoch}, step {facts.step:,}"
            if path in (self._run.paths.last, self._run.paths.previous):
                self._weights_of_callbacks(checkpoint)
            if path == self._run.paths.last and not self._at_work:
                self._files_of_callbacks(checkpoint)
        if not files:
            yield "checkpoints: none yet"
        if not self._at_work:
            self._sequence({path.name for path in files if path.parent == self._run.paths.checkpoints})

    def _weights_of_callbacks(self, checkpoint: Checkpoint) -> None:
        """All that callbacks keep for later is in files beside the checkpoint that counts on it."""
        for callback in KeptWeights.found(self._run.checkpoints, checkpoint).lost:
            self._wrong(checkpoint.path, f"The weights that {visible(callback)} kept are in no file of the run.")

    def _files_of_callbacks(self, checkpoint: Checkpoint) -> None:
        """All that callbacks wrote in the run before the last checkpoint is there."""
        for text in missing_in(self._run.paths.root, checkpoint.facts.callbacks):
            self._wrong(checkpoint.path, visible(text))

    def _sequence(self, names: set[str]) -> None:
        """A run that ended, or that saved twice, has a last checkpoint, and none before it is later."""
        last, previous = self._newest(), self._newest(PREVIOUS)
        if LAST not in names and (PREVIOUS in names or self._came_to_its_end()):
            self._wrong(self._run.paths.last, "There is no such file, although the run has saved one.")
        elif last is not None and previous is not None and previous.facts.step > last.facts.step:
            text = f"This is at step {last.facts.step:,}, but {PREVIOUS}, which was saved before, at {previous.facts.step:,}."
            self._wrong(self._run.paths.last, text)

    def _metrics(self) -> Iterator[str]:
        log, path = self._run.metrics, self._run.paths.metrics
        rows = log.rows()
        epochs = [row.get("epoch") for row in rows]
        if epochs != list(range(epochs[0], epochs[0] + len(epochs)) if epochs and isinstance(epochs[0], int) else []):
            self._wrong(path, f"The epochs are not in sequence: {_show(epochs)}.")
        content = read_whole(path) if path.exists() else b""
        if content and not content.endswith(b"\n") and not self._at_work:
            yield "metrics.jsonl: half a line at its end, which going on will drop"
        self._position(content)
        self._table(rows)
        yield f"metrics.jsonl: {len(rows):,} rows"

    def _position(self, content: bytes) -> None:
        """The newest checkpoint knows how long the log was: that much must be there, and end with a row."""
        last = self._newest()
        if last is None:
            return
        length = last.facts.metrics_bytes
        if length > len(content) or (length and content[length - 1 : length] != b"\n"):
            text = f"The checkpoint expects a row's end at byte {length:,} of {len(content):,}: rows are lost, or another's."
            self._wrong(self._run.paths.metrics, text)

    def _newest(self, name: str = LAST) -> Checkpoint | None:
        try:
            return load_checkpoint(self._run.paths.checkpoints / name)
        except CheckpointError:
            return None  # told already

    def _table(self, rows: list[dict[str, Any]]) -> None:
        """The table is a view of the log, written now and then, and at the end."""
        path = self._run.paths.history
        if path.exists() and not self._at_work and self._came_to_its_end() and read_whole(path) != csv_table(rows):
            self._wrong(path, "The table does not hold the rows of metrics.jsonl.")

    def _came_to_its_end(self) -> bool:
        """True where the run has written its table for good: a kill or a full disk leaves an old one, and going on mends it."""
        try:
            return self._run.read_status().is_finished
        except CheckpointError:
            return False

    def _status(self) -> Iterator[str]:
        if not self._run.paths.status.exists():
            yield "status.json: none yet"
            return
        status = self._run.read_status()
        if status.final == FINAL and not (self._run.paths.checkpoints / FINAL).exists():
            self._wrong(self._run.paths.checkpoints / FINAL, "There is no such file, although training ended with its weights.")
        if status.state == "running" and not self._at_work:
            yield "status.json: says running, but no process has the run: it was killed, and can be resumed"
        else:
            yield f"status.json: {status.state}, epoch {status.epoch}"


def _show(epochs: list[Any]) -> str:
    return ", ".join(map(str, epochs[:10])) + (", …" if len(epochs) > 10 else "")
