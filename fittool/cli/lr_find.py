"""fittool lr-find."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fittool.cli.options import config_argument, debug_option, engine_option, set_option

if TYPE_CHECKING:
    from fittool.config.experiment_file import LoadedExperiment
    from fittool.experiment.aids.rate_test import RateTest

_ROWS = 25
_Rate = click.FloatRange(0, min_open=True)


@click.command("lr-find")
@config_argument
@set_option
@engine_option
@click.option("--steps", type=click.IntRange(10, 100_000), default=100, show_default=True, help="Training steps.")
@click.option("--from", "lowest", type=_Rate, default=1e-6, show_default=True, metavar="RATE", help="The first rate.")
@click.option("--to", "highest", type=_Rate, default=10.0, show_default=True, metavar="RATE", help="The last rate.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("lr-find.png"),
    show_default=True,
    help="The picture; drawn where the extra report is installed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object with every step instead of the table.")
@debug_option
def lr_find(
    config: Path,
    overrides: tuple[str, ...],
    engine: str | None,
    steps: int,
    lowest: float,
    highest: float,
    out: Path,
    as_json: bool,
) -> None:
    """Find a learning rate to begin with.

    A range test: the network is trained for some steps with a rate that rises exponentially. Prints a table of rates and
    losses on stdout, and the suggestion in the last line. Nothing of the experiment is changed, and no run is left.
    """
    from fittool.cli.exit import show_warnings
    from fittool.config.experiment_file import engine_override, load_experiment
    from fittool.config.yaml.file_references import input_files
    from fittool.errors import UsageError
    from fittool.report.live_page import extra_is_there
    from fittool.runs.output_file import check_output

    if lowest >= highest:
        raise UsageError(f"--from must be below --to, got {lowest:g} and {highest:g}.")
    loaded = load_experiment(config, (*overrides, *engine_override(engine)))
    if draws := extra_is_there():
        check_output(out, inputs=input_files(loaded.root, loaded.resolved), endings=[".png"])
    show_warnings(loaded.warnings)
    test = _played(loaded, steps, lowest, highest)
    if as_json:
        _echo_json(test)
    else:
        _echo_table(test)
    _echo_suggestion(test, loaded, config)
    if draws:
        _draw(test, out)
    else:
        click.echo("No picture is drawn: that needs the extra report, pip install 'fittool[report]'.", err=True)


def _played(loaded: LoadedExperiment, steps: int, lowest: float, highest: float) -> RateTest:
    from fittool.experiment.aids.rate_test import find_rate
    from fittool.experiment.building.loading_progress import loading_shown
    from fittool.training.display.choose import live_walk

    with live_walk() as progress:
        return find_rate(loaded, lowest=lowest, highest=highest, steps=steps, loading=loading_shown("auto"), progress=progress)


def _echo_table(test: RateTest) -> None:
    """So many rows, evenly over the steps, the last one with them; then the suggestion."""
    from fittool.cli.tables import Column, echo_table
    from fittool.training.display.formatting import number

    count = len(test.rates)
    every = sorted({round(place * (count - 1) / max(_ROWS - 1, 1)) for place in range(_ROWS)})
    echo_table(
        [
            Column("step", [str(place + 1) for place in every], is_number=True),
            Column("rate", [f"{test.rates[place]:.2e}" for place in every], is_number=True),
            Column("loss", [number(float(test.losses[place])) for place in every], is_number=True),
            Column("smoothed", [number(float(test.smoothed[place])) for place in every], is_number=True),
        ]
    )
    click.echo(f"suggestion {'none' if test.suggestion is None else f'{test.suggestion:g}'}")


def _echo_json(test: RateTest) -> None:
    from fittool.experiment.aids.rate_test import RULE
    from fittool.runs.files.json_text import to_json

    rows = zip(test.rates.tolist(), test.losses.tolist(), test.smoothed.tolist(), strict=True)
    found = {
        "suggestion": test.suggestion,
        "rule": RULE,
        "diverged": test.diverged,
        "steps": [dict(zip(("rate", "loss", "smoothed"), row, strict=True)) for row in rows],
    }
    click.echo(to_json(found, indent=2))


def _echo_suggestion(test: RateTest, loaded: LoadedExperiment, config: Path) -> None:
    """What the suggestion means and how to use it, for people."""
    import shlex

    from fittool.errors import visible
    from fittool.experiment.aids.rate_test import RULE, setting_for

    if test.diverged:
        click.echo(f"The test ended at a learning rate of {test.rates[-1]:.2g}, where the loss had risen too far.", err=True)
    if test.suggestion is None:
        click.echo("The loss never fell, so there is nothing to suggest. More --steps, or other data, may show more.", err=True)
        return
    click.echo(f"suggested: {RULE}", err=True)
    setting = f"{setting_for(loaded)}={test.suggestion:g}"
    click.echo(f"Next: fittool train {visible(shlex.quote(str(config)))} --set {setting}", err=True)


def _draw(test: RateTest, out: Path) -> None:
    from fittool.report.plots import rate_plot
    from fittool.runs.files.atomic import atomic_write

    atomic_write(out, [rate_plot(test.rates.tolist(), test.losses.tolist(), test.smoothed.tolist(), test.suggestion)])
    click.echo(f"picture: {out}", err=True)
