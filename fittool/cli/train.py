"""fittool train."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import click

from fittool.cli.event_lines import events_of
from fittool.cli.options import configs_argument, debug_option, running_options, set_option
from fittool.cli.processes import group_of_this_process, processes_options, starts_processes, train_in_processes


@click.command()
@configs_argument
@set_option
@click.option("--run-dir", type=click.Path(path_type=Path), help="Exactly this directory, instead of a new one below output.dir.")
@click.option("--resume", is_flag=True, help="With --run-dir: go on with the run that is there, or start it. For cron.")
@click.option("--engine", metavar="NAME", help="What executes the steps, instead of the file's engine: numpy, torch or auto.")
@click.option(
    "--smoke", is_flag=True, help="One epoch of two training batches and one validation batch; nothing is kept, changed or sent."
)
@click.option(
    "--overfit",
    type=click.IntRange(1),
    metavar="N",
    help="Train on the same N batches and measure them, without augmentation and dropout, to see if they are learnt by heart.",
)
@processes_options
@running_options
@debug_option
@click.pass_context
def train(
    context: click.Context,
    configs: tuple[Path, ...],
    overrides: tuple[str, ...],
    run_dir: Path | None,
    engine: str | None,
    resume: bool,
    smoke: bool,
    overfit: int | None,
    devices: int | None,
    max_restarts: int,
    accept_changes: bool,
    timeout: float | None,
    verbose: str | None,
    events: bool,
    quiet: bool,
    requirements: tuple[str, ...],
) -> None:
    """Train the network of an experiment file.

    The last line on stdout is the run directory; progress and messages go to stderr. Several experiments are trained one after
    the other, each in a process of its own; a table says what came of them, and the exit code is the lowest that is not 0.
    """
    if len(configs) > 1:
        context.exit(_train_each(context, configs, run_dir))
    (config,) = configs
    from fittool.cli.exit import echo_directory, show_warnings
    from fittool.cli.thresholds import asked_of
    from fittool.config.experiment_file import load_experiment

    if engine is not None:
        overrides = (*overrides, f"engine={engine}")
    if overfit is not None:
        overrides = (*overrides, *_overfitting(config, overrides, overfit, smoke=smoke))
    if starts_processes(devices):
        loaded = load_experiment(config, overrides)
        asked_of(requirements, loaded.experiment)
        train_in_processes(
            cast("int", devices), max_restarts, loaded.experiment.engine, partial(_options_to_go_on, run_dir, resume)
        )
    with group_of_this_process(devices) as group:
        loaded = load_experiment(config, overrides)
        asked = asked_of(requirements, loaded.experiment)
        if not quiet and group.rank == 0:
            show_warnings(loaded.warnings)
        from fittool.experiment.train import TrainOptions, train_experiment  # slow to import, and not needed for a wrong file

        options = TrainOptions(run_dir, smoke, verbose, quiet, resume, accept_changes, timeout, group=group)
        with events_of(events and group.rank == 0) as watched:
            run = train_experiment(loaded, replace(options, events=watched))
        if not quiet and not events and run.kept and group.rank == 0:
            echo_directory(run.directory)
        for requirement in asked:
            requirement.check(run.values)


def _overfitting(config: Path, overrides: tuple[str, ...], batches: int, *, smoke: bool) -> list[str]:
    from fittool.config.experiment_file import load_experiment
    from fittool.errors import UsageError
    from fittool.experiment.aids.overfit import overrides_for

    if smoke:
        raise UsageError("--overfit trains until it has learnt its batches, and --smoke a few steps. Use one of the two.")
    return overrides_for(load_experiment(config, overrides).experiment, batches)


def _options_to_go_on(run_dir: Path | None, resume: bool, directory: Path) -> list[str]:
    """The options that the same call lacks to go on with a run."""
    return [*([] if run_dir is not None else ["--run-dir", str(directory)]), *([] if resume else ["--resume"])]


def _train_each(context: click.Context, configs: tuple[Path, ...], run_dir: Path | None) -> int:
    from fittool.cli.several import train_several
    from fittool.errors import UsageError

    if run_dir is not None:
        raise UsageError("--run-dir names one directory, but there are several experiments. Call each by itself.")
    return train_several(context, configs)
