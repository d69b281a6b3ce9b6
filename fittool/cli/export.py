"""fittool export."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fittool.cli.options import checkpoint_option, debug_option, experiment_option, other_data_option, run_argument

ENDINGS = {"onnx": ".onnx", "keras": ".keras", "torch": ".safetensors", "safetensors": ".safetensors"}


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
    format_: Literal["onnx", "keras", "torch", "safetensors"],
    out: Path | None,
    fold: bool,
    force: bool,
    checkpoint: Literal["best", "last", "final"],
    experiment: Path | None,
    accept_changes: bool,
) -> None:
    """Write a run's network for another tool.

    onnx: takes what predict takes as arrays, pictures as bytes or the columns of a table, and gives probabilities and names;
    samples and a README lie beside it, and fittool verify runs it. keras: a .keras file, which Keras loads and trains on.
    torch: a state dict as safetensors, with a plain module beside it that loads it. safetensors: the weights alone. The path is
    printed on stdout. onnx and keras need the extras of these names.
    """
    from fittool.cli.exit import show_warnings
    from fittool.errors import Problem, UsageError
    from fittool.experiment.exporting import export as exporting
    from fittool.experiment.trained_run import open_trained
    from fittool.runs.output_file import check_output

    if fold and format_ != "onnx":
        raise UsageError("--fold is for --format onnx; other tools train on, for which a batch normalization must be there.")
    if out is not None:
        check_output(out, inputs=[], endings=[ENDINGS[format_]])
    trained = open_trained(run, checkpoint=checkpoint, experiment=experiment)
    out = Path(f"{trained.loaded.experiment.name or 'network'}{ENDINGS[format_]}") if out is None else out
    check_output(out, inputs=[], endings=[ENDINGS[format_]])
    exporting.refuse_existing(exporting.files_of(format_, out), force=force)
    show_warnings([Problem(text) for text in trained.warnings])
    if format_ == "onnx":
        exported = exporting.export_onnx([trained], out, fold=fold, accept_changes=accept_changes)
    else:
        exported = {"keras": exporting.export_keras, "torch": exporting.export_torch, "safetensors": exporting.export_weights}[
            format_
        ](trained, out)
    show_warnings([Problem(text) for text in (*exported.warnings, *exported.write(force=force))])
    for line in exported.told:
        click.echo(line, err=True)
    if format_ == "onnx":
        _verify(out)
    click.echo(out)


def _verify(path: Path) -> None:
    """Run what was exported, where onnxruntime is there."""
    from fittool.cli.verify import verification_lines
    from fittool.errors import CheckpointError, MachineError, shown
    from fittool.exchange.onnx_format.verify import verify_onnx

    try:
        verification = verify_onnx(path)
    except MachineError:
        click.echo("onnxruntime is not installed, so the file was not run. To do so: fittool verify.", err=True)
        return
    for line in verification_lines(verification):
        click.echo(line, err=True)
    if not all(one.passes for one in verification.differences):
        raise CheckpointError("The file does not give what fittool predicts. Please report this.", place=shown(path))
