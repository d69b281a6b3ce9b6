"""The part of a training of several processes that is not the leader's: where the leader has begun, and going with it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fittool.config.experiment_file import LoadedExperiment
from fittool.experiment.building.prepare import Preparation
from fittool.experiment.options import Run, TrainOptions
from fittool.experiment.session import Session
from fittool.process_group import ProcessGroup
from fittool.runs.directory import RunDirectory
from fittool.training.display.progress import NullProgress
from fittool.training.history import History, Row
from fittool.training.outcome import Outcome
from fittool.training.signals import StopSignals


@dataclass(frozen=True)
class Beginning:
    """The leader's word that it has a run directory, and that nothing is wrong.

    Attributes:
        path: The directory, from the root.
        run: The run's identity.
        finished: How the run ended, where there is nothing left to do; else None.
        rows: The rows of a finished run.
    """

    path: Path
    run: str
    finished: Outcome | None = None
    rows: Sequence[Row] = ()

    @classmethod
    def of(cls, directory: RunDirectory, done: Run | None = None) -> Beginning:
        """That of a run; `done` where there is nothing left to do."""
        ended = (None, ()) if done is None else (done.outcome, tuple(done.history.rows))
        return cls(directory.paths.root, directory.id, *ended)


def tell_what_is_known(group: ProcessGroup, known: Preparation | None = None) -> None:
    """The leader's side, before the data are opened: what the run has learnt of its data already, in a new run nothing.

    Else a follower would learn it anew, and from data that were changed since it would learn something else.
    """
    if group.size > 1:
        group.broadcast(Preparation() if known is None else known)


def tell_followers(group: ProcessGroup, directory: RunDirectory, done: Run | None = None) -> None:
    """The leader's side: say where the run is; `done` where there is nothing left to do."""
    if group.size > 1:
        group.note_directory(str(directory.paths.root))
        group.broadcast(Beginning.of(directory, done))


def follow(loaded: LoadedExperiment, options: TrainOptions, stack: ExitStack, signals: StopSignals) -> Run:
    """Train with the leader, which alone reads and writes the run directory; its weights and its state come from it.

    Args:
        loaded: The experiment.
        options: What a command line adds.
        stack: Closes what is opened.
        signals: What may end it early.

    Raises:
        OtherProcessError: The leader, or another process, failed.
        FittoolError: The one that says what went wrong here.
    """
    known: Preparation | Beginning | None = options.group.broadcast(None)
    if isinstance(known, Beginning):
        assert known.finished is not None
        history = History()
        history.replace(known.rows)
        return Run(known.path, known.finished, history, done=False)
    session = Session.of(loaded, known=known, group=options.group)
    stack.callback(session.close)
    beginning = options.group.broadcast(None)
    assert isinstance(beginning, Beginning)
    directory = RunDirectory(beginning.path, beginning.run, None)
    trainer = session.trainer(directory, NullProgress(), signals.interruption, options)
    signals.training_begins()
    outcome = trainer.run()
    return Run(directory.path, outcome, trainer.history)
