"""fittool init."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import debug_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("experiment.yaml"))
@click.option("--from", "data", type=click.Path(), metavar="DATA", help="Look at a folder, CSV or npz and fit the file to it.")
@click.option("--template", metavar="NAME", help="Start from a ready experiment; an unknown name lists them.")
@debug_option
def init(file: Path, data: str | None, template: str | None) -> None:
    """Write a commented experiment file to start from.

    FILE is experiment.yaml by default. An existing file is never overwritten.
    """
    from fittool.errors import UsageError
    from fittool.runs.files.atomic import atomic_write
    from fittool.scaffold.scaffold import from_data, scaffold
    from fittool.scaffold.templates import template_text

    if file.exists():
        raise UsageError(f"{file} is there already. Choose another name, or remove it.")
    if data is not None and template is not None:
        raise UsageError("--from and --template exclude each other.")
    said: tuple[str, ...] = ()
    if data is not None:
        made = from_data(data, file)
        text, said = made.text, made.lines
    else:
        text = scaffold() if template is None else template_text(template, file)
    atomic_write(file, [text.encode()])
    for line in said:
        click.echo(line, err=True)
    click.echo(f"Next: fittool preview {file}   then   fittool train {file}", err=True)
    click.echo(file)
