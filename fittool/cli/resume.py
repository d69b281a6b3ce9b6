"""fittool resume."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import debug_option, experiment_option, run_argument, running_options


@click.command()
@run_argument
@click.option("--epochs", type=click.IntRange(min=1), help="The number of the last epoch; with it a finished run trains on.")
@experiment_option
@running_options
@debug_option
def resume(
    run: Path,
    epochs: int | None,
    experiment: Path | None,
    accept_changes: bool,
    timeout: float | None,
    verbose: str | None,
    quiet: bool,
    requirements: tuple[str, ...],
) -> None:
    """Go on with an interrupted run, bit for bit.

    The last line on stdout is the run directory; progress and messages go to stderr.
    """
    from fittool.cli.exit import echo_directory
    from fittool.cli.thresholds import Requirement, asked_of
    from fittool.experiment.train import TrainOptions, resume_run

    asked = [Requirement.parse(text) for text in requirements]
    options = TrainOptions(run, verbose=verbose, quiet=quiet, resume=True, accept_changes=accept_changes, timeout=timeout)
    done = resume_run(
        run, options, epochs=epochs, experiment=experiment, check=lambda loaded: asked_of(requirements, loaded.experiment)
    )
    if not quiet:
        echo_directory(done.directory)
    for requirement in asked:
        requirement.check(done.values)
