"""Ctrl-C on the command line: from when on it is heard, and that it is never lost."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time

_PAUSE = 0.01  # seconds, in which the main thread leaves the callback that swallowed the interrupt


def hear_interrupts() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt, unless it is ignored; until here it ended the process at once."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.unraisablehook = _send_again


def _send_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Send an interrupt again that came within a callback of the garbage collection, from where no error gets out.

    Python would print it, and go on as if nobody had asked for an end. Every import forgets its lock in such a callback.
    """
    error = unraisable.exc_value
    if not isinstance(error, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    # Not threading.Thread: its start waits for locks that the interrupted code may hold.
    _thread.start_new_thread(_signal_later, (getattr(error, "signal_number", signal.SIGINT),))


def _signal_later(number: int) -> None:
    time.sleep(_PAUSE)
    os.kill(os.getpid(), number)
