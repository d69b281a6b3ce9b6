"""fittool show."""

from __future__ import annotations

from pathlib import Path

import click

from fittool.cli.options import config_argument, debug_option, set_option


@click.command()
@config_argument
@set_option
@click.option("--origin", is_flag=True, help="Say which file, line or option set each value.")
@click.option("--diff", is_flag=True, help="Only what differs from the defaults.")
@debug_option
def show(config: Path, overrides: tuple[str, ...], origin: bool, diff: bool) -> None:
    """Print the fully resolved experiment as YAML.

    Every setting is there, or with --diff those alone that are not at their defaults; presets are expanded, data paths absolute.
    fittool takes it as it is.
    """
    from fittool.cli.exit import show_warnings
    from fittool.config.experiment_file import load_experiment
    from fittool.experiment.show import expand_yaml

    loaded = load_experiment(config, overrides)
    show_warnings(loaded.warnings)
    click.echo(expand_yaml(loaded, origins=origin, defaults=not diff), nl=False)
