"""Arguments and options that several commands share, each as one decorator."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from fittool.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])


class Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic in newer versions of click
    """A time such as `90s`, `30m`, `4h`, in seconds."""

    name = "time"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """Seconds."""
        return value if isinstance(value, float) else duration(str(value))


class LocalPath(click.Path):
    """The path of something on this machine; an address is refused as one, before its slashes are lost."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Path:
        """The path, or what to do with an address."""
        from fittool.data.remote import is_remote

        if isinstance(value, str) and is_remote(value):
            self.fail(f"{value} is an address; only data can be at one. Copy it to this machine first.", parameter, context)
        return Path(os.fsdecode(super().convert(value, parameter, context)))


class RunPath(LocalPath):
    """The path of a run; shells complete it to those that are there."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The runs below ./runs, or below the folder that is typed."""
        from fittool.cli.completion import complete_runs

        return complete_runs(incomplete)


class ExperimentPath(LocalPath):
    """The path of an experiment file that is there."""

    name = "config"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Path:
        """Refuse what is not there, and name the nearest file that is."""
        path = super().convert(value, parameter, context)
        if not path.exists():
            self._refuse(path, parameter, context)
        return path

    def _refuse(self, path: Path, parameter: click.Parameter | None, context: click.Context | None) -> NoReturn:
        from fittool.settings import nearest_name

        others = sorted(str(other) for suffix in ("*.yaml", "*.yml") for other in _files(path.parent, suffix))
        near = nearest_name(str(path), others)
        self.fail(f"There is no file {path}." + (f" Did you mean {near}?" if near else ""), parameter, context)


def _files(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern)) if folder.is_dir() else []


def config_argument(command: Command) -> Command:
    """CONFIG: the experiment file."""
    return click.argument("config", type=ExperimentPath())(command)


def configs_argument(command: Command) -> Command:
    """CONFIG...: one experiment file or several."""
    return click.argument("configs", type=ExperimentPath(), nargs=-1, required=True, metavar="CONFIG...")(command)


def set_option(command: Command) -> Command:
    """--set KEY=VALUE, repeatable."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override one setting, such as train.epochs=3 or model.layers.0.Dense.units=64; ~KEY deletes. Repeatable.",
    )(command)


def engine_option(command: Command) -> Command:
    """--engine NAME: another engine than the file's."""
    from fittool.cli.completion import completing, engines

    return click.option(
        "--engine",
        metavar="NAME",
        shell_complete=completing(engines),
        help="What executes the steps, instead of the file's engine: numpy, torch or auto.",
    )(command)


def debug_option(command: Command) -> Command:
    """--debug, read where errors become text."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")(command)


def running_options(command: Command) -> Command:
    """Options that `train` and `resume` share: what is shown, what is required, when it stops, what may have changed."""
    for option in reversed(_RUNNING):
        command = option(command)
    return command


_RUNNING = (
    click.option("--accept-changes", is_flag=True, help="Go on although the experiment or the data changed since the run began."),
    click.option("--timeout", type=Duration(), help="Stop after this time, such as 30m or 4h, with a checkpoint and exit 75."),
    click.option(
        "--verbose", type=click.Choice(["auto", "0", "1", "2"]), help="0: nothing; 1: a live bar; 2: one line an epoch."
    ),
    click.option("--profile", is_flag=True, help="Tell at the end where time and memory went, and keep it in profile.json."),
    click.option("--events", is_flag=True, help="Print the training as JSON lines on stdout (docs/events.md), and no display."),
    click.option("--quiet", is_flag=True, help="Print nothing on success, not even the run directory."),
    click.option(
        "--require",
        "requirements",
        multiple=True,
        metavar="METRIC>=VALUE",
        help="Exit 11 if the finished run misses it. Repeatable.",
    ),
)


def run_argument(command: Command) -> Command:
    """RUN: a run directory."""
    return click.argument("run", type=RunPath())(command)


def experiment_option(command: Command) -> Command:
    """--experiment FILE: consent to what a run's experiment does outside of the run."""
    return click.option(
        "--experiment",
        type=ExperimentPath(),
        help="The experiment file of the run; needed where it names Python code, writes outside of the run or uses addresses, "
        "as naming the file is the consent to that.",
    )(command)


def duration(text: str) -> float:
    """Seconds in `90`, `90s`, `30m`, `4h`.

    Raises:
        UsageError: It is none of these.
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    try:
        seconds = float(number) * units[unit]
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise UsageError(f'"{text}" is not a duration. Write a number of seconds, or 30m, 4h.')
    return seconds


def checkpoint_option(command: Command) -> Command:
    """--checkpoint best|last|final."""
    return click.option(
        "--checkpoint",
        type=click.Choice(["best", "last", "final"]),
        default="best",
        show_default=True,
        help="Which state of the run to use. best: of the epoch with the best value of what the first ModelCheckpoint watches, "
        "else of val_loss, else of loss; last: where training stands; final: the weights that it ended with, once EarlyStopping "
        "had put some back or averages had taken their place.",
    )(command)


def other_data_option(command: Command) -> Command:
    """--accept-changes, of commands that only read a run's own data."""
    return click.option(
        "--accept-changes", is_flag=True, help="Use the run's own data although they changed since it was trained with them."
    )(command)


def tta_option(command: Command) -> Command:
    """--tta N: test-time augmentation."""
    return click.option(
        "--tta",
        type=click.IntRange(1, 1000),
        metavar="N",
        default=1,
        show_default=True,
        help="Test-time augmentation: each output is the mean of the network's outputs for the image as it is and for N - 1 "
        "copies changed as the run's augmentation: section says; the same call gives the same numbers.",
    )(command)
