"""fittool evaluate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from fittool.cli.options import (
    checkpoint_option,
    debug_option,
    engine_option,
    experiment_option,
    other_data_option,
    run_argument,
    tta_option,
)

if TYPE_CHECKING:
    from fittool.cli.ensembles import Members
    from fittool.experiment.trained_run import TrainedRun


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
@click.option(
    "--on-bad",
    type=click.Choice(["error", "skip"]),
    default="error",
    show_default=True,
    help="Rows of a table of --data that cannot be read are listed, all others measured. error: exit 4 at the end; skip: exit 0.",
)
@click.option(
    "--calibrate",
    is_flag=True,
    help="Choose the temperature that brings probabilities nearest to what came true on these data; kept in the run, and used by "
    "evaluate and predict.",
)
@tta_option
@other_data_option
@engine_option
@checkpoint_option
@experiment_option
@debug_option
@click.pass_context
def evaluate(
    context: click.Context,
    run: Path,
    data: str | None,
    on: Literal["validation", "train"],
    on_bad: Literal["error", "skip"],
    engine: str | None,
    checkpoint: Literal["best", "last", "final"],
    experiment: Path | None,
    calibrate: bool,
    tta: int,
    accept_changes: bool,
) -> None:
    """Measure a finished run on data.

    Prints loss and metrics, one a line, on stdout; for people, on stderr, intervals, figures by class or by number to predict,
    what was most confused, and what a line reaches. All of it is kept in evaluation.json in the run. RUN may be a directory of
    train --kfold (all samples, each as the fold answers that has not seen it) or --seeds (the mean of the runs' answers).
    """
    from fittool.cli.ensembles import opened_members
    from fittool.cli.exit import first_of, show, show_warnings
    from fittool.errors import DataError, Problem, UsageError
    from fittool.experiment.trained_run import open_trained

    bad: list[Problem] = []
    options: dict[str, Any] = {
        "on": on, "path": data, "views": tta, "accept_changes": accept_changes, "warn": _warn, "bad": bad.extend,
    }  # fmt: skip
    if (members := opened_members(run, checkpoint, experiment, engine)) is None:
        trained = open_trained(run, checkpoint=checkpoint, experiment=experiment, engine=engine)
        _measure_run(trained, options, calibrate=calibrate)
    elif calibrate:
        raise UsageError("--calibrate chooses for one run; call it for the runs of the directory.")
    else:
        _measure_members(members, run, options)
    if bad and on_bad == "skip":
        show_warnings(first_of(bad))
    elif bad:
        show(first_of(bad))
        rows = "1 row cannot be read and is" if len(bad) == 1 else f"{len(bad):,} rows cannot be read and are"
        click.echo(f"{rows} left out of the figures. With --on-bad skip this is no error.", err=True)
        context.exit(DataError.code)


def _measure_members(members: Members, root: Path, options: Mapping[str, Any]) -> None:
    """Measure what the runs of a directory say together."""
    from fittool.cli.evaluation_text import print_figures
    from fittool.experiment.results.evaluation import keep_evaluation_in
    from fittool.training.display.choose import live_walk

    with live_walk() as progress:
        whole = members.measure(progress=progress, **options)
    print_figures(whole.values, whole.evaluation, whole.spreads)
    _keep(lambda: keep_evaluation_in(root, whole.evaluation))


def _measure_run(trained: TrainedRun, options: Mapping[str, Any], *, calibrate: bool) -> None:
    """Measure one run, beside its baselines."""
    from fittool.cli.evaluation_text import print_figures
    from fittool.experiment.answers.decisions import keep_decisions, stale_decisions
    from fittool.experiment.evaluate import measure
    from fittool.experiment.results.beside import baselines_beside
    from fittool.experiment.results.evaluation import evaluation_of, keep_evaluation
    from fittool.training.display.choose import live_walk

    for warning in trained.warnings:
        _warn(warning)
    with live_walk() as progress:
        measured = measure(trained, progress=progress, **options)
    on, data = options["on"], options["path"]
    name_of_data = on if data is None else Path(data).name
    if calibrate:
        from fittool.experiment.results.choosing import choose_temperature

        keep_decisions(trained, choose_temperature(trained, measured, name_of_data))
    elif (stale := stale_decisions(trained)) is not None:
        _warn(stale)
    evaluation = evaluation_of(trained, name_of_data, measured)
    evaluation["baselines"] = baselines_beside(trained, on if data is None else None, measured, evaluation)
    print_figures(measured.values, evaluation)
    _keep(lambda: keep_evaluation(trained, evaluation))


def _warn(text: str) -> None:
    from fittool.cli.exit import show_warnings
    from fittool.errors import Problem

    show_warnings([Problem(text)])


def _keep(write: Callable[[], str | None]) -> None:
    """Write the figures; the run may be on a disk that cannot be written, and they are told all the same."""
    from fittool.errors import StorageError

    try:
        if (warning_of_disk := write()) is not None:
            _warn(warning_of_disk)
    except StorageError as error:
        _warn(f"evaluation.json is not kept: {error}")
