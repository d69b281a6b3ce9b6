"""Stopping by signals: the first one asks, the second one leaves at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from fittool.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL_OFFSET = 128
_SAME_EVENT = 0.1  # seconds; a closed terminal sends SIGHUP twice, once from the kernel and once from the shell


class StopSignals:
    """Within this context SIGINT, SIGTERM and SIGHUP set a flag, and nothing else, at their first arrival.

    Signals that were ignored before (`nohup`, jobs of `&`) stay ignored. Outside of the main thread, where Python has no
    signal handlers, the context does nothing.

    Attributes:
        received: The number of the first signal, or None.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._at = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        """Take the signals over."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before is not signal.SIG_IGN:
                    self._before[number] = before
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Give them back."""
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if before is None else before)

    def interruption(self) -> Interrupted | None:
        """The error that ends the training, once a signal has come."""
        return None if self.received is None else Interrupted(self.received)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received, self._at = number, time.monotonic()
        if time.monotonic() - self._at >= _SAME_EVENT:
            self._leave(number)

    @staticmethod
    def _leave(number: int) -> None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(_SHELL_OFFSET + number)  # the default action does not end the first process of a container
