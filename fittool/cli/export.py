"""fittool export."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fittool.cli.options import checkpoint_option, debug_option, experiment_option, other_data_option, run_argument

ENDINGS = {"onnx": ".onnx"}


@click.command()
@run_argument
@click.option("--format", "format_", type=click.Choice(list(ENDINGS)), default="onnx", show_default=True, help="Of the file.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="By default named as the run, in this folder."
)
@click.option("--fold", is_flag=True, help="onnx: batch normalizations go into the layers before them.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@checkpoint_option
@experiment_option
@other_data_option
@debug_option
def export(
    run: Path,
    format_: Literal["onnx"],
    out: Path | None,
    fold: bool,
    force: bool,
    checkpoint: Literal["best", "last", "final"],
    experiment: Path | None,
    accept_changes: bool,
) -> None:
    """Write a run's network for another tool.

    onnx: takes what predict takes as arrays, pictures as bytes or the columns of a table, and gives probabilities and names;
    samples and a README lie beside it, and fittool verify runs it. The path is printed on stdout. Needs the extra onnx.
    """
    from fittool.cli.exit import show_warnings
    from fittool.errors import CheckpointError, MachineError, Problem
    from fittool.exchange.onnx_format.verify import verify_onnx
    from fittool.experiment.exporting.export import export_onnx, files_of, refuse_existing
    from fittool.experiment.trained_run import open_trained
    from fittool.runs.output_file import check_output

    if out is not None:
        check_output(out, inputs=[], endings=[ENDINGS[format_]])
    trained = open_trained(run, checkpoint=checkpoint, experiment=experiment)
    out = Path(f"{trained.loaded.experiment.name or 'network'}{ENDINGS[format_]}") if out is None else out
    check_output(out, inputs=[], endings=[ENDINGS[format_]])
    refuse_existing(files_of(format_, out), force=force)
    show_warnings([Problem(text) for text in trained.warnings])
    exported = export_onnx(trained, out, fold=fold, accept_changes=accept_changes)
    show_warnings([Problem(text) for text in (*exported.warnings, *exported.write(force=force))])
    for line in exported.told:
        click.echo(line, err=True)
    try:
        from fittool.cli.verify import verification_lines

        verification = verify_onnx(out)
        for line in verification_lines(verification):
            click.echo(line, err=True)
        if not all(one.passes for one in verification.differences):
            raise CheckpointError("The file does not give what fittool predicts. Please report this.", place=str(out))
    except MachineError:
        click.echo(
            "onnxruntime is not installed, so the file was not run: pip install onnxruntime, then fittool verify.", err=True
        )
    click.echo(out)
