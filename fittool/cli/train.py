"""fittool train."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import config_argument, debug_option, set_option


@click.command()
@config_argument
@set_option
@click.option("--run-dir", type=click.Path(path_type=Path), help="Exactly this directory, instead of a new one below output.dir.")
@click.option("--engine", metavar="NAME", help="What executes the steps, instead of the file's engine: numpy or auto.")
@click.option("--smoke", is_flag=True, help="One epoch of two training batches and one validation batch; nothing is kept.")
@click.option("--verbose", type=click.Choice(["auto", "0", "1", "2"]), help="0: nothing; 1: a live bar; 2: one line an epoch.")
@click.option("--quiet", is_flag=True, help="Print nothing on success, not even the run directory.")
@click.option(
    "--require", "requirements", multiple=True, metavar="METRIC>=VALUE", help="Exit 11 if the finished run misses it. Repeatable."
)
@debug_option
def train(
    config: Path,
    overrides: tuple[str, ...],
    run_dir: Path | None,
    engine: str | None,
    smoke: bool,
    verbose: str | None,
    quiet: bool,
    requirements: tuple[str, ...],
) -> None:
    """Train the network of an experiment file.

    The last line on stdout is the run directory; progress and messages go to stderr.
    """
    from fittool.cli.leave import show_warnings
    from fittool.cli.requirements import Requirement
    from fittool.spec.checks import value_names
    from fittool.spec.experiment_file import load_experiment

    asked = [Requirement.parse(text) for text in requirements]
    if engine is not None:
        overrides = (*overrides, f"engine={engine}")
    loaded = load_experiment(config, overrides)
    for requirement in asked:
        requirement.check_name(value_names(loaded.experiment))
    if not quiet:
        show_warnings(loaded.warnings)
    from fittool.experiment.train import TrainOptions, train_experiment  # slow to import, and not needed for a wrong file

    options = TrainOptions(run_directory=run_dir, smoke=smoke, verbose=verbose, quiet=quiet)
    run = train_experiment(loaded, options)
    if not quiet and run.kept:
        click.echo(run.directory)
    for requirement in asked:
        requirement.check(run.values)
