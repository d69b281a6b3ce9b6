"""fittool check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from fittool.cli.options import ExperimentPath, debug_option, set_option
from fittool.errors import FittoolError, Problem


@click.command()
@click.argument("configs", type=ExperimentPath(), nargs=-1, required=True, metavar="CONFIG...")
@set_option
@click.option("--data", "decode", is_flag=True, help="Also decode every sample; names all bad ones, and those in both parts.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github", "json"]),
    default="text",
    show_default=True,
    help="text for people; github: annotations that GitHub shows beside the lines; json: one object an experiment.",
)
@debug_option
def check(configs: tuple[Path, ...], overrides: tuple[str, ...], decode: bool, form: Literal["text", "github", "json"]) -> None:
    """Find everything that is wrong with experiments before training.

    Looks at the file, the data, the labels, the shapes and the memory needed. Nothing is trained or written.
    """
    checked = []
    for config in configs:
        checked.append(_check(config, overrides, decode))
        if form == "text":
            _show(checked[-1])
    if form != "text":
        _echo(checked, form)
    if codes := [one.code for one in checked if one.code]:
        raise click.exceptions.Exit(min(codes))


@dataclass(frozen=True)
class _Checked:
    """What was found of one experiment.

    Attributes:
        config: Its file.
        code: The exit code.
        errors, warnings: What was found.
        summary: The experiment in a line; "" where it is wrong.
        counts: What else there is to say.
    """

    config: Path
    code: int
    errors: Sequence[Problem]
    warnings: Sequence[Problem]
    summary: str = ""
    counts: Sequence[str] = ()


def _check(config: Path, overrides: tuple[str, ...], decode: bool) -> _Checked:
    from fittool.config.experiment_file import load_experiment

    try:
        loaded = load_experiment(config, overrides)
        # Slow to import, and not needed for a wrong file.
        from fittool.experiment.building.loading_progress import loading_shown
        from fittool.experiment.check import check_experiment
        from fittool.experiment.options import TrainOptions, verbosity

        loading = loading_shown(verbosity(loaded, TrainOptions()))
        report = check_experiment(loaded, decode=decode, loading=loading)
    except FittoolError as error:
        return _Checked(config, error.exit_code, error.problems, getattr(error, "warnings", ()))
    return _Checked(config, 0, (), (*loaded.warnings, *report.warnings), report.summary, report.counts)


def _show(checked: _Checked) -> None:
    """For people."""
    from fittool.cli.exit import show

    show(checked.errors, warnings=checked.warnings)
    if not checked.code:
        click.echo(f"{checked.config}: {checked.summary}")
        for line in checked.counts:
            click.echo(f"  {line}")


def _echo(checked: Sequence[_Checked], form: Literal["github", "json"]) -> None:
    """For machines."""
    from fittool.cli.check_formats import findings_of, github_lines
    from fittool.runs.files.json_text import to_json

    found = {str(one.config): findings_of(one.errors, one.warnings, str(one.config)) for one in checked}
    if form == "github":
        for findings in found.values():
            for line in github_lines(findings):
                click.echo(line)
        return
    rows = [
        {"config": str(one.config), "exit_code": one.code, "summary": one.summary, "findings": found[str(one.config)]}
        for one in checked
    ]
    click.echo(to_json(rows, indent=2))
