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
from fittool.experiment.predictions import Predictions
from fittool.experiment.test_time_augmentation import TestTimeAugmentation
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.activations import sigmoid, softmax
from fittool.nn.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from fittool.training import evaluation as training

_COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}


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
    for data in _datasets(run, paths):
        _check_shapes(run, data)
        skipped.extend(left_out(data))
        parts.append(training.predict(engine, run.loader(data), model=model, outputs_of=asked.batch_outputs))
        names.extend(data.describe(index) for index in range(len(data)))
    model.network.close()
    outputs = {name: np.concatenate(arrays) for name, *arrays in zip(run.graph.outputs, *parts, strict=True)}
    outputs = _probabilities(run, outputs)
    return Predictions(tuple(names), outputs, _names_of_columns(_class_names(run), outputs), tuple(skipped))


def _names_of_columns(names: tuple[str, ...] | None, outputs: Mapping[str, NDArray[np.float32]]) -> tuple[str, ...] | None:
    """The classes' names, and `output_3` and so on for columns of the only output (N, columns) that no class has."""
    if names is None:
        return None
    (output,) = outputs.values()
    return (*names, *(f"output_{number}" for number in range(len(names), int(np.prod(output.shape[1:])))))


def _class_names(run: TrainedRun) -> tuple[str, ...] | None:
    """The classes of the only output; with several outputs nobody knows whose they are."""
    return run.class_names if len(run.graph.outputs) == 1 else None


def _datasets(run: TrainedRun, paths: Sequence[Path]) -> Iterator[Dataset]:
    """The paths' samples; neighbouring image files together."""
    trained_on = run.loaded.experiment.data.train
    context = replace(source_context(run.loaded, run.class_names, None), feature_names=run.feature_names, **_image_form(run))
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


def _image_form(run: TrainedRun) -> dict[str, Any]:
    """Image files as the network takes images, even where it was trained on arrays."""
    shape = next(iter(run.graph.inputs.values()))
    if len(shape) != 3 or shape[2] not in _COLOR_MODES:
        return {}
    return {"size": shape[:2], "color_mode": _COLOR_MODES[shape[2]]}


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
    found = {name: _from_logits(objectives[name].loss, output) for name, output in outputs.items()}
    class_names = _class_names(run)
    if class_names is None:
        return found if len(outputs) > 1 else outputs
    ((name, output),) = found.items()
    if output.shape[1:] == (1,) and len(class_names) == 2:
        return {name: np.concatenate([1 - output, output], axis=1)}
    return found


def _from_logits(loss: Loss | None, output: NDArray[np.float32]) -> NDArray[np.float32]:
    if isinstance(loss, BinaryCrossentropy) and loss.from_logits:
        return sigmoid(output)
    if isinstance(loss, SparseCategoricalCrossentropy | CategoricalCrossentropy) and loss.from_logits:
        return softmax(output)
    return output
