"""fittool stop."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import debug_option, run_argument


@click.command()
@run_argument
@debug_option
def stop(run: Path) -> None:
    """Ask a run at work to end after this epoch.

    It ends as by EarlyStopping: with its checkpoints, and exit code 0. To end it at once, interrupt it; it can be resumed.
    """
    from fittool.errors import shown
    from fittool.runs.requests import ask

    ask(run, "stop")
    click.echo(f"{shown(run)} is asked to end after this epoch.", err=True)
