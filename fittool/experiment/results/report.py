"""What the report of a run shows, gathered from its directory and from measuring it once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fittool.errors import CheckpointError, DataError, FittoolError
from fittool.experiment.evaluate import Measured, measure
from fittool.experiment.results.beside import baselines_beside
from fittool.experiment.results.evaluation import evaluation_of, keep_evaluation
from fittool.experiment.results.importance import importance_of
from fittool.experiment.results.mistakes import worst_mistakes
from fittool.experiment.show import expand_yaml
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.graph import LayerRow
from fittool.report.pages.contents import RunReport
from fittool.runs.listing.find import run_at
from fittool.runs.listing.summary import RunSummary
from fittool.training.display.progress import Progress

_MOST_POINTS = 1500


def report_of(
    run: TrainedRun, *, accept_changes: bool = False, warn: Callable[[str], object] = str, progress: Progress | None = None
) -> RunReport:
    """Gather a report; the run is measured on its validation data, else on what it was trained with.

    Args:
        run: The run.
        accept_changes, warn, progress: As of `measure`.

    Raises:
        CheckpointError: A file of the run is damaged.
    """
    directory = run.directory
    found = run_at(directory.path)
    if found is None:
        raise CheckpointError("is not a run directory any more.", place=str(directory.path))
    summary = RunSummary.of(found)
    layers = run.graph.describe()
    measured, evaluation, notes = _evaluated(run, summary, accept_changes, warn, progress)
    return RunReport(
        str(run.loaded.experiment.name),
        summary,
        directory.metrics.rows(),
        evaluation,
        [_layer(row) for row in layers],
        f"{run.graph.parameter_count:,} parameters, {sum(row.flops for row in layers):,} FLOPs a sample.",
        directory.read_environment(),
        expand_yaml(run.loaded, defaults=False) if run.loaded.experiment.model.layers is not None else "",
        _warnings(directory.paths.log.read_text("utf-8", "replace") if directory.paths.log.exists() else ""),
        notes,
        [] if measured is None else worst_mistakes(run, measured),
        None if measured is None else importance_of(run, measured),
        [] if measured is None else _points(evaluation, measured),
    )


def _evaluated(
    run: TrainedRun, summary: RunSummary, accept_changes: bool, warn: Callable[[str], object], progress: Progress | None
) -> tuple[Measured | None, dict[str, Any] | None, list[str]]:
    """What was measured, its evaluation, which is kept, and what could not be done."""
    on: Any = "validation" if run.directory.paths.validation.exists() or _validates(run) else "train"
    try:
        measured = measure(run, on=on, accept_changes=accept_changes, warn=warn, progress=progress)
    except (DataError, CheckpointError) as error:
        kept = summary.evaluation()
        told = "The figures are those that evaluate kept." if kept is not None else "So there are no figures by class."
        return None, kept, [f"The run could not be measured here: {error.problems[0]} {told}"]
    evaluation = evaluation_of(run, on, measured)
    evaluation["baselines"] = baselines_beside(run, on, measured, evaluation)
    notes = (
        [] if on == "validation" else ["The run has no validation data: all figures are of the data that it was trained with."]
    )
    try:
        keep_evaluation(run, evaluation)
    except FittoolError as error:
        warn(f"evaluation.json is not kept: {error}")
    return measured, evaluation, notes


def _validates(run: TrainedRun) -> bool:
    return any(name.startswith("val_") for row in run.directory.metrics.rows()[:1] for name in row)


def _warnings(log: str) -> list[str]:
    """The warnings in a log, each once."""
    lines = (line.partition(" ")[2] for line in log.splitlines())
    return list(dict.fromkeys(line.removeprefix("warning: ") for line in lines if line.startswith("warning: ")))


def _points(evaluation: dict[str, Any] | None, measured: Measured) -> list[tuple[float, float]]:
    if evaluation is None or evaluation.get("kind") != "numbers" or len(evaluation.get("targets", ())) != 1:
        return []
    said, true = measured.samples.outputs[0].reshape(-1), measured.samples.targets[0].reshape(-1)
    step = max(1, len(said) // _MOST_POINTS)
    return [(float(one), float(other)) for one, other in zip(true[::step], said[::step], strict=True)]


def _layer(row: LayerRow) -> tuple[str, ...]:
    return row.name, row.kind, " × ".join(map(str, row.output_shape)) or "1", f"{row.parameters:,}", f"{row.flops:,}"
