"""Other calls of fittool, each in a process of its own, so that none can take this one with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from click.core import ParameterSource

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL_OFFSET = 128
_CALLER = "FITTOOL_CALLER"
"""The environment variable that tells a process which descriptor is at its end when the one that called it has died."""


class Received:
    """The signals that came while processes were at work.

    Attributes:
        number: The first one; None where none came.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def take(self, number: int) -> None:
        """Remember a signal, and send it to the process at work."""
        self.number = number if self.number is None else self.number
        self._send(number)

    def begin(self, process: subprocess.Popen[bytes]) -> None:
        """From now on this process is at work; what came while it was made is sent to it."""
        self._process = process
        if self.number is not None:
            self._send(self.number)

    def suspend(self) -> None:
        """Stop the process at work and this one, as Ctrl-Z asks for, and go on when the shell says so."""
        self._send(signal.SIGTSTP)
        os.kill(os.getpid(), signal.SIGSTOP)
        self._send(signal.SIGCONT)

    def end(self) -> None:
        """No process is at work any more."""
        self._process = None

    def _send(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)


@contextmanager
def signals_passed_on() -> Iterator[Received]:
    """Let signals end the process at work in its own way, and be remembered."""
    received = Received()
    handlers = {number: lambda number, _: received.take(number) for number in _SIGNALS}
    handlers[signal.SIGTSTP] = lambda *_: received.suspend()
    before = {number: signal.getsignal(number) for number in handlers if signal.getsignal(number) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handlers[number])
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def run_fittool(arguments: Sequence[str], received: Received, stdout: int | None = subprocess.PIPE) -> tuple[int, list[str]]:
    """Call fittool and wait for its end.

    Args:
        arguments: Behind its name.
        received: Gets the process, for signals.
        stdout: Where its stdout goes: into what is returned, to this process's (None), or nowhere (`subprocess.DEVNULL`).

    Returns:
        How it ended, as a shell says it, and the lines of its stdout.
    """
    end, kept_open = os.pipe()
    try:
        # -P: no module of the working directory may take the place of one of Python's. A group of its own: a terminal sends
        # Ctrl-C to a whole group, but a signal that comes twice makes a training leave without saving.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fittool", *arguments],
            stdout=stdout,
            env={**os.environ, _CALLER: str(end)},
            pass_fds=(end,),
            process_group=0,
        )
        received.begin(process)
        out, _ = process.communicate()
    finally:
        received.end()
        os.close(end)
        os.close(kept_open)
    code = process.returncode if process.returncode >= 0 else _SHELL_OFFSET - process.returncode
    return code, (out or b"").decode("utf-8", "surrogateescape").splitlines()


def end_with_the_caller() -> None:
    """From now on end as by SIGTERM, with a checkpoint, when the call of fittool that began this process has died."""
    descriptor = os.environ.pop(_CALLER, "")
    if descriptor.isdecimal():
        threading.Thread(target=_await_end, args=(int(descriptor),), name="fittool-caller", daemon=True).start()


def _await_end(descriptor: int) -> None:
    try:
        os.read(descriptor, 1)
    except OSError:  # no such descriptor: whoever set the variable was not fittool
        return
    os.kill(os.getpid(), signal.SIGTERM)


def options_as_typed(context: click.Context, without: Collection[str] = ()) -> list[str]:
    """The options of a call as they would be typed.

    Args:
        context: The call.
        without: The names of parameters that are left out.
    """
    typed = ["--debug"] if "--debug" in sys.argv else []
    for parameter in context.command.params:
        name = parameter.name
        if not isinstance(parameter, click.Option) or name is None or name not in context.params or name in without:
            continue
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            typed += _typed(parameter, context.params[name])
    return typed


def _typed(option: click.Option, value: Any) -> list[str]:
    flag = max(option.opts, key=len)
    if option.is_flag:
        return [flag] if value else []
    values = value if option.multiple else [value]
    return [f"{flag}={one}" for one in values]
