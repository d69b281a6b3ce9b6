"""Stopping by signals and by a time limit: the first signal asks, the second leaves at once; SIGUSR1 asks for a checkpoint."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from fittool.errors import FittoolError, Interrupted, TimeLimitReached
from fittool.training.display.formatting import duration

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL_OFFSET = 128
_SAME_EVENT = 0.1  # seconds; a closed terminal sends SIGHUP twice, once from the kernel and once from the shell


class StoppedAtStart(KeyboardInterrupt):
    """A signal came before training: there is nothing to save, but something to tidy up."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number


class StopSignals:
    """Takes SIGINT, SIGTERM and SIGHUP over within this context, and SIGUSR1, which would end the process otherwise.

    The first signal sets a flag, and nothing else. Signals that were ignored before (`nohup`, jobs of `&`) stay ignored.
    Outside of the main thread, where Python has no signal handlers, the context does nothing.

    Args:
        timeout: Seconds from now after which training is to end as well; None: never.
        starting: Whether there is nothing to save yet, so that until `training_begins` a signal raises `StoppedAtStart`.

    Attributes:
        received: The number of the first signal, or None.
    """

    def __init__(self, timeout: float | None = None, *, starting: bool = False) -> None:
        self.received: int | None = None
        self._timeout = timeout
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._starting = starting
        self._at = 0.0
        self._save_asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        """Take the signals over."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before is not signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._handle)
            self._before[signal.SIGUSR1] = signal.getsignal(signal.SIGUSR1)
            signal.signal(signal.SIGUSR1, self._ask_for_checkpoint)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give them back."""
        for number, before in self._before.items():
            # None stands for a handler that was not set from Python, and cannot be set from there either.
            signal.signal(number, signal.SIG_DFL if before is None else before)

    def training_begins(self) -> None:
        """From now on there is a state worth saving."""
        self._starting = False

    def save_asked(self) -> bool:
        """True, once, where SIGUSR1 has come since the last time."""
        asked, self._save_asked = self._save_asked, False
        return asked

    def _ask_for_checkpoint(self, number: int, frame: FrameType | None) -> None:
        self._save_asked = True

    def interruption(self) -> FittoolError | None:
        """The error that ends the training, once a signal has come or the time is over."""
        if self.received is not None:
            return Interrupted(self.received)
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return TimeLimitReached(f"Stopped by --timeout after {duration(self._timeout or 0.0)}.")
        return None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._starting:
            raise StoppedAtStart(number)
        if self.received is None:
            self.received, self._at = number, time.monotonic()
        if time.monotonic() - self._at >= _SAME_EVENT:
            self._leave(number)

    @staticmethod
    def _leave(number: int) -> None:
        # By the signal's own default action, so that whoever waits for the process sees which signal ended it.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(_SHELL_OFFSET + number)  # the default action does not end the first process of a container
