"""A thread that sends what a training has to tell, in its order; what cannot be sent is kept, and not waited for."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

Job = Callable[[], object]
PAUSE = 30.0
"""Seconds after a failure before the next attempt; a last attempt is made at the end."""
PATIENCE, PATIENCE_AFTER_FAILURE = 60.0, 15.0
"""Seconds that the end of a training waits at most for what is still to be sent, by a tracker at work and by one that failed."""
_MOST = 100_000


class Sender:
    """Does jobs one after the other in a thread of its own.

    A job that fails for a reason that may pass is tried again before those behind it, not sooner than `pause`; one that
    fails for another reason is given up. Nothing that a job does or raises reaches the training.

    Args:
        may_pass: Whether an error may be gone later, as that of a server that does not answer.
        pause: Seconds between a failure and the next attempt.
    """

    def __init__(self, may_pass: Callable[[BaseException], bool], *, pause: float = PAUSE) -> None:
        self._may_pass, self._pause = may_pass, pause
        self._jobs: deque[Job] = deque()
        self._failures: dict[str, None] = {}
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="fittool-tracker", daemon=True)

    def send(self, job: Job) -> None:
        """Have a job done, soon and after those before it; returns at once."""
        with self._changed:
            if len(self._jobs) < _MOST:
                self._jobs.append(job)
            if self._thread.ident is None:
                self._thread.start()
            self._changed.notify()

    def failures(self) -> list[str]:
        """What has failed since this was asked for last, each once."""
        with self._changed:
            found, self._failures = list(self._failures), {}
        return found

    def finish(self, patience: float = PATIENCE) -> int:
        """Wait for what is still to be done, a last attempt included; gives how many jobs are left undone."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(patience)
        with self._changed:
            return len(self._jobs)

    def _work(self) -> None:
        while (job := self._next()) is not None:
            is_last = self._ending
            try:
                job()
            except BaseException as error:  # SystemExit of a library too
                if self._note(error):
                    if is_last:
                        return  # what comes behind it would fare no better
                    self._rest()
                    continue
            with self._changed:
                self._jobs.popleft()

    def _next(self) -> Job | None:
        """The first job, once there is one; None at the end."""
        with self._changed:
            while not self._jobs and not self._ending:
                self._changed.wait()
            return self._jobs[0] if self._jobs else None

    def _note(self, error: BaseException) -> bool:
        """Keep what failed; True where the job is worth another attempt."""
        with self._changed:
            self._failures[f"{type(error).__name__}: {error}" if str(error) else type(error).__name__] = None
        return self._may_pass(error)

    def _rest(self) -> None:
        """The pause between two attempts, which the end cuts short."""
        end = time.monotonic() + self._pause
        with self._changed:
            while not self._ending and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
