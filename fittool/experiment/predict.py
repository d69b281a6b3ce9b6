"""Predictions of a trained run for files, folders, tables and arrays, and for the run's own data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array, Batch
from fittool.data.dataset import Dataset
from fittool.data.files import existing_file
from fittool.data.loading.good_samples import GoodSamples
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, Problem, UsageError
from fittool.experiment.answers.decisions import decide
from fittool.experiment.answers.predictions import Predictions
from fittool.experiment.answers.truth import truth_of
from fittool.experiment.building.data_sources import (
    context_of,
    kept_cells,
    local_path,
    open_given,
    open_images,
    source_of_inputs,
)
from fittool.experiment.building.data_warnings import bad_rows_of, said_by_source
from fittool.experiment.own_data import own_data
from fittool.experiment.test_time_augmentation import TestTimeAugmentation
from fittool.experiment.trained_run import TrainedRun
from fittool.training import evaluation as training
from fittool.training.display.progress import NullProgress, Progress

OnBad = Literal["error", "skip", "empty"]


@dataclass(frozen=True)
class _Part:
    """Some samples that are loaded together.

    Attributes:
        data: The samples; damaged ones among them are noted.
        kept: The cells of the columns that are passed through.
        warnings: Things that a user should know of the samples.
    """

    data: GoodSamples
    kept: Mapping[str, list[str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Bad:
    """An input of which nothing can be read.

    Attributes:
        name: As the user gave it.
        problems: Why.
    """

    name: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Rows:
    """Rows that were predicted together.

    Attributes:
        names: Of the N inputs.
        is_bad: (N,) which of them could not be read, so that their outputs say nothing.
        outputs: (N, …) for each output of the network; None where nothing could be read.
        targets: (N, …) for each output, where they are wanted.
        kept: N cells of each column that is passed through.
        problems: What is wrong with the bad ones.
        warnings: Things that a user should know of the samples.
    """

    names: list[str]
    is_bad: NDArray[np.bool_]
    outputs: tuple[NDArray[np.float32], ...] | None
    targets: tuple[Array, ...] = ()
    kept: Mapping[str, list[str]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def predict(
    run: TrainedRun,
    paths: Sequence[str | Path] = (),
    *,
    on: Literal["train", "validation"] | None = None,
    views: int = 1,
    on_bad: OnBad = "error",
    keep: Sequence[str] = (),
    accept_changes: bool = False,
    progress: Progress | None = None,
) -> Predictions:
    """Predict everything that some paths hold; what cannot be read is told, and all the rest predicted.

    Args:
        run: The run with the checkpoint to use.
        paths: Image files, folders of images, CSV, npz or npy files, or addresses of these.
        on: A part of the run's own data instead; the truth is told beside the predictions.
        views: Each output is the mean for the sample as it is and for this many less one augmented copies of it.
        on_bad: `empty` gives inputs that cannot be read, such as rows of a table, rows without an answer; else they have none.
        keep: Columns of CSV files that are passed through, beside those that the run takes for identifiers.
        accept_changes: Whether own data that are no longer those trained with are only warned of.
        progress: Shows how far it is; by default nobody.

    Raises:
        UsageError: Several views are asked for, but the run has no augmentation; a column is to be kept of what is no table.
        DataError: Nothing can be read at all, and bad inputs are errors; holds every reason. Or own data are no longer those
            that the run was trained with.
    """
    rows = predicted_rows(run, paths, on=on, views=views, keep=keep, accept_changes=accept_changes, progress=progress)
    return as_predictions(run, rows, on_bad, keep)


def predicted_rows(
    run: TrainedRun,
    paths: Sequence[str | Path] = (),
    *,
    on: Literal["train", "validation"] | None = None,
    views: int = 1,
    keep: Sequence[str] = (),
    accept_changes: bool = False,
    progress: Progress | None = None,
) -> list[Rows]:
    """The outputs for everything that some paths hold; arguments and errors as of `predict`."""
    model = run.model()
    tta = TestTimeAugmentation(run, model.network.for_predictions(), views)
    parts = _own_part(run, on, accept_changes=accept_changes) if on is not None else _parts_at(run, paths, keep)
    rows = [_rows_of(run, part, tta, progress or NullProgress(), with_targets=on is not None) for part in parts]
    model.network.close()
    return rows


def _rows_of(run: TrainedRun, part: _Part | _Bad, tta: TestTimeAugmentation, progress: Progress, *, with_targets: bool) -> Rows:
    """Predict a part of the inputs."""
    if isinstance(part, _Bad):
        return Rows([part.name], np.ones(1, bool), None, problems=part.problems)
    targets: list[tuple[Array, ...]] = []

    def outputs_of(batch: Batch) -> tuple[NDArray[np.float32], ...]:
        if with_targets:
            targets.append(batch.targets)
        return tta.batch_outputs(batch)

    data, count = part.data, len(part.data)
    outputs = tuple(training.predict(tta.engine, run.loader(data), outputs_of=outputs_of, progress=progress))
    is_bad = np.isin(np.arange(count), list(data.bad))
    return Rows(
        [data.describe(index) for index in range(count)],
        is_bad,
        None if is_bad.all() else outputs,
        tuple(np.concatenate(one) for one in zip(*targets, strict=True)),
        part.kept,
        tuple(data.bad[index] for index in sorted(data.bad)),
        part.warnings,
    )


def as_predictions(run: TrainedRun, rows: Sequence[Rows], on_bad: OnBad, keep: Sequence[str]) -> Predictions:
    """All rows as predictions, or those alone that have an answer."""
    bad = tuple(problem for part in rows for problem in part.problems)
    like = next((part.outputs for part in rows if part.outputs is not None), None)
    if like is None:
        if on_bad == "error" or not bad:
            raise DataError(bad or [Problem("There is nothing to predict.")])
        like = tuple(np.zeros((0, *shape), np.float32) for shape in run.graph.output_shapes.values())
    is_bad = np.concatenate([part.is_bad for part in rows])
    wanted = np.ones(len(is_bad), bool) if on_bad == "empty" else ~is_bad
    filled = [part.outputs or tuple(np.zeros((len(part.names), *one.shape[1:]), one.dtype) for one in like) for part in rows]
    columns = [np.concatenate(pieces)[wanted] for pieces in zip(*filled, strict=True)]
    answers = decide(run, dict(zip(run.graph.outputs, columns, strict=True)))
    targets = [np.concatenate(pieces)[wanted] for pieces in zip(*(part.targets for part in rows), strict=True)]
    passed = dict.fromkeys((*(name for part in rows for name in part.kept), *keep))
    kept = {name: [cell for part in rows for cell in part.kept.get(name, [""] * len(part.names))] for name in passed}
    return Predictions(
        _choose([name for part in rows for name in part.names], wanted),
        answers,
        bad,
        is_bad[wanted] if is_bad[wanted].any() else None,
        truth_of(answers, targets) if targets else None,
        {name: _choose(cells, wanted) for name, cells in kept.items()},
        tuple(Problem(text) for part in rows for text in part.warnings),
    )


def _choose(texts: Sequence[str], wanted: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(text for text, is_wanted in zip(texts, wanted.tolist(), strict=True) if is_wanted)


def _own_part(run: TrainedRun, on: Literal["train", "validation"], *, accept_changes: bool) -> Iterator[_Part]:
    """A part of the run's own data."""
    said: list[str] = []
    data, _ = own_data(run, on, accept_changes=accept_changes, warn=said.append)
    if isinstance(data, GeneratorData):
        raise UsageError("--on needs samples that can be counted, which a generator cannot offer. Give paths instead.")
    data = run.on_its_scale(data, said.append)
    yield _Part(GoodSamples(data), warnings=tuple(said))


def _parts_at(run: TrainedRun, paths: Sequence[str | Path], keep: Sequence[str]) -> Iterator[_Part | _Bad]:
    """The samples at some paths; neighbouring image files together."""
    images: list[str] = []
    for given in paths:
        try:
            path = local_path(given)
            is_image = source_of_inputs(run.loaded.experiment.data.train, path) is None
            if is_image and not keep:
                images.append(str(existing_file(path)))
                continue
            yield from _image_part(run, images)
            images = []
            yield _scale_part(run, open_given(run, path, labelled=False), kept_cells(run, path, keep))
        except DataError as error:
            yield from _image_part(run, images)
            images = []
            yield _Bad(str(given), error.problems)
    yield from _image_part(run, images)


def _image_part(run: TrainedRun, images: list[str]) -> Iterator[_Part | _Bad]:
    """Image files, if there are any."""
    if images:
        yield _scale_part(run, open_images(images, replace(context_of(run, labelled=False), on_bad_file="error")), {})


def _scale_part(run: TrainedRun, data: Dataset, kept: Mapping[str, list[str]]) -> _Part:
    """Given samples on the scale of those that the run has learnt from, with what is said about them.

    Raises:
        DataError: They are on another scale, and how to bring them to it is not certain.
    """
    said = list(said_by_source(data))
    bad = bad_rows_of(data)
    data = run.on_its_scale(data, said.append)
    return _Part(GoodSamples(data, bad), kept, tuple(said))
