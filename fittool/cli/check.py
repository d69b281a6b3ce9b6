"""fittool check."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import ExperimentPath, debug_option, set_option


@click.command()
@click.argument("configs", type=ExperimentPath(), nargs=-1, required=True, metavar="CONFIG...")
@set_option
@click.option("--data", "decode", is_flag=True, help="Also decode every sample; names all bad ones, and those in both parts.")
@debug_option
def check(configs: tuple[Path, ...], overrides: tuple[str, ...], decode: bool) -> None:
    """Find everything that is wrong with experiments before training.

    Looks at the file, the data, the labels, the shapes and the memory needed. Nothing is trained or written.
    """
    from fittool.cli.exit import show
    from fittool.config.experiment_file import load_experiment
    from fittool.errors import FittoolError

    codes = []
    for config in configs:
        try:
            loaded = load_experiment(config, overrides)
            from fittool.experiment.building.loading_progress import loading_shown
            from fittool.experiment.check import check_experiment
            from fittool.experiment.options import (
                TrainOptions,
                verbosity,  # slow to import, and not needed for a wrong file
            )

            loading = loading_shown(verbosity(loaded, TrainOptions()))
            report = check_experiment(loaded, decode=decode, loading=loading)
        except FittoolError as error:
            show(error.problems, warnings=getattr(error, "warnings", ()))
            codes.append(error.exit_code)
            continue
        show((), warnings=(*loaded.warnings, *report.warnings))
        click.echo(f"{config}: {report.summary}")
        for line in report.counts:
            click.echo(f"  {line}")
    if codes:
        raise click.exceptions.Exit(min(codes))
