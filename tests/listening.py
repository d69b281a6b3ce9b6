"""Signals that the tests send must arrive, however the tests were started."""

from __future__ import annotations

import signal


def hear_signals() -> None:
    """Let this process and its children hear what the shell's background jobs and nohup ignore; fittool leaves it ignored."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
