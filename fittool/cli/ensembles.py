"""Commands that take a directory of several runs as they take a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from fittool.experiment.answers.predictions import Predictions
    from fittool.experiment.ensembles.evaluate import MeasuredEnsemble
    from fittool.experiment.trained_run import TrainedRun
    from fittool.runs.ensemble import Ensemble

    Which = Literal["best", "last", "final"]


@dataclass(frozen=True)
class Members:
    """The runs of an ensemble, opened.

    Attributes:
        runs: In their order.
        ensemble: Their folder.
    """

    runs: Sequence[TrainedRun]
    ensemble: Ensemble

    def measure(self, **options: Any) -> MeasuredEnsemble:
        """Measure them; options as of `measure_ensemble`."""
        from fittool.experiment.ensembles.evaluate import measure_ensemble

        return measure_ensemble(self.runs, self.ensemble, **options)


def opened_members(path: Path, checkpoint: Which, experiment: Path | None, engine: str | None = None) -> Members | None:
    """The runs of an ensemble; None where a directory is none. What is to be said of their checkpoints is told."""
    from fittool.runs.ensemble import ensemble_at, members_of

    ensemble = ensemble_at(path)
    if ensemble is None:
        return None
    from fittool.cli.exit import show_warnings
    from fittool.errors import Problem
    from fittool.experiment.ensembles.averages import open_members

    runs = open_members(members_of(path), checkpoint, experiment, engine)
    show_warnings([Problem(f"{run.directory.path.name}: {text}") for run in runs for text in run.warnings])
    return Members(runs, ensemble)


def predictor_of(
    path: Path, checkpoint: Which, experiment: Path | None, engine: str | None
) -> tuple[TrainedRun, Callable[..., Predictions]]:
    """A run, or the first of an ensemble, and what predicts with it, or with all of them."""
    members = opened_members(path, checkpoint, experiment, engine)
    if members is None:
        from fittool.experiment.predict import predict
        from fittool.experiment.trained_run import open_trained

        run = open_trained(path, checkpoint=checkpoint, experiment=experiment, engine=engine)
        return run, partial(predict, run)
    from fittool.experiment.ensembles.predict import predict as predict_together

    return members.runs[0], partial(predict_together, members.runs, members.ensemble.kind)
