"""The trainer's side of whoever records a run. Without a run, nothing is recorded."""

from __future__ import annotations

from typing import Protocol

from fittool.callbacks.control import Kind
from fittool.callbacks.snapshot import Position, Snapshot
from fittool.process_group import ProcessGroup
from fittool.training.history import Row
from fittool.training.outcome import Best, Outcome


class Recorder(Protocol):
    """Writes down a training. What it raises ends the training."""

    @property
    def saves(self) -> bool:
        """True where it keeps `last` and `best`; else states need not be copied."""

    def begin(self, position: Position, best: Best | None) -> None:
        """Training begins here, or goes on; `best` is its best epoch so far."""

    def due(self, step: int) -> bool:
        """True where a checkpoint in the middle of an epoch is due after this training step."""

    def epoch_finished(self, row: Row, best: Best | None, improved: bool) -> None:
        """An epoch is done; comes before its state is saved."""

    def save(self, snapshot: Snapshot, kind: Kind, path: str | None = None) -> None:
        """Save a state; `best` follows `last` of the same snapshot. `path` is for the kinds `model` and `weights`."""

    def ended_with(self, snapshot: Snapshot) -> None:
        """Keep the weights that training ended with, where they are others than those of its last state."""

    def say(self, text: str) -> None:
        """Write a line to the log."""

    def finished(self, outcome: Outcome) -> None:
        """The training has ended, in whatever way."""


class FollowerRecorder:
    """The recorder of a process that does not lead: it answers as the leader's does, and writes nothing.

    Args:
        leader: The recorder as the leader has it.
    """

    def __init__(self, leader: Recorder) -> None:
        self._leader = leader

    @property
    def saves(self) -> bool:
        """The leader's answer, on which callbacks and snapshots depend."""
        return self._leader.saves

    def begin(self, position: Position, best: Best | None) -> None:
        """Nothing."""

    def due(self, step: int) -> bool:
        """Never; the leader's answer counts for all."""
        return False

    def epoch_finished(self, row: Row, best: Best | None, improved: bool) -> None:
        """Nothing."""

    def save(self, snapshot: Snapshot, kind: Kind, path: str | None = None) -> None:
        """Nothing."""

    def ended_with(self, snapshot: Snapshot) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""


class NullRecorder:
    """Records nothing."""

    @property
    def saves(self) -> bool:
        """No."""
        return False

    def begin(self, position: Position, best: Best | None) -> None:
        """Nothing."""

    def due(self, step: int) -> bool:
        """Never."""
        return False

    def epoch_finished(self, row: Row, best: Best | None, improved: bool) -> None:
        """Nothing."""

    def save(self, snapshot: Snapshot, kind: Kind, path: str | None = None) -> None:
        """Nothing."""

    def ended_with(self, snapshot: Snapshot) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def finished(self, outcome: Outcome) -> None:
        """Nothing."""


def recorder_in(group: ProcessGroup, recorder: Recorder | None) -> Recorder:
    """The recorder of one process of a group: the leader alone writes."""
    if recorder is None:
        return NullRecorder()
    return recorder if group.rank == 0 else FollowerRecorder(recorder)
