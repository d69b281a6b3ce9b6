"""fittool compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fittool.cli.options import RunPath, debug_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fittool.cli.tables import Column
    from fittool.experiment.results.comparison import Comparison


@click.command()
@click.argument("runs", type=RunPath(), nargs=-1, required=True, metavar="RUN...")
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Also write one page with the curves."
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@debug_option
def compare(runs: tuple[Path, ...], page: Path | None, as_json: bool) -> None:
    """Hold runs side by side: where their experiments differ, and their results.

    Results are those of the best epoch; the best one of a line has a star. Where evaluate was called, its figures with their
    intervals follow. The page needs the extra report.
    """
    from fittool.experiment.results.comparison import compare as compared
    from fittool.runs.files.json_text import to_json

    if page is not None:
        from fittool.report.pages.page import check_packages
        from fittool.runs.output_file import check_output

        check_packages("--html")
        check_output(page, inputs=[], endings=[".html"], option="--html")
    comparison = compared(runs)
    if page is not None:
        _write_page(page, comparison)
    if as_json:
        click.echo(to_json(comparison.plain(), indent=2))
    else:
        _echo(comparison)
    if page is not None:
        click.echo(page, err=True)


def _write_page(path: Path, comparison: Comparison) -> None:
    from fittool.report.pages.comparison_page import ComparedCurves, write_comparison

    names, rows = zip(*((run.label, run.rows) for run in comparison.runs), strict=True)
    evaluations = {name: [_interval(one) for one in found] for name, found in comparison.evaluations.items()}
    compared = ComparedCurves(names, rows, comparison.differences, comparison.results, evaluations)
    warning = write_comparison(path, compared)
    if warning is not None:
        click.echo(f"warning: {warning}", err=True)


def _echo(comparison: Comparison) -> None:
    """A table with a column for each run: settings that differ, then results."""
    from fittool.cli.tables import echo_table

    rows = [*_settings(comparison), *_results(comparison), *_evaluations(comparison)]
    if not comparison.differences:
        click.echo("The experiments are the same.", err=True)
    echo_table(_columns([run.label for run in comparison.runs], rows))


def _columns(labels: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> list[Column]:
    from fittool.cli.tables import Column

    return [
        Column("", [name for name, _ in rows]),
        *(Column(label, [cells[number] for _, cells in rows]) for number, label in enumerate(labels)),
    ]


def _settings(comparison: Comparison) -> list[tuple[str, list[str]]]:
    return [(key, ["-" if value is None else _text(value) for value in values]) for key, values in comparison.differences.items()]


def _results(comparison: Comparison) -> list[tuple[str, list[str]]]:
    from fittool.runs.listing.order import best_among
    from fittool.training.display.formatting import duration, number

    summaries = [run.summary for run in comparison.runs]
    rows = [
        ("state", [one.state for one in summaries]),
        ("epochs", [f"{one.epochs:,}" for one in summaries]),
        ("time", ["-" if one.seconds is None else duration(one.seconds) for one in summaries]),
        ("best epoch", ["-" if one.best_epoch is None else f"{one.best_epoch:,}" for one in summaries]),
    ]
    for name, values in comparison.results.items():
        stars = best_among(name, values)
        cells = ["-" if value is None else number(value) + " *" * (at in stars) for at, value in enumerate(values)]
        rows.append((name, cells))
    return rows


def _evaluations(comparison: Comparison) -> list[tuple[str, list[str]]]:
    return [(f"{name} (evaluate)", [_interval(one) for one in found]) for name, found in comparison.evaluations.items()]


def _interval(found: Any) -> str:
    """`0.9561 (0.9298 to 0.9789)`."""
    from fittool.training.display.formatting import number

    if not isinstance(found, dict) or not isinstance(found.get("value"), int | float):
        return "-"
    low, high = found.get("low"), found.get("high")
    if isinstance(low, int | float) and isinstance(high, int | float):
        return f"{number(found['value'])} ({number(low)} to {number(high)})"
    return number(found["value"])


def _text(value: Any) -> str:
    from fittool.errors import shorten

    return shorten(str(value).lower() if isinstance(value, bool) else str(value))
