"""fittool report."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from fittool.cli.options import checkpoint_option, debug_option, experiment_option, other_data_option, run_argument


@click.command()
@run_argument
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Instead of report.html in the run.")
@checkpoint_option
@experiment_option
@other_data_option
@debug_option
def report(
    run: Path, out: Path | None, checkpoint: Literal["best", "last", "final"], experiment: Path | None, accept_changes: bool
) -> None:
    """Write one page about a run: result, curves, mistakes, network.

    One HTML file that loads nothing and holds no script; its path is printed on stdout. PNG pictures of the curves, the confusion
    matrix and the reliability are written into the run's plots. Needs the extra report.
    """
    from fittool.cli.exit import show_warnings
    from fittool.errors import Problem
    from fittool.experiment.reporting.report import Gathering, report_of
    from fittool.experiment.reporting.written import write_report
    from fittool.experiment.trained_run import open_trained
    from fittool.report.pages.page import check_packages
    from fittool.runs.output_file import check_output
    from fittool.training.display.choose import live_walk

    def warn(text: str) -> None:
        show_warnings([Problem(text)])

    check_packages("report", ("jinja2", "matplotlib"))
    if out is not None:
        check_output(out, inputs=[], endings=[".html"])
    trained = open_trained(run, checkpoint=checkpoint, experiment=experiment)
    for warning in trained.warnings:
        warn(warning)
    with live_walk() as progress:
        found = report_of(trained, Gathering(accept_changes, warn, progress))
    click.echo(write_report(trained.directory, found, warn, out))
