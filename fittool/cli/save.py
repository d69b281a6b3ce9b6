"""fittool save."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import debug_option, run_argument


@click.command()
@run_argument
@debug_option
def save(run: Path) -> None:
    """Ask a run at work for a checkpoint now.

    It is saved after the step at work; kill -USR1 to the run's process asks for the same.
    """
    from fittool.errors import shown
    from fittool.runs.requests import ask

    ask(run, "save")
    click.echo(f"{shown(run)} is asked for a checkpoint after this step.", err=True)
