"""Measuring a trained run on data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, Problem
from fittool.experiment.building.data import Data, left_out, skipped_in_words
from fittool.experiment.building.data_sources import check_shapes, local_path, open_given
from fittool.experiment.building.data_warnings import said_by_source
from fittool.experiment.own_data import own_data
from fittool.experiment.test_time_augmentation import TestTimeAugmentation
from fittool.experiment.trained_run import TrainedRun
from fittool.model.target_forms import target_forms
from fittool.nn.objectives import check_objectives
from fittool.training import evaluation as training
from fittool.training.display.progress import NullProgress, Progress


def evaluate(
    run: TrainedRun,
    *,
    on: Literal["train", "validation"] = "validation",
    path: str | Path | None = None,
    views: int = 1,
    accept_changes: bool = False,
    warn: Callable[[str], object] = str,
    progress: Progress | None = None,
) -> dict[str, float]:
    """Loss and metrics of a run.

    Args:
        run: The run with the checkpoint to measure.
        on: Which part of the run's own data.
        path: Other data instead: a folder, CSV or npz like those that it was trained on, or the address of one.
        views: Each output is the mean for the sample as it is and for this many less one augmented copies of it.
        accept_changes: Whether own data that are no longer those trained with are only warned of.
        progress: Shows how far it is; by default nobody.
        warn: Given a sentence about such data, and about files that cannot be read and are left out.

    Returns:
        `loss` first, then the metrics.

    Raises:
        DataError: The data are missing, do not fit the network, or are no longer those that the run was trained with.
        CheckpointError: The run has no validation data.
        UsageError: Several views are asked for, but the run has no augmentation.
    """
    if path is None:
        data, skipped = own_data(run, on, accept_changes=accept_changes, warn=warn)
    else:
        data, skipped = _other_data(run, path)
    if skipped:
        warn(skipped_in_words(skipped))
    for text in () if path is None else said_by_source(data):
        warn(text)
    check_shapes(run, data)
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
    return training.evaluate(engine, loader, None, (), model, progress or NullProgress(), step=asked.update_metrics)


def _other_data(run: TrainedRun, path: str | Path) -> tuple[Data, Sequence[Problem]]:
    data = open_given(run, local_path(path), labelled=True)
    return data, left_out(data)
