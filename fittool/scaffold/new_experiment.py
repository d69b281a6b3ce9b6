"""An experiment file for somebody's data, written only once a check has found nothing wrong with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fittool.config.experiment_file import load_experiment
from fittool.errors import Problem
from fittool.experiment.check import Report, check_experiment
from fittool.runs.files.atomic import atomic_write
from fittool.scaffold.label_choice import Ask
from fittool.scaffold.pretrained import pretrained
from fittool.scaffold.scaffold import Scaffold, from_data


@dataclass(frozen=True)
class NewExperiment:
    """An experiment that was written.

    Attributes:
        scaffold: Its text, and what was found and chosen.
        report: What the check found.
        warnings: What a user should know.
    """

    scaffold: Scaffold
    report: Report
    warnings: tuple[Problem, ...]


def write_experiment_for(
    data: str, file: Path, labels: Sequence[str] = (), ask: Ask | None = None, start: Path | None = None
) -> NewExperiment:
    """Look at data, write an experiment that fits them, and check it; a file that does not pass is removed again.

    Args:
        data: A folder, a file or an address.
        file: The experiment, which is not there yet.
        labels: What is to be predicted; none: what looks like it.
        ask: Asks a person what the label is, where that is not plain.
        start: Weights of a network to start from.

    Raises:
        FittoolError: The data cannot be trained on, with all that could be found.
    """
    made = from_data(data, file, labels, ask, None if start is None else pretrained(start))
    atomic_write(file, [made.text.encode()])
    try:
        loaded = load_experiment(file)
        report = check_experiment(loaded)
    except BaseException:
        os.unlink(file)
        raise
    return NewExperiment(made, report, (*loaded.warnings, *report.warnings))
