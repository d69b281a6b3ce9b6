"""The processes of one training as one: where they begin, and what they decide between two steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fittool.callbacks.control import Control
from fittool.callbacks.group import CallbackGroup
from fittool.callbacks.snapshot import Position, Snapshot
from fittool.errors import FittoolError
from fittool.process_group import ProcessGroup
from fittool.training.history import History
from fittool.training.recording.recorder import Recorder

if TYPE_CHECKING:
    from fittool.engines.base import Engine


@dataclass(frozen=True)
class Decision:
    """The same for all processes.

    Attributes:
        saves: Whether a checkpoint is due.
        interruption: The error that ends the training, with a checkpoint, or None.
        stops: Whether the stage, or all of the training, is to end.
    """

    saves: bool = False
    interruption: FittoolError | None = None
    stops: bool = False


_GO_ON = Decision()


class Agreement:
    """Asks all processes what is to be done next.

    Args:
        group: The processes.
        recorder: Knows when a checkpoint is due; the leader's counts.
        interruption: Gives the error that is to end the training, once there is one; that of the first process counts.
        controls: Whose reasons to stop count for all: the training's, and the stage's.
    """

    def __init__(
        self,
        group: ProcessGroup,
        recorder: Recorder,
        interruption: Callable[[], FittoolError | None],
        controls: Callable[[], Sequence[Control]],
    ) -> None:
        self._group, self._recorder, self._interruption, self._controls = group, recorder, interruption, controls
        self._gathers_always = False

    def begin(self, callbacks: CallbackGroup) -> None:
        """Before the first step: find out whether any process has a callback that may save the training after each step."""
        listens = True if callbacks.train_batch_settled else None
        self._gathers_always = self._group.size > 1 and self._group.agree(listens) is not None

    def after_step(self, step: int, engine: Engine) -> Decision:
        """The decision after a training step, for which processes that have nothing to say wait for each other once.

        Where the state is to be saved, the engine of the leader has the running values of all.
        """
        due, interruption = self._recorder.due(step), self._own_interruption()
        if self._group.size == 1:
            return Decision(due, interruption, self._has_reason())
        asks = due or interruption is not None or self._has_reason()
        decided = _GO_ON
        if self._group.agree(True if asks else None) is not None:
            decided = Decision(self._group.broadcast(due), self._group.agree(interruption), self.stops())
        if self._gathers_always or decided.saves or decided.interruption is not None:
            move_sums_to_leader(engine, self._group)
        return decided

    def stops(self) -> bool:
        """True where the stage, or all of the training, is to end; what one process was asked is asked of all."""
        if self._group.size > 1:
            for control in self._controls():
                control.stop_reason = self._group.agree(control.stop_reason)
        return self._has_reason()

    def interruption(self) -> FittoolError | None:
        """The error that ends the training, or None."""
        return self._group.agree(self._own_interruption())

    def _own_interruption(self) -> FittoolError | None:
        return self._interruption() or self._group.interruption()

    def _has_reason(self) -> bool:
        return any(control.stop_reason is not None for control in self._controls())


def move_sums_to_leader(engine: Engine, group: ProcessGroup) -> None:
    """The running values of all become the leader's, and the others begin anew: together they are what they were.

    So a state that is saved in mid-epoch holds every sample once, and any number of processes can go on from it.
    """
    engine.load_metrics_state(group.sum(engine.metrics_state()))
    if group.rank:
        engine.reset_metrics()


class HasState(Protocol):
    """A training that can stand where another one stands."""

    engine: Engine
    history: History
    resumed_at: Position | None

    def take_snapshot(self) -> Snapshot:
        """The present state."""

    def load_snapshot(self, snapshot: Snapshot, rows: Sequence[Mapping[str, Any]]) -> None:
        """Go on from a state."""


def stand_with_leader(training: HasState, group: ProcessGroup) -> None:
    """Take over the leader's state, so that nothing but their share of the data sets the processes apart."""
    if group.size == 1:
        return
    begun = training.resumed_at is not None
    state = group.broadcast((training.take_snapshot(), training.history.rows, begun) if group.rank == 0 else None)
    if group.rank == 0 or state is None:
        return
    snapshot, rows, begun = state
    if begun:
        training.load_snapshot(snapshot, rows)
    else:
        training.engine.load_state(snapshot.tensors)
    training.engine.reset_metrics()  # of an epoch under way: the leader has them all
