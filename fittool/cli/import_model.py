"""fittool import."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import debug_option


def _sizes(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Numbers between commas."""
    if value is None:
        return None
    parts = value.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter("must be whole numbers from 1 with commas between, such as 224,224,3.")
    return tuple(int(part) for part in parts)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="The folder to write to.")
@click.option(
    "--as",
    "network",
    metavar="PRESET|EXPERIMENT",
    help="Whose weights they are, where the file holds nothing else: a preset's name, or an experiment file that writes its "
    "layers out.",
)
@click.option(
    "--input-shape",
    callback=_sizes,
    metavar="SIZES",
    help="Sizes of the input, where the file leaves them open, such as 224,224,3.",
)
@click.option("--force", is_flag=True, help="Replace what was imported there before.")
@debug_option
def import_model(file: Path, out: Path, network: str | None, input_shape: tuple[int, ...] | None, force: bool) -> None:
    """Take in a model of Keras, or weights of PyTorch, as an experiment.

    Writes experiment.yaml and weights.safetensors. FILE is .keras or .h5 (extra keras), .pth or .pt (extra torch), or
    .safetensors with the names of torchvision, timm or transformers. No code in it is ever run.
    """
    from fittool.experiment.pretrained.import_model import EXPERIMENT, import_model

    done = import_model(file, out, network=network, input_shape=input_shape, force=force)
    click.echo(f"{done.loaded:,} arrays with {done.parameters:,} numbers loaded, by the names of {done.names}.", err=True)
    for what, names in (("skipped", done.skipped), ("missing, so as drawn", done.missing)):
        for name in names:
            click.echo(f"{what}: {name}", err=True)
    if done.steps is not None:
        text = (
            f"{EXPERIMENT} begins training anew; in Python ft.load_model goes on after the {done.steps:,} steps of the optimizer."
        )
        click.echo(text, err=True)
    for note in done.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(str(out / EXPERIMENT))
