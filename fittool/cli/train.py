"""fittool train."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from fittool.cli.children import end_with_the_caller
from fittool.cli.event_lines import events_of
from fittool.cli.options import configs_argument, debug_option, engine_option, running_options, set_option
from fittool.cli.processes import group_of_this_process, processes_options, starts_processes, train_in_processes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fittool.cli.thresholds import Requirement
    from fittool.config.experiment_file import LoadedExperiment


@click.command()
@configs_argument
@set_option
@click.option("--run-dir", type=click.Path(path_type=Path), help="Exactly this directory, instead of a new one below output.dir.")
@click.option("--resume", is_flag=True, help="With --run-dir: go on with the run that is there, or start it. For cron.")
@engine_option
@click.option(
    "--smoke", is_flag=True, help="One epoch of two training batches and one validation batch; nothing is kept, changed or sent."
)
@click.option(
    "--seeds",
    type=click.IntRange(min=2),
    metavar="N",
    help="N runs below one directory, each with a seed of its own; mean and deviation at the end.",
)
@click.option(
    "--kfold",
    type=click.IntRange(min=2),
    metavar="N",
    help="N runs below one directory, each validated on another N-th of data.train; mean and deviation at the end.",
)
@click.option(
    "--overfit",
    type=click.IntRange(1),
    metavar="N",
    help="Train on the same N batches and measure them, without augmentation and dropout, until they are learnt by heart.",
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
    seeds: int | None,
    kfold: int | None,
    overfit: int | None,
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
    """Train the network of an experiment file.

    The last line on stdout is the run directory; progress and messages go to stderr. Several experiments, seeds or folds are
    trained one after the other, each in a process of its own; a table says what came of them, and the exit code is the lowest
    that is not 0. predict and evaluate take the directory of --seeds or --kfold as they take a run.
    """
    end_with_the_caller()
    if len(configs) > 1:
        context.exit(_train_each(context, configs, run_dir))
    (config,) = configs
    from fittool.cli.exit import echo_directory, show_warnings
    from fittool.cli.thresholds import asked_of
    from fittool.config.experiment_file import engine_override, load_experiment

    overrides = (*overrides, *engine_override(engine))
    if seeds is not None or kfold is not None:
        loaded = load_experiment(config, overrides)
        context.exit(_train_members(context, loaded, run_dir, resume, timeout, asked_of(requirements, loaded.experiment)))
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

        options = TrainOptions(run_dir, smoke, verbose, quiet, resume, accept_changes, timeout, group=group, profile=profile)
        with events_of(events and group.rank == 0) as watched:
            run = train_experiment(loaded, replace(options, events=watched))
        if not quiet and not events and run.kept and group.rank == 0:
            echo_directory(run.directory)
        for requirement in asked:
            requirement.check(run.values)


def _train_members(
    context: click.Context,
    loaded: LoadedExperiment,
    run_dir: Path | None,
    resume: bool,
    timeout: float | None,
    asked: Sequence[Requirement],
) -> int:
    from fittool.cli.members import Series, train_members
    from fittool.errors import UsageError
    from fittool.experiment.ensembles.members import folds_of, seeds_of

    seeds, folds = context.params["seeds"], context.params["kfold"]
    if seeds is not None and folds is not None:
        raise UsageError("--seeds and --kfold each make runs of their own. Give one of the two.")
    if context.params["overfit"] is not None:
        raise UsageError("--overfit looks at one training; leave --seeds and --kfold out.")
    plan = seeds_of(loaded, seeds) if folds is None else folds_of(loaded, folds)
    return train_members(Series(context, loaded, plan, run_dir, resume, timeout, asked))


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
