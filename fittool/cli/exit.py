"""The one place where errors become text and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from fittool.cli.interrupts import hear_interrupts
from fittool.errors import (
    DataError,
    ExperimentError,
    FittoolError,
    Interrupted,
    OtherProcessError,
    Problem,
    StorageError,
    UsageError,
    visible,
)

_NEEDED = ("PIL", "numpy", "pydantic", "pydantic_core", "rich", "safetensors", "yaml")
_MOST_LISTED = 100
_SHELL_OFFSET = 128
_REPORT = "This is a bug in fittool. Please report it with the lines above and the experiment file."


class ReaderGone(Exception):
    """Whoever read stdout has seen enough, as `head` does."""


def run_and_leave(command: click.Command) -> NoReturn:
    """Run a command and end the process: with its exit code, or by the signal that stopped it."""
    _open_standard_streams()
    warnings.filterwarnings("ignore", module=r"PIL\.")  # damaged files are told by fittool
    debug = "--debug" in sys.argv
    try:
        hear_interrupts()
        code = command.main(standalone_mode=False, prog_name="fittool")
        _flush_stdout()
        _flush_stderr()
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        _show_usage(error)
        sys.exit(error.exit_code)
    except Interrupted as stop:
        _show_next(stop)
        click.echo(str(stop), err=True)
        die_by(stop.signal_number)
    except (KeyboardInterrupt, click.Abort) as stop:
        die_by(getattr(stop.__cause__ or stop, "signal_number", signal.SIGINT))  # click makes Abort of KeyboardInterrupt
    except FittoolError as error:
        if debug:
            traceback.print_exc()
        _show_next(error)
        if isinstance(error, OtherProcessError):
            show_failure(error)
            _leave_at_once(error.exit_code)
        show(error.problems)
        beside: Sequence[Problem] = getattr(error, "warnings", ())
        show_warnings(beside)
        if len(error.problems) + len(beside) > 1:
            end = " Nothing was run." if isinstance(error, UsageError | ExperimentError | DataError) else ""
            click.echo(f"{_count(len(error.problems), 'error')}{_and_warnings(len(beside))}.{end}", err=True)
        sys.exit(error.exit_code)
    except ReaderGone:
        _silence_stdout()
        sys.exit(0)
    except MemoryError:
        click.echo("error: Out of memory. A smaller batch_size, or fit_generator instead of fit, needs less.", err=True)
        sys.exit(6)
    except Exception as error:
        if (missing := _missing_package(error)) is not None:
            text = f"The package {missing} is missing or broken: {error}. Install fittool again: pip install fittool"
            click.echo(f"error: {text}", err=True)
            sys.exit(6)
        traceback.print_exc()
        click.echo(_REPORT, err=True)
        sys.exit(1)


def _leave_at_once(code: int) -> NoReturn:
    """End a process whose work another one has ended: all is closed, and PyTorch would take its time to take itself apart."""
    if code - _SHELL_OFFSET in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        die_by(code - _SHELL_OFFSET)
    _flush_stdout()
    _flush_stderr()
    os._exit(code)


def show_failure(error: OtherProcessError) -> None:
    """Print the end of another process as that process would have; nothing where it is shown elsewhere."""
    if error.details:
        click.echo(error.details, err=True, nl=False)
    show(error.problems)
    if error.details:
        click.echo(_REPORT, err=True)


def _show_next(error: FittoolError) -> None:
    for number, command in enumerate(error.next_command.splitlines()):
        click.echo(f"{'           ' if number else 'Go on with:'} {command}", err=True)


def _show_usage(error: click.ClickException) -> None:
    """Print click's message; control characters among the arguments become visible."""
    text = io.StringIO()
    error.show(file=text)
    click.echo("\n".join(map(visible, text.getvalue().rstrip("\n").split("\n"))), err=True)


def _missing_package(error: Exception) -> str | None:
    """The name of a package that fittool needs and that could not be imported, or None where it is something else."""
    if not isinstance(error, ImportError):
        return None
    named = error.name or str(error).removeprefix("No module named ").strip("'")
    package = named.partition(".")[0]
    return package if package in _NEEDED else None


def _flush_stdout() -> None:
    """Bring the results to their reader; else the interpreter would try, fail and exit with 120.

    Raises:
        StorageError: They cannot be written, for instance because the disk is full.
        ReaderGone: Nobody reads them.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        _silence_stdout()
        raise StorageError(f"stdout cannot be written: {error.strerror or error}.") from error


def _flush_stderr() -> None:
    """Messages that nobody can take are no failure."""
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def echo_directory(path: Path) -> None:
    """Print the run directory; a stdout that takes nothing does not undo a training that is done."""
    try:
        click.echo(path)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _silence_stdout()
        with suppress(OSError):
            click.echo(f"warning: stdout cannot be written: {error.strerror or error}. The run is in {path}.", err=True)


def echo_content(content: bytes) -> None:
    """Print the content of a UTF-8 file: byte for byte into a file or pipe, on a terminal without control characters."""
    raw = getattr(sys.stdout, "buffer", None)
    if sys.stdout.isatty():
        click.echo("\n".join(map(visible, content.decode().split("\n"))), nl=False)
    elif raw is None:
        sys.stdout.write(content.decode())
    else:
        raw.write(content)


def show(problems: Sequence[Problem], *, warnings: Sequence[Problem] = ()) -> None:
    """Print problems to stderr: each on a line of its own behind its place, with its excerpt below."""
    for problem in problems:
        click.echo(str(problem) if problem.place else f"error: {problem}", err=True)
        if problem.excerpt:
            click.echo(problem.excerpt, err=True)
    show_warnings(warnings)


def first_of(problems: Sequence[Problem]) -> Sequence[Problem]:
    """The first of very many problems, and how many more there are."""
    if len(problems) <= _MOST_LISTED + 1:
        return problems
    return [*problems[:_MOST_LISTED], Problem(f"… and {len(problems) - _MOST_LISTED:,} more of this kind.")]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _and_warnings(number: int) -> str:
    return f", {_count(number, 'warning')}" if number else ""


def show_warnings(warnings: Sequence[Problem]) -> None:
    """Print warnings to stderr, one a line."""
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def _open_standard_streams() -> None:
    """Point closed standard descriptors at /dev/null, so that no data file ever gets one of their numbers."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  (open until the process ends)


def die_by(number: int) -> NoReturn:
    """End by the signal itself, so that shells and schedulers see a true signal death."""
    sys.stdout.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the signal may be blocked, or this may be process 1


def _silence_stdout() -> None:
    """Let the interpreter's last flush of a closed pipe go to /dev/null."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
