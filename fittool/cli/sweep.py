"""fittool sweep."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fittool.cli.options import config_argument, debug_option, set_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fittool.search.record import Trial
    from fittool.search.sweep import OpenSweep

_MOST_ROWS = 40


@click.command()
@config_argument
@set_option
@click.option("--trials", type=click.IntRange(1, 1_000_000), metavar="N", help="How many combinations, instead of sweep.trials.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="How many trials are trained at once.",
)
@click.option(
    "--storage",
    metavar="URL",
    help="Where Optuna remembers trials (method tpe), such as postgresql://host/db; several directories and machines may share "
    "it. By default a file in the directory.",
)
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path), help="Where trials go; by default sweep beside the runs of the name."
)
@click.option("--quiet", is_flag=True, help="Print nothing on success, not even the directory.")
@debug_option
def sweep(
    config: Path,
    overrides: tuple[str, ...],
    trials: int | None,
    workers: int,
    storage: str | None,
    directory: Path | None,
    quiet: bool,
) -> None:
    """Search for the best settings: many runs of one experiment.

    The section sweep: of the file says which settings are tried with which values. Every trial is an ordinary run. Called again,
    a sweep that was killed or stopped goes on, and one that is done does nothing; with more --trials it tries more.

    A table, trials.csv, best.yaml (an experiment that train takes) and, with the extra report, a picture of all trials stand in
    the directory at the end. It is the last line on stdout.
    """
    from fittool.cli.exit import echo_directory, show_warnings
    from fittool.config.experiment_file import load_experiment
    from fittool.errors import FittoolError
    from fittool.search.running import Watch
    from fittool.search.sweep import SweepOptions, command_to_go_on, open_sweep

    loaded = load_experiment(config, overrides)
    if not quiet:
        show_warnings(loaded.warnings)
    options = SweepOptions(overrides, trials, workers, storage, directory)
    with open_sweep(loaded, options) as opened:
        shown = _Progress(opened)
        try:
            opened.run(Watch() if quiet else Watch(shown.begins, shown.ended))
        except FittoolError as error:
            error.next_command = command_to_go_on(options)
            raise
        finally:
            _write(opened, quiet)
        if not quiet:
            echo_directory(opened.record.root)


class _Progress:
    """A line on stderr for each trial that ends."""

    def __init__(self, sweep: OpenSweep) -> None:
        self._sweep = sweep
        self._done = 0

    def begins(self, begun: int, ended: int) -> None:
        """Say what there is to do."""
        goal = self._sweep.goal
        self._done = ended
        wish = "least" if goal.less_is_better else "greatest"
        told = f"{goal.trials:,} trial{'s' * (goal.trials != 1)} for the {wish} {goal.metric}, in {self._sweep.record.root}"
        if begun:
            told += f": {ended:,} have ended, {begun - ended:,} go on"
        click.echo(told, err=True)

    def ended(self, trial: Trial) -> None:
        """One line."""
        from fittool.errors import shorten
        from fittool.search.results import short_names

        self._done += 1
        names = short_names(list(trial.values))
        values = ", ".join(f"{names[key]} {_value(value)}" for key, value in trial.values.items())
        said = _told(trial, self._sweep.goal.metric) if trial.end != "failed" else shorten(trial.reason.partition("\n")[0], 80)
        best = self._sweep.goal.best(self._sweep.record.trials)
        mark = " *" if best is not None and best.number == trial.number else ""
        count = f"[{self._done}/{self._sweep.goal.trials}]"
        click.echo(_in_width(f"{count} {trial.name} {trial.end}: {said}{mark}  {values}"), err=True)


def _in_width(line: str) -> str:
    """A line as far as there is room on a terminal; trials.csv has all of it."""
    from fittool.errors import shorten, visible
    from fittool.training.display.terminal import Terminal

    return shorten(line, Terminal(sys.stderr).width) if sys.stderr.isatty() else visible(line)


def _told(trial: Trial, metric: str) -> str:
    """Such as `val_accuracy 0.9855`."""
    from fittool.training.display.formatting import number

    return f"no {metric}" if trial.value is None else f"{metric} {number(trial.value)}"


def _value(value: object) -> str:
    from fittool.config.sweeping.values import text_of
    from fittool.errors import shorten

    return f"{value:.4g}" if isinstance(value, float) else shorten(text_of(value), 30)


def _write(sweep: OpenSweep, quiet: bool) -> None:
    """The files at the end, and the table; also of a sweep that was stopped."""
    from fittool.errors import FittoolError
    from fittool.search.results import BEST, write_results

    if not any(trial.end for trial in sweep.record.trials):
        return
    try:
        write_results(sweep)
    except FittoolError as error:  # it must not hide why the sweep ends
        click.echo(f"warning: {error}", err=True)
    if quiet:
        return
    _show(sweep)
    _draw(sweep)
    best = sweep.goal.best(sweep.record.trials)
    if best is not None:
        path = shlex.quote(str(sweep.record.root / BEST))
        click.echo(f"Best: {best.name}, {_told(best, sweep.goal.metric)}. Next: fittool train {path}", err=True)


def _draw(sweep: OpenSweep) -> None:
    from fittool.errors import MachineError, visible
    from fittool.report.pages.page import check_packages
    from fittool.search.results import write_picture

    try:
        check_packages("The picture of all trials", ("matplotlib",))
        if (path := write_picture(sweep)) is not None:
            click.echo(f"All trials in a picture: {path}", err=True)
    except MachineError as error:
        click.echo(str(error), err=True)
    except Exception as error:  # whatever it is, a picture is no reason to fail
        click.echo(f"warning: the picture of all trials cannot be drawn: {visible(str(error))}", err=True)


def _show(sweep: OpenSweep) -> None:
    """The best trials, and how many there were of each kind."""
    from fittool.cli.tables import Column, echo_table
    from fittool.search.results import short_names
    from fittool.training.display.formatting import number

    trials = _ordered(sweep)
    shown = trials[:_MOST_ROWS]
    click.echo(err=True)
    names = short_names(list(shown[0].values))
    columns = [
        Column("trial", [str(trial.number) for trial in shown], is_number=True),
        Column("state", [trial.end or "begun" for trial in shown]),
        Column(sweep.goal.metric, ["-" if trial.value is None else number(trial.value) for trial in shown], is_number=True),
        Column("epochs", [f"{trial.epochs:,}" for trial in shown], is_number=True),
        *(Column(names[key], [_value(trial.values[key]) for trial in shown], is_number=True) for key in names),
        Column("seconds", [f"{trial.seconds:,.1f}" for trial in shown], is_number=True),
    ]
    echo_table(columns, err=True)
    if len(shown) < len(trials):
        click.echo(f"The first {len(shown)} of {len(trials):,}; trials.csv has all.", err=True)
    ends = [trial.end or "begun" for trial in trials]
    told = ", ".join(f"{ends.count(end)} {end}" for end in ("finished", "pruned", "failed", "begun") if end in ends)
    click.echo(f"{len(trials):,} trial{'s' * (len(trials) != 1)}: {told}.", err=True)


def _ordered(sweep: OpenSweep) -> Sequence[Trial]:
    """The best first; behind the finished ones those that were pruned, then the others."""
    order = {"finished": 0, "pruned": 1, "failed": 2}
    sign = 1 if sweep.goal.less_is_better else -1

    def key(trial: Trial) -> tuple[int, float, int]:
        value = float("inf") if trial.value is None or trial.value != trial.value else sign * trial.value
        return order.get(trial.end or "", 3), value, trial.number

    return sorted(sweep.record.trials, key=key)
