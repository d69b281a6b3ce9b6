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
from fittool.experiment.building.data_warnings import said_by_source
from fittool.experiment.test_time_augmentation import TestTimeAugmentation
from fittool.experiment.trained_run import TrainedRun
from fittool.nn.losses import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy


@dataclass(frozen=True)
class Predictions:
    """What a network says of N samples.

    Attributes:
        names: What each sample is called: its file, its row.
        outputs: (N, …) of the network; for classes (N, classes) probabilities.
        class_names: The name of each class, or None for numbers.
        skipped: The files that cannot be read and are left out, where the run's experiment says so.
        warnings: What else a user should know of the samples.
    """

    names: tuple[str, ...]
    outputs: NDArray[np.float32]
    class_names: tuple[str, ...] | None
    skipped: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """One mapping a sample: `input`, `prediction`, `probability` and one entry a class, or the numbers."""
        for name, output in zip(self.names, self.outputs, strict=True):
            values = [float(str(value)) for value in output.reshape(-1)]  # the shortest that is the same float32
            if self.class_names is None:
                numbers = (
                    {"prediction": values[0]} if len(values) == 1 else {f"output_{i}": value for i, value in enumerate(values)}
                )
                yield {"input": name, **numbers}
            else:
                best = int(np.argmax(values))
                classes = dict(zip(self.class_names, values, strict=True))
                yield {"input": name, "prediction": self.class_names[best], "probability": values[best]} | _apart(classes)


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
    warnings: list[Problem] = []
    for data in _datasets(run, paths):
        _check_shapes(run, data)
        skipped.extend(left_out(data))
        warnings.extend(map(Problem, said_by_source(data)))
        data = run.on_its_scale(data, lambda text: warnings.append(Problem(text)))
        for start in range(0, len(data), batch_size):
            indices = np.arange(start, min(start + batch_size, len(data)), dtype=np.int64)
            outputs.append(asked.outputs(data.load(indices)[0], indices)[0])
            names.extend(data.describe(int(index)) for index in indices)
    engine.close()
    made = _probabilities(run, np.concatenate(outputs))
    return Predictions(tuple(names), made, run.class_names, tuple(skipped), tuple(warnings))


def _datasets(run: TrainedRun, paths: Sequence[Path]) -> Iterator[Dataset]:
    """The paths' samples; neighbouring image files together."""
    trained_on = run.loaded.experiment.data.train
    context = replace(source_context(run.loaded, run.class_names, None), feature_names=run.feature_names, **run.image_form)
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
