"""fittool init."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fittool.cli.completion import completing, templates
from fittool.cli.options import debug_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=Path("experiment.yaml"))
@click.option(
    "--from", "data", type=click.Path(), metavar="DATA", help="Look at a folder, table or arrays and fit the file to them."
)
@click.option("--label", "labels", multiple=True, metavar="NAME", help="The column to predict, or several; an array of an npz.")
@click.option(
    "--pretrained",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Start from a trained network, for a folder of pictures: what `import` wrote, a run, or a file of weights.",
)
@click.option(
    "--template",
    metavar="NAME",
    shell_complete=completing(templates),
    help="Start from a ready experiment; an unknown name lists them.",
)
@debug_option
def init(file: Path, data: str | None, labels: tuple[str, ...], pretrained: Path | None, template: str | None) -> None:
    """Write a commented experiment file to start from.

    FILE is experiment.yaml by default. An existing file is never overwritten. With --from, what is written is checked as
    `fittool check` does it; where that finds something wrong, it says so and writes nothing.
    """
    from fittool.errors import UsageError

    if file.exists():
        raise UsageError(f"{file} is there already. Choose another name, or remove it.")
    if data is not None and template is not None:
        raise UsageError("--from and --template exclude each other.")
    if labels and data is None:
        raise UsageError("--label says what to predict in the data of --from.")
    if pretrained is not None and data is None:
        raise UsageError("--pretrained goes with the pictures of --from.")
    if data is None:
        _write_template(file, template)
    else:
        _write_for(data, file, labels, pretrained)
    click.echo(file)


def _write_template(file: Path, template: str | None) -> None:
    from fittool.runs.files.atomic import atomic_write
    from fittool.scaffold.scaffold import scaffold
    from fittool.scaffold.templates import template_text

    atomic_write(file, [(scaffold() if template is None else template_text(template, file)).encode()])
    if template is None:
        click.echo(f"Next: set the folder of your images in {file}   then   fittool train {file}", err=True)
    else:
        click.echo(f"Next: fittool train {file}", err=True)


def _write_for(data: str, file: Path, labels: tuple[str, ...], pretrained: Path | None) -> None:
    from fittool.cli.exit import show_warnings
    from fittool.scaffold.new_experiment import write_experiment_for

    ask = _ask if sys.stdin.isatty() and sys.stderr.isatty() else None
    made = write_experiment_for(data, file, labels, ask, pretrained)
    for line in made.scaffold.lines:
        click.echo(line, err=True)
    show_warnings(made.warnings)
    click.echo(f"{file}: {made.report.summary}", err=True)
    for line in made.report.counts:
        click.echo(f"  {line}", err=True)
    preview = f"fittool preview {file}   then   " if made.scaffold.augments else ""
    click.echo(f"Next: {preview}fittool train {file}", err=True)


def _ask(question: str, answers: Sequence[str], guess: str) -> str:
    """Ask on the terminal."""
    return str(click.prompt(question, type=click.Choice(answers), default=guess, show_choices=len(answers) <= 20, err=True))
