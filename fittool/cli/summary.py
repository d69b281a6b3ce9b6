"""fittool summary."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import ExperimentPath, debug_option, set_option


@click.command()
@click.argument("config", type=ExperimentPath(), metavar="CONFIG|RUN")
@set_option
@debug_option
def summary(config: Path, overrides: tuple[str, ...]) -> None:
    """Print the network's layers, shapes and parameters.

    Of an experiment, or of a run.
    """
    from fittool.experiment.show import summary_table

    click.echo(summary_table(config, overrides), nl=False)
