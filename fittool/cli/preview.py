"""fittool preview."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import config_argument, debug_option, set_option


@click.command()
@config_argument
@set_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("preview.png"), show_default=True, help="The PNG file."
)
@click.option("--samples", type=click.IntRange(1, 100), default=8, show_default=True, help="Rows: how many samples.")
@click.option("--variants", type=click.IntRange(1, 50), default=7, show_default=True, help="Augmented pictures of each sample.")
@debug_option
def preview(config: Path, overrides: tuple[str, ...], out: Path, samples: int, variants: int) -> None:
    """Write a contact sheet of original and augmented samples.

    Labels stand beside them. The augmented pictures are those that the first epochs of training will see, mixed ones and
    your own preprocessing_function included.
    """
    from io import BytesIO

    from fittool.cli.exit import show_warnings
    from fittool.config.experiment_file import load_experiment
    from fittool.config.yaml.file_references import input_files
    from fittool.experiment.preview import in_network
    from fittool.experiment.preview import preview as draw_sheet
    from fittool.runs.files.atomic import atomic_write
    from fittool.runs.output_file import check_output

    loaded = load_experiment(config, overrides)
    check_output(out, inputs=input_files(loaded.root, loaded.resolved), endings=[".png"])
    show_warnings(loaded.warnings)
    content = BytesIO()
    draw_sheet(loaded, samples=samples, variants=variants).save(content, "PNG")
    atomic_write(out, [content.getvalue()])
    if left_out := in_network(loaded):
        click.echo(f"Not shown, as the network does it: {', '.join(left_out)}.", err=True)
    click.echo(out)
