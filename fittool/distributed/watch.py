"""A thread that looks at the board while its process computes, so that none waits for one that has failed."""

from __future__ import annotations

import os
import signal
import threading
import time

from fittool.distributed.board import Board, Failure
from fittool.distributed.environment import RankEnvironment
from fittool.errors import FittoolError, Interrupted

_LOOK = 0.2  # seconds between two looks at the board
_LAST_LOOK = 5.0  # seconds for a look at a board that answers no more
_GRACE = 7.0  # seconds in which a process has to hear that another one failed
_ENDING = 30.0  # the same for one that is ending already, and may be writing down why


class Watch:
    """Ends the process if another one has failed and this one does not hear of it, as in a device's call that never returns.

    Args:
        place: Which process this is.

    Attributes:
        is_ending: Set once the process is about to end by itself.
        is_orphaned: True once nobody serves the board any more: the launcher is gone.
    """

    def __init__(self, place: RankEnvironment) -> None:
        self._place = place
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
            board = Board.reached(self._place)
            while not self._closed.wait(_LOOK):
                failure = board.failure()
                if failure is not None and failure.rank != self._place.rank:
                    self._end_in_time(failure)
                    return
        except ConnectionError:
            self.is_orphaned = True

    def _end_in_time(self, failure: Failure) -> None:
        heard = time.monotonic()
        while time.monotonic() - heard < (_ENDING if self.is_ending else _GRACE):
            if self._closed.wait(_LOOK):
                return
        # Past all handlers, which could not run: checkpoints are replaced as a whole, so the last one is intact.
        os._exit(failure.exit_code)
