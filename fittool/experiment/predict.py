"""Predictions of a trained run for files, folders, tables and arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Dataset
from fittool.data.files import existing_file
from fittool.data.targets import no_targets
from fittool.data.user_code.generator_data import GeneratorData
from fittool.engines.numpy_engine.activations import ACTIVATIONS
from fittool.errors import DataError, Problem
from fittool.experiment.building.data import left_out, source_context
from fittool.experiment.building.data_sources import source_of_inputs
from fittool.experiment.test_time_augmentation import TestTimeAugmentation
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.losses import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy

_COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}


@dataclass(frozen=True)
class Predictions:
    """What a network says of N samples.

    Attributes:
        names: What each sample is called: its file, its row.
        outputs: (N, …) of the network; for classes (N, classes) probabilities.
        class_names: The name of each class, or None for numbers.
        skipped: The files that cannot be read and are left out, where the run's experiment says so.
        target_names: What the numbers are called, where a table has said so.
    """

    names: tuple[str, ...]
    outputs: NDArray[np.float32]
    class_names: tuple[str, ...] | None
    skipped: tuple[Problem, ...] = ()
    target_names: tuple[str, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping a sample: `input`, `prediction`, `probability` and one entry a class, or the numbers."""
        for name, output in zip(self.names, self.outputs, strict=True):
            values = [float(str(value)) for value in output.reshape(-1)]  # the shortest that is the same float32
            if self.class_names is None:
                yield {"input": name, **self._numbers(values)}
            else:
                best = int(np.argmax(values))
                classes = dict(zip(self.class_names, values, strict=True))
                yield {"input": name, "prediction": self.class_names[best], "probability": values[best]} | _apart(classes)

    def _numbers(self, values: list[float]) -> dict[str, float]:
        """What is predicted where there are no classes: one number, or one for each target by its name."""
        if len(values) == 1:
            return {"prediction": values[0]}
        if len(self.target_names) == len(values):
            return {
                f"target {name}" if name == "input" else name: value
                for name, value in zip(self.target_names, values, strict=True)
            }
        return {f"output_{number}": value for number, value in enumerate(values)}


def _apart(classes: dict[str, float]) -> dict[str, float]:
    """Classes whose names are those of other columns get a prefix."""
    return {f"class {name}" if name in ("input", "prediction", "probability") else name: value for name, value in classes.items()}


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
    engine = run.engine()
    asked = TestTimeAugmentation(run, engine, views)
    batch_size = max(1, run.loaded.experiment.first.batch_size)
    names: list[str] = []
    outputs: list[NDArray[np.float32]] = []
    skipped: list[Problem] = []
    for data in _datasets(run, paths):
        _check_shapes(run, data)
        skipped.extend(left_out(data))
        for start in range(0, len(data), batch_size):
            indices = np.arange(start, min(start + batch_size, len(data)), dtype=np.int64)
            outputs.append(asked.outputs(data.load(indices)[0], indices)[0])
            names.extend(data.describe(int(index)) for index in indices)
    engine.close()
    made = _probabilities(run, np.concatenate(outputs))
    targets = () if run.reading is None else run.reading.targets
    return Predictions(tuple(names), made, _names_of(run, made), tuple(skipped), targets)


def _names_of(run: TrainedRun, outputs: NDArray[np.float32]) -> tuple[str, ...] | None:
    """The names of the classes; outputs that no class of the training data stands for are numbered."""
    if run.class_names is None or outputs.ndim != 2:
        return run.class_names
    return (*run.class_names, *(f"output_{number}" for number in range(len(run.class_names), outputs.shape[1])))


def _datasets(run: TrainedRun, paths: Sequence[Path]) -> Iterator[Dataset]:
    """The paths' samples; neighbouring image files together."""
    trained_on = run.loaded.experiment.data.train
    context = source_context(run.loaded, run.class_names, None)
    context = replace(context, feature_names=run.feature_names, reading=run.reading, **_image_form(run))
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


def _probabilities(run: TrainedRun, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Outputs as one probability a class, where the network tells classes apart."""
    loss = run.loss
    if run.class_names is None:
        return outputs
    if isinstance(loss, SparseCategoricalCrossentropy | CategoricalCrossentropy | BinaryCrossentropy) and loss.from_logits:
        name = "sigmoid" if isinstance(loss, BinaryCrossentropy) else "softmax"
        ACTIVATIONS[name].forward(outputs, outputs)
    if outputs.shape[1:] == (1,) and len(run.class_names) == 2:
        return np.concatenate([1 - outputs, outputs], axis=1)
    return outputs
