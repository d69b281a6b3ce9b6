"""fittool evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fittool.cli.options import checkpoint_option, debug_option, experiment_option, other_data_option, run_argument, tta_option


@click.command()
@run_argument
@click.option("--data", metavar="DATA", help="Other data instead: a folder, CSV or npz like those trained on, or its address.")
@click.option(
    "--on",
    type=click.Choice(["validation", "train"]),
    default="validation",
    show_default=True,
    help="Which of the run's own data.",
)
@tta_option
@other_data_option
@checkpoint_option
@experiment_option
@debug_option
def evaluate(
    run: Path,
    data: str | None,
    on: Literal["validation", "train"],
    checkpoint: Literal["best", "last", "final"],
    experiment: Path | None,
    tta: int,
    accept_changes: bool,
) -> None:
    """Measure a finished run on data.

    Prints loss and metrics, one a line.
    """
    from fittool.cli.exit import show_warnings
    from fittool.errors import Problem
    from fittool.experiment.evaluate import evaluate as measure
    from fittool.experiment.trained_run import open_trained
    from fittool.training.display.choose import live_walk

    def warn(text: str) -> None:
        show_warnings([Problem(text)])

    trained = open_trained(run, checkpoint=checkpoint, experiment=experiment)
    for warning in trained.warnings:
        warn(warning)
    with live_walk() as progress:
        measured = measure(trained, on=on, path=data, views=tta, accept_changes=accept_changes, warn=warn, progress=progress)
    for name, value in measured.items():
        click.echo(f"{name} {value:.6g}")
