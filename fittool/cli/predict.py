"""fittool predict."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

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


@click.command()
@run_argument
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A .csv, .jsonl or .npz file instead of CSV on stdout."
)
@click.option(
    "--on",
    type=click.Choice(["validation", "train"]),
    help="The run's own data instead of PATH, with what is true.",
)
@click.option(
    "--on-bad",
    type=click.Choice(["error", "skip", "empty"]),
    help="Files, and rows of tables, that cannot be read are listed, and all others predicted. error: exit 4 at the end; skip: "
    "exit 0; empty: exit 0, with a line without an answer for each. By default as the run's data.on_bad_file says.",
)
@click.option(
    "--keep",
    multiple=True,
    metavar="COLUMN",
    help="A column of CSV files that is passed through, beside identifiers. Repeatable.",
)
@tta_option
@other_data_option
@engine_option
@checkpoint_option
@experiment_option
@debug_option
@click.pass_context
def predict(
    context: click.Context,
    run: Path,
    paths: tuple[str, ...],
    out: Path | None,
    on: Literal["validation", "train"] | None,
    on_bad: Literal["error", "skip", "empty"] | None,
    keep: tuple[str, ...],
    engine: str | None,
    checkpoint: Literal["best", "last", "final"],
    experiment: Path | None,
    tta: int,
    accept_changes: bool,
) -> None:
    """Predict files with a finished run.

    Takes images, folders of images, CSV, npz and npy files, or addresses of these. Columns of a CSV are found by their names, and
    others ignored; each row becomes a line. Columns: input, prediction, probability, and
    one a class; for several labels, whether each holds and how probable it is; for numbers instead of classes, the numbers.
    RUN may be a directory of train --kfold or --seeds: the answers are the mean of all its runs; --on validation of folds has all
    samples, each as the fold answers that has not seen it.
    """
    from fittool.cli.ensembles import predictor_of
    from fittool.cli.exit import echo_content, first_of, show, show_warnings
    from fittool.config.yaml.file_references import input_files
    from fittool.errors import DataError, UsageError
    from fittool.experiment.answers.predictions import FORMS, encode
    from fittool.runs.files.atomic import atomic_write
    from fittool.runs.output_file import check_output
    from fittool.training.display.choose import live_walk

    if bool(paths) == (on is not None):
        raise UsageError("Give the paths to predict, or --on validation or --on train for the run's own data; one of the two.")
    if keep and on is not None:
        raise UsageError("--keep passes columns of the CSV files through that PATH names; --on has none.")
    if out is not None:
        check_output(out, inputs=paths, endings=list(FORMS))
    form = "csv" if out is None else FORMS[out.suffix.lower()]
    trained, predicted = predictor_of(run, checkpoint, experiment, engine)
    if out is not None and on is not None:
        check_output(out, inputs=input_files(trained.loaded.root, trained.loaded.resolved), endings=list(FORMS))
    for warning in trained.warnings:
        click.echo(f"warning: {warning}", err=True)
    handling = on_bad or trained.loaded.experiment.data.on_bad_file
    with live_walk() as progress:
        predictions = predicted(
            paths, on=on, views=tta, on_bad=handling, keep=keep, accept_changes=accept_changes, progress=progress
        )
    show_warnings(tuple(dict.fromkeys(predictions.warnings)))
    content = encode(predictions, form)
    if out is None:
        echo_content(content)
    else:
        atomic_write(out, [content])
    if handling != "error":
        show_warnings(first_of(predictions.bad))
    elif predictions.bad:
        show(first_of(predictions.bad))
        good, amount = len(predictions.names), len(predictions.bad)
        click.echo(f"{good:,} predicted, {amount:,} cannot be read. With --on-bad skip this is no error.", err=True)
        context.exit(DataError.code)
