"""Measuring a trained run on data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fittool.data.batch import Batch
from fittool.data.dataset import Dataset, Subset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, Problem
from fittool.experiment.building.data import Data, left_out, skipped_in_words
from fittool.experiment.building.data_sources import check_shapes, local_path, open_given
from fittool.experiment.building.data_warnings import bad_rows_of, left_out_rows_of, said_by_source
from fittool.experiment.own_data import own_data
from fittool.experiment.results.samples import MeasuredSamples, are_kept, intervals_of
from fittool.experiment.test_time_augmentation import TestTimeAugmentation
from fittool.experiment.trained_run import TrainedRun
from fittool.model.target_forms import target_forms
from fittool.nn.accumulators import running_values
from fittool.nn.objectives import check_objectives, metrics_by_name, with_output_targets, with_target_shapes
from fittool.nn.targets import Share
from fittool.results.bootstrap import Interval
from fittool.training import evaluation as training
from fittool.training.display.progress import NullProgress, Progress


@dataclass(frozen=True)
class Measured:
    """Loss and metrics of a run, and all that they were made of.

    Attributes:
        values: `loss` first, then the metrics.
        intervals: Of each of these; None where there are too few samples.
        samples: What the network said of each sample, and what is true.
        data: The samples.
    """

    values: dict[str, float]
    intervals: Mapping[str, Interval | None]
    samples: MeasuredSamples
    data: Data


def evaluate(
    run: TrainedRun,
    *,
    on: Literal["train", "validation"] = "validation",
    path: str | Path | None = None,
    views: int = 1,
    accept_changes: bool = False,
    warn: Callable[[str], object] = str,
    bad: Callable[[Sequence[Problem]], object] = str,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Loss and metrics of a run, `loss` first; arguments and errors as of `measure`."""
    return measure(
        run, on=on, path=path, views=views, accept_changes=accept_changes, warn=warn, bad=bad, progress=progress, details=False
    ).values


def measure(
    run: TrainedRun,
    *,
    on: Literal["train", "validation"] = "validation",
    path: str | Path | None = None,
    views: int = 1,
    accept_changes: bool = False,
    warn: Callable[[str], object] = str,
    bad: Callable[[Sequence[Problem]], object] = str,
    progress: Progress | None = None,
    details: bool = True,
    known: Data | None = None,
) -> Measured:
    """Measure a run.

    Args:
        run: The run with the checkpoint to measure.
        on: Which part of the run's own data.
        path: Other data instead: a folder, CSV or npz like those that it was trained on, or the address of one.
        views: Each output is the mean for the sample as it is and for this many less one augmented copies of it.
        accept_changes: Whether own data that are no longer those trained with are only warned of.
        progress: Shows how far it is; by default nobody.
        warn: Given a sentence about such data, and about files that cannot be read and are left out.
        bad: Given the rows of a table that cannot be read and are left out, if there are any.
        details: Whether samples are kept and intervals worked out.
        known: The part of the run's own data, where it is open already.

    Raises:
        DataError: The data are missing, do not fit the network, or are no longer those that the run was trained with.
        CheckpointError: The run has no validation data.
        UsageError: Several views are asked for, but the run has no augmentation.
    """
    skipped: Sequence[Problem] = ()
    if known is not None:
        data = known
    elif path is None:
        data, skipped = own_data(run, on, accept_changes=accept_changes, warn=warn)
    else:
        data, skipped = _other_data(run, path)
    if skipped:
        warn(skipped_in_words(skipped))
    for text in () if path is None else said_by_source(data):
        warn(text)
    check_shapes(run, data)
    data = data if isinstance(data, GeneratorData) else _good_rows(data, bad)
    data = data if isinstance(data, GeneratorData) else run.on_its_scale(data, warn)
    targets = target_forms(data, "the data")
    if not targets:
        raise DataError("The data have no targets to compare with.")
    objectives = run.loaded.experiment.compile.objectives(run.graph.outputs)
    check_objectives(objectives, targets, run.graph.output_shapes)
    model = run.model(objectives)
    engine = model.network.for_targets([one.shape for one in targets], learns=False)
    asked = TestTimeAugmentation(run, engine, views)
    loader = run.loader(data)
    samples = MeasuredSamples(details and are_kept(run.graph.output_shapes))

    def step(batch: Batch) -> None:
        samples.add(asked.update_metrics(batch), batch)

    values = training.evaluate(engine, loader, None, (), model, progress or NullProgress(), step=step)
    shares = [name for name, one in metrics_by_name(objectives).items() if isinstance(one.metric, Share)]
    measured = with_output_targets(with_target_shapes(objectives, [one.shape for one in targets]), run.numbers)
    sums = running_values(measured, run.graph.output_shapes)
    return Measured(values, intervals_of(engine, samples, sums, shares), samples, data)


def _good_rows(data: Dataset, bad: Callable[[Sequence[Problem]], object]) -> Dataset:
    """The samples without rows of a table that cannot be read, which are told.

    Raises:
        DataError: There is no other row.
    """
    left_out, rows = left_out_rows_of(data), bad_rows_of(data)
    told = sorted((*left_out, *rows.values()), key=_line_of)
    if rows and len(rows) == len(data):
        raise DataError(told)
    if told:
        bad(told)
    return Subset(data, np.setdiff1d(np.arange(len(data)), np.fromiter(rows, np.int64))) if rows else data


def _line_of(problem: Problem) -> int:
    line = problem.place.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def _other_data(run: TrainedRun, path: str | Path) -> tuple[Data, Sequence[Problem]]:
    data = open_given(run, local_path(path), labelled=True)
    return data, left_out(data)
