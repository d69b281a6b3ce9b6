"""Predictions of a trained run for files, folders, tables and arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Dataset
from fittool.data.files import existing_file
from fittool.data.targets import no_targets
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, Problem
from fittool.experiment.building.data import left_out, source_context
from fittool.experiment.building.data_sources import source_of_inputs
from fittool.experiment.building.data_warnings import said_by_source
from fittool.experiment.predictions import Predictions
from fittool.experiment.test_time_augmentation import TestTimeAugmentation
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.losses import LogitsOrProbabilities
from fittool.training import evaluation as training


def predict(run: TrainedRun, paths: Sequence[Path], *, views: int = 1) -> Predictions:
    """Predict everything that some paths hold.

    Args:
        run: The run with the checkpoint to use.
        paths: Image files, folders of images, CSV, npz or npy files.
        views: Each output is the mean for the sample as it is and for this many less one augmented copies of it.

    Raises:
        UsageError: Several views are asked for, but the run has no augmentation.
        DataError: A path is missing or unreadable, or holds inputs of another shape than the network takes.
    """
    model = run.model()
    engine = model.network.for_predictions()
    asked = TestTimeAugmentation(run, engine, views)
    names: list[str] = []
    parts: list[list[NDArray[np.float32]]] = []
    skipped: list[Problem] = []
    warnings: list[Problem] = []
    for data in _datasets(run, paths):
        _check_shapes(run, data)
        skipped.extend(left_out(data))
        warnings.extend(map(Problem, said_by_source(data)))
        data = run.on_its_scale(data, lambda text: warnings.append(Problem(text)))
        parts.append(training.predict(engine, run.loader(data), model=model, outputs_of=asked.batch_outputs))
        names.extend(data.describe(index) for index in range(len(data)))
    model.network.close()
    outputs = {name: np.concatenate(arrays) for name, *arrays in zip(run.graph.outputs, *parts, strict=True)}
    targets = () if run.reading is None else run.reading.targets
    made = _probabilities(run, outputs)
    return Predictions(tuple(names), made, _class_names(run, made), tuple(skipped), tuple(warnings), targets)


def _class_names(run: TrainedRun, outputs: Mapping[str, NDArray[np.float32]]) -> tuple[str, ...] | None:
    """The classes of the only output; outputs that no class of the training data stands for are numbered.

    With several outputs nobody knows whose the classes are.
    """
    if run.class_names is None or len(outputs) > 1:
        return None
    (output,) = outputs.values()
    count = output.shape[1] if output.ndim == 2 else len(run.class_names)
    return (*run.class_names, *(f"output_{number}" for number in range(len(run.class_names), count)))


def _datasets(run: TrainedRun, paths: Sequence[Path]) -> Iterator[Dataset]:
    """The paths' samples; neighbouring image files together."""
    trained_on = run.loaded.experiment.data.train
    context = source_context(run.loaded, run.class_names, None)
    context = replace(context, feature_names=run.feature_names, reading=run.reading, **run.image_form)
    images: list[str] = []
    for path in paths:
        source = source_of_inputs(trained_on, path)
        if source is None:
            images.append(str(existing_file(path)))
            continue
        yield from _image_files(images, context)
        images = []
        data = source.open(context)
        assert not isinstance(data, GeneratorData)  # no path is a function
        yield data
    yield from _image_files(images, context)


def _image_files(names: list[str], context: Any) -> Iterator[Dataset]:
    from fittool.data.images.image_files import files_of  # loads Pillow

    if names:
        yield files_of("", names, no_targets(None), None, context)


def _check_shapes(run: TrainedRun, data: Dataset) -> None:
    found, wanted = list(data.input_shapes.values()), list(run.graph.inputs.values())
    if found != wanted:
        shapes = (", ".join(map(str, each)) for each in (found, wanted))
        raise DataError("Inputs of shape {} were found, but the network takes {}.".format(*shapes), place=data.describe(0))


def _probabilities(run: TrainedRun, outputs: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The outputs (N, …); those of classes as a probability for each, also from logits or from the second class's alone."""
    objectives = run.loaded.experiment.compile.objectives(run.graph.outputs)
    found = {
        name: loss.probabilities(output) if isinstance(loss := objectives[name].loss, LogitsOrProbabilities) else output
        for name, output in outputs.items()
    }
    if run.class_names is None or len(outputs) > 1:
        return found if len(outputs) > 1 else outputs
    ((name, output),) = found.items()
    if output.shape[1:] == (1,) and len(run.class_names) == 2:
        return {name: np.concatenate([1 - output, output], axis=1)}
    return found
