"""What the report of a run shows, gathered from its directory and from measuring it once more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fittool.errors import CheckpointError, DataError, FittoolError, UserCodeError
from fittool.experiment.building.data import Data
from fittool.experiment.evaluate import Measured, measure
from fittool.experiment.own_data import own_data
from fittool.experiment.reporting.importance import importance_of
from fittool.experiment.reporting.mistakes import worst_mistakes
from fittool.experiment.reporting.past import (
    columns_told,
    data_told,
    last_epoch,
    overrides_in,
    settings_of,
    times_of,
    warnings_in,
)
from fittool.experiment.reporting.seen import seen_of
from fittool.experiment.results.beside import baselines_beside
from fittool.experiment.results.evaluation import evaluation_of, keep_evaluation
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.graph import LayerRow
from fittool.report.pages.contents import RunReport, Seen
from fittool.runs.listing.find import run_at
from fittool.runs.listing.summary import RunSummary
from fittool.training.display.progress import Progress

_MOST_POINTS = 1500


@dataclass(frozen=True)
class Gathering:
    """The way a report is gathered.

    Attributes:
        accept_changes, warn, progress: As of `measure`.
        known: The parts of the data that are open already, `train` and `validation`.
    """

    accept_changes: bool = False
    warn: Callable[[str], object] = str
    progress: Progress | None = None
    known: Mapping[str, Data] = field(default_factory=dict)


def report_of(run: TrainedRun, way: Gathering | None = None) -> RunReport:
    """Gather a report; the run is measured on its validation data, else on what it was trained with.

    Args:
        run: The run.
        way: How it is gathered.

    Raises:
        CheckpointError: A file of the run is damaged.
    """
    way = Gathering() if way is None else way
    directory = run.directory
    found = run_at(directory.path)
    if found is None:
        raise CheckpointError("is not a run directory any more.", place=str(directory.path))
    summary = RunSummary.of(found)
    layers = run.graph.describe()
    measured, evaluation, notes = _evaluated(run, summary, way)
    seen = _seen(run, way, notes)
    rows, environment = directory.metrics.rows(), directory.read_environment()
    log = directory.paths.log
    return RunReport(
        name=str(run.loaded.experiment.name),
        summary=summary,
        epochs=last_epoch(run.loaded.experiment),
        rows=rows,
        evaluation=evaluation,
        layers=[_layer(row) for row in layers],
        sums=f"{run.graph.parameter_count:,} parameters, {sum(row.flops for row in layers):,} FLOPs a sample.",
        environment=environment,
        settings=settings_of(run.loaded),
        overrides=overrides_in(environment),
        data=data_told(run, environment),
        columns=columns_told(run),
        times=times_of(run.loaded.experiment, rows, environment.get("samples", {}).get("train")),
        warnings=warnings_in(log.read_text("utf-8", "replace") if log.exists() else ""),
        notes=notes,
        mistakes=[] if measured is None else worst_mistakes(run, measured),
        importance=None if measured is None else importance_of(run, measured),
        seen=seen,
        points=[] if measured is None else _points(evaluation, measured),
    )


def _evaluated(run: TrainedRun, summary: RunSummary, way: Gathering) -> tuple[Measured | None, dict[str, Any] | None, list[str]]:
    """What was measured, its evaluation, which is kept, and what could not be done."""
    validates = "validation" in way.known or run.directory.paths.validation.exists() or _validates(run)
    on: Literal["validation", "train"] = "validation" if validates else "train"
    changes, warn, known = way.accept_changes, way.warn, way.known.get(on)
    try:
        measured = measure(run, on=on, accept_changes=changes, warn=warn, progress=way.progress, known=known)
    except (DataError, CheckpointError) as error:
        kept = summary.evaluation()
        told = "The figures are those that evaluate kept." if kept is not None else "So there are no figures by class."
        return None, kept, [f"The run could not be measured here: {error.problems[0]} {told}"]
    evaluation = evaluation_of(run, on, measured)
    evaluation["baselines"] = baselines_beside(run, on, measured, evaluation, way.known.get("train"))
    notes = (
        [] if on == "validation" else ["The run has no validation data: all figures are of the data that it was trained with."]
    )
    try:
        keep_evaluation(run, evaluation)
    except FittoolError as error:
        way.warn(f"evaluation.json is not kept: {error}")
    return measured, evaluation, notes


def _seen(run: TrainedRun, way: Gathering, notes: list[str]) -> Seen | None:
    """Samples as the network saw them; a note where the data are not what they were."""
    try:
        train = way.known.get("train") or own_data(run, "train", accept_changes=way.accept_changes)[0]
        return seen_of(run, train)
    except (DataError, CheckpointError, UserCodeError) as error:
        if not notes:
            notes.append(f"The training samples cannot be shown: {error.problems[0]}")
        return None


def _validates(run: TrainedRun) -> bool:
    return any(name.startswith("val_") for row in run.directory.metrics.rows()[:1] for name in row)


def _points(evaluation: dict[str, Any] | None, measured: Measured) -> list[tuple[float, float]]:
    if evaluation is None or evaluation.get("kind") != "numbers" or len(evaluation.get("targets", ())) != 1:
        return []
    said, true = measured.samples.outputs[0].reshape(-1), measured.samples.targets[0].reshape(-1)
    step = max(1, len(said) // _MOST_POINTS)
    return [(float(one), float(other)) for one, other in zip(true[::step], said[::step], strict=True)]


def _layer(row: LayerRow) -> tuple[str, ...]:
    return row.name, row.kind, " × ".join(map(str, row.output_shape)) or "1", f"{row.parameters:,}", f"{row.flops:,}"
