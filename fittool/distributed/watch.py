"""A thread that looks at the board while its process computes, so that none waits for one that has failed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

from fittool.distributed.board import Board, Failure
from fittool.distributed.environment import RankEnvironment
from fittool.errors import FittoolError, Interrupted, MachineError, OtherProcessError, Problem

_LOOK = 0.2  # seconds between two looks at the board
_BEAT = 2.0  # seconds between two signs of life
_SILENCE = 120.0  # seconds without one, after which a process, or its machine, counts as lost
_LAST_LOOK = 5.0  # seconds for a look at a board that answers no more
_GRACE = 7.0  # seconds in which a process has to hear that another one failed
_ENDING = 30.0  # the same for one that is ending already, and may be writing down why


class Watch:
    """Ends the process if another one has failed and this one does not hear of it, as in a device's call that never returns.

    Args:
        place: Which process this is.
        show: Shows a failure that no process shows.

    Attributes:
        is_ending: Set once the process is about to end by itself.
        is_orphaned: True once nobody serves the board any more: the launcher is gone.
    """

    def __init__(self, place: RankEnvironment, show: Callable[[OtherProcessError], None]) -> None:
        self._place, self._show = place, show
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look, name="fittool-watch", daemon=True)
        self.is_ending = self.is_orphaned = False

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._closed.set()
        # A thread that Python ends within PyTorch's code takes the whole process with it.
        self._thread.join(_LAST_LOOK)

    def interruption(self) -> FittoolError | None:
        """The error that ends the training, with a checkpoint, once the launcher is gone; nobody could stop it any more."""
        if not self.is_orphaned:
            return None
        return Interrupted(signal.SIGTERM, "Stopped, as the process that started this training is gone.")

    def _look(self) -> None:
        try:
            # A connection of its own: the main thread may be waiting on the other one.
            board = Board.connect(self._place)
            pulse = _Pulse(self._place)
            while not self._closed.wait(_LOOK):
                pulse.beat(board)
                failure = board.failure()
                if failure is not None and failure.rank != self._place.rank:
                    self._end_in_time(failure, board)
                    return
        except ConnectionError:
            self.is_orphaned = True

    def _end_in_time(self, failure: Failure, board: Board) -> None:
        heard = time.monotonic()
        while time.monotonic() - heard < (_ENDING if self.is_ending else _GRACE):
            if self._closed.wait(_LOOK):
                return
        if failure.problems and board.claims_showing(self._place.rank):
            self._show(failure.error())
        # Past all handlers, which could not run: checkpoints are replaced as a whole, so the last one is intact.
        os._exit(failure.exit_code)


class _Pulse:
    """The signs of life of all processes: a machine that loses its power closes no connection.

    Args:
        place: Which process this is.
    """

    def __init__(self, place: RankEnvironment) -> None:
        self._place = place
        self._next, self._number = 0.0, 0
        self._heard: dict[int, tuple[bytes, float]] = {}

    def beat(self, board: Board) -> None:
        """Give a sign now and then, and leave word of a process that gives none."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next, self._number = now + _BEAT, self._number + 1
        board.beat(self._place.rank, self._number)
        for rank, sign in enumerate(board.beats(self._place.size)):
            known = self._heard.get(rank)
            if known is None or known[0] != sign:
                self._heard[rank] = sign, now
            elif now - known[1] > _SILENCE and not board.has_left(rank):
                text = f"gave no sign of life for {_SILENCE:g} seconds; its machine may have lost its power or its network."
                board.fail(Failure(rank, MachineError.code, (Problem(f"The process {text}"),)))
