"""fittool resume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fittool.cli.event_lines import events_of
from fittool.cli.options import debug_option, engine_option, experiment_option, run_argument, running_options
from fittool.cli.processes import group_of_this_process, processes_options, starts_processes, train_in_processes

if TYPE_CHECKING:
    from fittool.engines.settings import EngineSetting


@click.command()
@run_argument
@click.option("--epochs", type=click.IntRange(min=1), help="The number of the last epoch; with it a finished run trains on.")
@experiment_option
@engine_option
@processes_options
@running_options
@debug_option
def resume(
    run: Path,
    epochs: int | None,
    experiment: Path | None,
    engine: str | None,
    devices: int | None,
    max_restarts: int,
    accept_changes: bool,
    timeout: float | None,
    verbose: str | None,
    profile: bool,
    events: bool,
    quiet: bool,
    requirements: tuple[str, ...],
) -> None:
    """Go on with an interrupted run, bit for bit.

    The last line on stdout is the run directory; progress and messages go to stderr.
    """
    from fittool.cli.exit import echo_directory
    from fittool.cli.thresholds import Requirement, asked_of

    asked = [Requirement.parse(text) for text in requirements]
    if starts_processes(devices):
        train_in_processes(cast("int", devices), max_restarts, _engine_of(run, experiment, engine), lambda _: ())
    with group_of_this_process(devices) as group:
        from fittool.experiment.train import TrainOptions, resume_run

        options = TrainOptions(
            run,
            verbose=verbose,
            quiet=quiet,
            resume=True,
            accept_changes=accept_changes,
            timeout=timeout,
            group=group,
            profile=profile,
        )
        with events_of(events and group.rank == 0) as watched:
            options = replace(options, events=watched)
            done = resume_run(
                run,
                options,
                epochs=epochs,
                experiment=experiment,
                engine=engine,
                check=lambda loaded: asked_of(requirements, loaded.experiment),
            )
        if not quiet and not events and group.rank == 0:
            echo_directory(done.directory)
        for requirement in asked:
            requirement.check(done.values)


def _engine_of(run: Path, experiment: Path | None, engine: str | None) -> EngineSetting:
    """The engine that the run goes on with."""
    from fittool.config.experiment_file import engine_override
    from fittool.experiment.building.consent import experiment_to_train
    from fittool.runs.directory import RunDirectory

    return experiment_to_train(RunDirectory.open(run), experiment, engine_override(engine)).experiment.engine
