"""Predictions of an ensemble: the mean of its members' answers, or of each sample that of the fold which has not seen it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from fittool.errors import CheckpointError, UsageError, shown
from fittool.experiment.answers.predictions import Predictions
from fittool.experiment.ensembles.averages import average
from fittool.experiment.predict import OnBad, Rows, as_predictions, predicted_rows
from fittool.experiment.trained_run import TrainedRun
from fittool.runs.ensemble import Kind
from fittool.training.display.progress import Progress

_COLUMN = "fold"


def predict(
    runs: Sequence[TrainedRun],
    kind: Kind,
    paths: Sequence[str | Path] = (),
    *,
    on: Literal["train", "validation"] | None = None,
    views: int = 1,
    on_bad: OnBad = "error",
    keep: Sequence[str] = (),
    accept_changes: bool = False,
    progress: Progress | None = None,
) -> Predictions:
    """Predict with all members of an ensemble; arguments and errors are those of `predict` of a run.

    Args:
        runs: The members.
        kind: Of the ensemble. With `on`, folds answer each for the samples that they were validated on, and the number of the
            fold is passed through as a column.

    Raises:
        UsageError: Folds are asked for the samples that they have learnt from.
        CheckpointError: Seeds were validated on different samples.
    """
    check_part(kind, on)
    every = [
        predicted_rows(run, paths, on=on, views=views, keep=keep, accept_changes=accept_changes, progress=progress)
        for run in runs
    ]
    if kind == "folds" and on is not None:
        rows = [_numbered(part, fold) for fold, parts in enumerate(every) for part in parts]
        return as_predictions(runs[0], rows, on_bad, (*keep, _COLUMN))
    rows = [_merge(runs, parts) for parts in zip(*every, strict=True)]
    return as_predictions(runs[0], rows, on_bad, keep)


def check_part(kind: Kind, on: str | None) -> None:
    """Refuse to ask folds for their training samples.

    Raises:
        UsageError: That is asked for.
    """
    if kind == "folds" and on == "train":
        text = "--on train of folds has no meaning: each has learnt from what others were validated on. Take --on validation"
        raise UsageError(f"{text}, which has all samples, each answered by the fold that has not seen it.")


def _numbered(rows: Rows, fold: int) -> Rows:
    return replace(rows, kept={**rows.kept, _COLUMN: [str(fold)] * len(rows.names)})


def _merge(runs: Sequence[TrainedRun], parts: Sequence[Rows]) -> Rows:
    """The same samples as all members have answered them; what one of them cannot read has no answer."""
    first = parts[0]
    if any(part.names != first.names for part in parts):
        if (refused := next((part for part in parts if part.outputs is None), None)) is not None:
            return refused
        raise CheckpointError("The runs were not validated on the same samples.", place=shown(runs[0].directory.path.parent))
    known = [part.outputs for part in parts if part.outputs is not None]
    return replace(
        first,
        is_bad=np.logical_or.reduce([part.is_bad for part in parts]),
        outputs=average(runs[0], known) if len(known) == len(parts) else None,
        problems=tuple(dict.fromkeys(problem for part in parts for problem in part.problems)),
        warnings=tuple(dict.fromkeys(text for part in parts for text in part.warnings)),
    )
