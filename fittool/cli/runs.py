"""fittool runs, and fittool runs prune."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fittool.cli.completion import completing, sort_keys, values_of_runs
from fittool.cli.options import LocalPath, debug_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fittool.runs.listing.summary import RunSummary


class _WithPrune(click.Command):
    """A command whose first argument may be the name of another one."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Go on with `prune` where it is asked for; a folder of that name is `./prune`."""
        if args and args[0] == "prune":
            return prune.make_context(f"{info_name} prune", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


@click.command(cls=_WithPrune)
@click.argument("folder", type=LocalPath(), default="runs", metavar="[DIR]")
@click.option(
    "--sort",
    "key",
    metavar="KEY",
    default="started",
    show_default=True,
    shell_complete=completing(sort_keys),
    help="started (the newest last), name, state, best, epochs, seconds, size, or a value such as val_accuracy (the best first).",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, one object a run.")
@debug_option
def runs(folder: Path, key: str, as_json: bool) -> None:
    """List all runs below a folder.

    \b
    fittool runs                            the runs below ./runs, the newest last
    fittool runs --sort val_accuracy        the best first
    fittool runs prune runs --keep 5        what to remove so that the newest five are left

    Runs are found at any depth; links are not followed. The state killed is that of a run whose process died without a word.
    """
    from fittool.runs.files.json_text import to_json
    from fittool.runs.listing.order import in_order
    from fittool.runs.listing.summary import summaries_below

    found = in_order(summaries_below(_existing(folder)), key)
    if as_json:
        click.echo(to_json([run.plain() for run in found], indent=2))
        return
    if found:
        _echo_runs(found)
    click.echo(f"{_count(len(found))} below {folder}", err=True)


@click.command()
@click.argument("folder", type=LocalPath(), metavar="DIR")
@click.option("--keep", type=click.IntRange(min=0), required=True, metavar="N", help="How many runs stay.")
@click.option(
    "--by",
    "metric",
    metavar="METRIC",
    shell_complete=completing(values_of_runs),
    help="The best by this value of their best epoch stay; by default the newest.",
)
@click.option("--yes", is_flag=True, help="Remove them; without it they are only listed.")
@debug_option
def prune(folder: Path, keep: int, metric: str | None, yes: bool) -> None:
    """List the runs that would go, and remove them with --yes.

    All runs below DIR count together. A run at work is never removed, and is not one of the N.
    """
    from fittool.errors import RunInUseError
    from fittool.runs.listing.order import to_remove
    from fittool.runs.listing.prune import remove_run
    from fittool.runs.listing.summary import summaries_below

    found = summaries_below(_existing(folder))
    going = to_remove(found, keep, metric)
    if going:
        _echo_runs(going)
    if not yes:
        hint = " Add --yes to remove them." if going else ""
        click.echo(f"{_count(len(going))} of {len(found):,} would be removed.{hint}", err=True)
        return
    removed = 0
    for run in going:
        try:
            remove_run(Path(run.path))
            removed += 1
        except RunInUseError as error:  # it has begun to work since it was looked at
            click.echo(f"warning: {error} It stays.", err=True)
    click.echo(f"{_count(removed)} of {len(found):,} removed.", err=True)


def _existing(folder: Path) -> Path:
    from fittool.errors import UsageError, shown

    if not folder.is_dir():
        raise UsageError("There is no such folder. Give the folder that holds the runs.", place=shown(folder))
    return folder


def _count(number: int) -> str:
    return f"{number:,} run{'s' * (number != 1)}"


def _echo_runs(found: Sequence[RunSummary]) -> None:
    """A table, one run a line."""
    from fittool.cli.tables import Column, echo_table
    from fittool.runs.listing.curve import sparkline
    from fittool.training.display.formatting import number

    echo_table(
        [
            Column("name", [run.name for run in found]),
            Column("state", [run.state for run in found]),
            Column("best", ["" if run.best is None else f"{run.monitor} {number(run.best)}" for run in found]),
            Column("epochs", [f"{run.epochs:,}" for run in found], is_number=True),
            Column("seconds", ["" if (time := run.seconds) is None else f"{time:,.1f}" for run in found], is_number=True),
            Column("size", [f"{run.size / 1e6:,.1f} MB" for run in found], is_number=True),
            Column("course", [sparkline(run.curve) for run in found]),
        ]
    )
