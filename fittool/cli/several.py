"""Several experiments, one after the other: each in a process of its own, so that none can take the others with it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from fittool.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL_OFFSET = 128


@dataclass(frozen=True)
class _Trained:
    """One of the experiments.

    Attributes:
        config: Its file.
        code: How its process ended, as a shell says it.
        run: The run directory that it printed; None where it printed none.
    """

    config: Path
    code: int
    run: Path | None


def train_several(context: click.Context, configs: Sequence[Path]) -> int:
    """Train each experiment with the options of this call, and print a table of what came of them.

    Args:
        context: The call.
        configs: The experiments.

    Returns:
        0 where all went well, else the lowest of the other codes.

    Raises:
        Interrupted: A signal came; the experiment at work has saved its state, and those behind it were not begun.
    """
    options = _options(context)
    done = []
    for config in configs:
        with _passed_on() as received:
            done.append(_train(config, options, received))
        if received.number is not None:
            _show(done)
            raise Interrupted(received.number)
    _show(done)
    return min((one.code for one in done if one.code), default=0)


@dataclass
class _Received:
    """The signal that came while a process was at work, and that process."""

    number: int | None = None
    process: subprocess.Popen[bytes] | None = None


@contextmanager
def _passed_on() -> Iterator[_Received]:
    """Let signals end the process at work in its own way, and be remembered."""
    received = _Received()

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


def _train(config: Path, options: Sequence[str], received: _Received) -> _Trained:
    """Train one; what it prints on stdout is printed here, too."""
    # -P: no module of the working directory may take the place of one of Python's.
    command = [sys.executable, "-P", "-m", "fittool", "train", *options, "--", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    received.process = process
    out, _ = process.communicate()
    received.process = None
    lines = out.decode("utf-8", "surrogateescape").splitlines()
    for line in lines:
        click.echo(line)
    code = process.returncode if process.returncode >= 0 else _SHELL_OFFSET - process.returncode
    return _Trained(config, code, Path(lines[-1]) if lines and Path(lines[-1]).is_dir() else None)


def _options(context: click.Context) -> list[str]:
    """The options of this call as they would be typed."""
    typed = ["--debug"] if "--debug" in sys.argv else []
    for parameter in context.command.params:
        name = parameter.name
        if not isinstance(parameter, click.Option) or name is None or name not in context.params:
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


def _show(done: Sequence[_Trained]) -> None:
    """A line for each experiment, on stderr."""
    from fittool.cli.tables import Column, echo_table
    from fittool.runs.listing.find import run_at
    from fittool.runs.listing.summary import RunSummary
    from fittool.training.display.formatting import number

    found = [None if one.run is None else run_at(one.run) for one in done]
    summaries = [None if one is None else RunSummary.of(one) for one in found]
    click.echo(err=True)
    echo_table(
        [
            Column("experiment", [str(one.config) for one in done]),
            Column("exit", [str(one.code) for one in done], is_number=True),
            Column("state", ["-" if one is None else one.state for one in summaries]),
            Column(
                "best", ["-" if one is None or one.best is None else f"{one.monitor} {number(one.best)}" for one in summaries]
            ),
            Column("epochs", ["-" if one is None else f"{one.epochs:,}" for one in summaries], is_number=True),
            Column("run", ["-" if one.run is None else str(one.run) for one in done]),
        ],
        err=True,
    )
