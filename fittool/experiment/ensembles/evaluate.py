"""The figures of an ensemble: of folds over all samples, each answered by the fold that has not seen it; else of the mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fittool.data.batch import Batch
from fittool.errors import CheckpointError, Problem, UsageError, shown
from fittool.experiment.ensembles.averages import average
from fittool.experiment.ensembles.predict import check_part
from fittool.experiment.ensembles.statistics import Spread
from fittool.experiment.evaluate import Measured, measure
from fittool.experiment.results.evaluation import evaluation_of
from fittool.experiment.results.samples import MeasuredSamples, intervals_of
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.accumulators import running_values
from fittool.nn.objectives import metrics_by_name, with_output_targets, with_target_shapes
from fittool.nn.targets import Share
from fittool.results.bootstrap import Interval
from fittool.runs.ensemble import Ensemble
from fittool.training.display.progress import Progress


@dataclass(frozen=True)
class MeasuredEnsemble:
    """Loss and metrics of an ensemble.

    Attributes:
        values: `loss` first, then the metrics, over all samples.
        evaluation: The content of evaluation.json.
        spreads: Of each value, that of each member, with their mean and deviation.
    """

    values: dict[str, float]
    evaluation: dict[str, Any]
    spreads: dict[str, Spread]


def measure_ensemble(
    runs: Sequence[TrainedRun],
    ensemble: Ensemble,
    *,
    on: Literal["train", "validation"] = "validation",
    path: str | Path | None = None,
    views: int = 1,
    accept_changes: bool = False,
    warn: Callable[[str], object] = str,
    bad: Callable[[Sequence[Problem]], object] = str,
    progress: Progress | None = None,
) -> MeasuredEnsemble:
    """Measure an ensemble; arguments and errors are those of `measure` of a run.

    Args:
        runs: The members.
        ensemble: Their folder.

    Raises:
        UsageError: Folds are asked for the samples that they have learnt from.
        CheckpointError: Seeds were validated on different samples, or the outputs are too large to be kept.
    """
    check_part(ensemble.kind, on if path is None else None)
    said: dict[str, None] = {}
    told: dict[Problem, None] = {}
    every = [
        measure(
            run, on=on, path=path, views=views, accept_changes=accept_changes, warn=lambda text: said.setdefault(text),
            bad=lambda found: told.update(dict.fromkeys(found)), progress=progress,
        )
        for run in runs
    ]  # fmt: skip
    for text in said:
        warn(text)
    if told:
        bad(tuple(told))
    apart = ensemble.kind == "folds" and path is None
    _check_kept(ensemble, every)
    samples = _all_samples(every) if apart else _mean_samples(runs, ensemble, every)
    whole = _measured(runs[0], samples, every, apart)
    spreads = {name: Spread(tuple(one.values[name] for one in every)) for name in whole.values}
    name_of_data = on if path is None else Path(path).name
    evaluation = evaluation_of(runs[0], name_of_data, whole)
    evaluation |= {"run": ensemble.root.resolve().name, "epoch": None, "ensemble": ensemble.kind}
    evaluation["members"] = {name: one.plain() for name, one in spreads.items()}
    return MeasuredEnsemble(whole.values, evaluation, spreads)


def _check_kept(ensemble: Ensemble, every: Sequence[Measured]) -> None:
    if not all(len(one.samples) for one in every):
        text = "The outputs of these networks are too large to be put together. Evaluate the runs one by one."
        raise UsageError(f"{shown(ensemble.root)}: {text}")


def _all_samples(every: Sequence[Measured]) -> MeasuredSamples:
    """The samples of all folds, one after the other."""
    return MeasuredSamples(_batches=[(one.samples.outputs, _batch_of(one.samples)) for one in every])


def _mean_samples(runs: Sequence[TrainedRun], ensemble: Ensemble, every: Sequence[Measured]) -> MeasuredSamples:
    """The same samples, with the mean of what the members say."""
    first = every[0].samples
    for one in every[1:]:
        same = len(one.samples) == len(first) and all(map(np.array_equal, one.samples.targets, first.targets))
        if not same:
            raise CheckpointError("The runs were not validated on the same samples.", place=shown(ensemble.root))
    return MeasuredSamples(_batches=[(average(runs[0], [one.samples.outputs for one in every]), _batch_of(first))])


def _batch_of(samples: MeasuredSamples) -> Batch:
    one = np.zeros((len(samples), 1), np.float32)
    return Batch((one,), samples.targets, samples.sample_weight)


def _measured(run: TrainedRun, samples: MeasuredSamples, every: Sequence[Measured], apart: bool) -> Measured:
    """Loss and metrics of samples that are put together, with their intervals."""
    objectives = run.loaded.experiment.compile.objectives(run.graph.outputs)
    model = run.model(objectives)
    with ExitStack() as stack:
        stack.callback(model.network.close)
        shapes = [array.shape[1:] for array in samples.targets]
        engine = model.network.for_targets(shapes, learns=False)
        engine.reset_metrics()
        engine.update_metrics(samples.outputs, _batch_of(samples))
        values = dict(engine.metrics())
        shares = [name for name, one in metrics_by_name(objectives).items() if isinstance(one.metric, Share)]
        shaped = with_output_targets(with_target_shapes(objectives, shapes), run.numbers)
        sums = running_values(shaped, run.graph.output_shapes)
        intervals = dict(intervals_of(engine, samples, sums, shares))
    if apart:  # the networks' penalties differ, and a single engine knows its own alone
        counts = np.array([len(one.samples) for one in every], np.float64)
        loss = float(np.average([one.values["loss"] for one in every], weights=counts))
        intervals["loss"] = _moved(intervals.get("loss"), loss - values["loss"])
        values["loss"] = loss
    return replace(every[0], values=values, intervals=intervals, samples=samples)


def _moved(interval: Interval | None, by: float) -> Interval | None:
    return None if interval is None else Interval(interval.low + by, interval.high + by)
