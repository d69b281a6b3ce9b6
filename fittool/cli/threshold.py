"""fittool threshold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from fittool.cli.completion import completing, criteria
from fittool.cli.options import checkpoint_option, debug_option, experiment_option, other_data_option, run_argument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fittool.experiment.answers.decisions import Decisions


@click.command()
@run_argument
@click.option(
    "--for",
    "criterion",
    metavar="METRIC",
    shell_complete=completing(criteria),
    help="What it is to be best by: f1, balanced_accuracy, precision@0.9 (the most recall with that precision), recall@0.9 (the "
    "most precision with that recall), or cost(1,5) (what a false alarm and a miss cost).",
)
@click.option("--show", is_flag=True, help="Only tell what was chosen.")
@checkpoint_option
@experiment_option
@other_data_option
@debug_option
def threshold(
    run: Path,
    criterion: str | None,
    show: bool,
    checkpoint: Literal["best", "last", "final"],
    experiment: Path | None,
    accept_changes: bool,
) -> None:
    """Choose where a probability becomes a yes.

    For one of two classes, or labels that hold or not. The threshold that is best on the run's validation data is kept in the run
    (threshold.json), for evaluate and predict. Prints a line for each label: its name and its threshold.
    """
    from fittool.cli.exit import show_warnings
    from fittool.errors import Problem, UsageError
    from fittool.experiment.answers.decisions import keep_decisions, kept_decisions, stale_decisions
    from fittool.experiment.results.choosing import choose_thresholds
    from fittool.experiment.trained_run import open_trained
    from fittool.training.display.choose import live_walk

    def warn(text: str) -> None:
        show_warnings([Problem(text)])

    if show == (criterion is not None):
        raise UsageError("Give --for METRIC to choose, such as --for f1, or --show to see what was chosen; one of the two.")
    trained = open_trained(run, checkpoint=checkpoint, experiment=experiment)
    for warning in trained.warnings:
        warn(warning)
    if criterion is None:
        chosen = kept_decisions(trained)
        if (stale := stale_decisions(trained)) is not None:
            warn(stale)
    else:
        with live_walk() as progress:
            chosen = choose_thresholds(trained, criterion, accept_changes=accept_changes, warn=warn, progress=progress)
        if (warning_of_disk := keep_decisions(trained, chosen)) is not None:
            warn(warning_of_disk)
    if chosen is None:
        click.echo("No threshold was chosen for this run; a half is used.", err=True)
        return
    for name, value in chosen.thresholds.items():
        click.echo(f"{name} {value:.6g}")
    for line in _lines(chosen):
        click.echo(line, err=True)


def _lines(chosen: Decisions) -> Iterator[str]:
    """What was chosen by, and what it changes."""
    from fittool.cli.evaluation_text import temperature_line

    if chosen.thresholds:
        yield f"Chosen on {chosen.data} data of epoch {chosen.epoch} for {chosen.criterion}."
    figures = chosen.figures.get("threshold", {})
    for before, after in zip(*(figures.get(one, {}).get("per_class", []) for one in ("before", "after")), strict=False):
        told = ", ".join(f"{name} {before[name]:.4f} → {after[name]:.4f}" for name in ("precision", "recall", "f1"))
        yield f"{after['name']}: {told}"
    if chosen.temperature != 1:
        reliability = chosen.figures.get("temperature", {})
        yield temperature_line(chosen.temperature, reliability.get("before"), reliability.get("after"))
