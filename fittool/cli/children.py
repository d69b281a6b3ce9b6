"""Other calls of fittool, each in a process of its own, so that none can take this one with it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL_OFFSET = 128


@dataclass
class Received:
    """The signal that came while processes were at work, and those processes."""

    number: int | None = None
    process: subprocess.Popen[bytes] | None = None


@contextmanager
def signals_passed_on() -> Iterator[Received]:
    """Let signals end the process at work in its own way, and be remembered."""
    received = Received()

    def handle(number: int, frame: object) -> None:
        received.number = number
        # A terminal sends Ctrl-C to the whole group; a second signal would make the process leave without saving.
        if received.process is not None and number != signal.SIGINT:
            received.process.send_signal(number)

    before = {number: signal.getsignal(number) for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, handle)
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
    # -P: no module of the working directory may take the place of one of Python's.
    process = subprocess.Popen([sys.executable, "-P", "-m", "fittool", *arguments], stdout=stdout)
    received.process = process
    out, _ = process.communicate()
    received.process = None
    code = process.returncode if process.returncode >= 0 else _SHELL_OFFSET - process.returncode
    return code, (out or b"").decode("utf-8", "surrogateescape").splitlines()


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
