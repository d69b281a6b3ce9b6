"""fittool predict."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fittool.cli.options import checkpoint_option, debug_option, experiment_option, run_argument, tta_option


@click.command()
@run_argument
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A .csv, .jsonl or .npz file instead of CSV on stdout."
)
@tta_option
@checkpoint_option
@experiment_option
@debug_option
def predict(
    run: Path, paths: tuple[Path, ...], out: Path | None, checkpoint: Literal["best", "last"], experiment: Path | None, tta: int
) -> None:
    """Predict files with a finished run.

    Takes images, folders of images, CSV, npz and npy files. Columns: input, prediction, probability, and one a class;
    for numbers instead of classes, the numbers.
    """
    from fittool.cli.exit import echo_content, show_warnings
    from fittool.experiment.predict import predict as predicted
    from fittool.experiment.predictions import FORMS, encode
    from fittool.experiment.trained_run import open_trained
    from fittool.runs.files.atomic import atomic_write
    from fittool.runs.output_file import check_output

    if out is not None:
        check_output(out, inputs=paths, endings=list(FORMS))
    form = "csv" if out is None else FORMS[out.suffix]
    trained = open_trained(run, checkpoint=checkpoint, experiment=experiment)
    for warning in trained.warnings:
        click.echo(f"warning: {warning}", err=True)
    predictions = predicted(trained, paths, views=tta)
    show_warnings((*predictions.skipped, *dict.fromkeys(predictions.warnings)))
    content = encode(predictions, form)
    if out is None:
        echo_content(content)
    else:
        atomic_write(out, [content])
