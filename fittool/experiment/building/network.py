"""The network of an experiment, fitted to its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fittool.config.checks import placed_layer_error
from fittool.config.experiment_file import LoadedExperiment
from fittool.data.batch import Array
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import DataError, ExperimentError
from fittool.experiment.building.data import Data
from fittool.experiment.building.error_location import error_location
from fittool.experiment.building.transforms import Standardized
from fittool.nn.graph import Graph, LayerError, LayerProblem
from fittool.nn.layers import Layer
from fittool.nn.shapes import Shape
from fittool.nn.targets import Targets

if TYPE_CHECKING:
    from fittool.data.tables.encoder import TableEncoder
    from fittool.nn.layers.user_module import UserModule


def layers_of(
    loaded: LoadedExperiment,
    data: Data,
    targets: Targets | None,
    class_names: tuple[str, ...] | None,
    encoder: TableEncoder | None = None,
) -> list[Layer]:
    """The experiment's layers; a preset is expanded to fit inputs and targets.

    Args:
        loaded: The experiment.
        data: The samples to train on.
        targets: Their form.
        class_names: The name of each class, or None.
        encoder: Of a table, whose layout a preset may look at.

    Raises:
        ExperimentError: A preset cannot know its output, as there are no targets.
    """
    model = loaded.experiment.model
    if model.layers is not None:
        return model.layers
    if model.python is not None:
        return [user_module(loaded, model.python, list(data.input_shapes.values()))]
    assert model.preset is not None
    if targets is None:
        text = "A preset takes the size of its output from the targets, but data.train has none. Write the layers out."
        raise ExperimentError(loaded.problem(text, "model", "preset"))
    from fittool.nn.presets import TrainingData, output_for

    units, activation = output_for(loaded.experiment.compile.main_loss, _classes(targets, class_names), _outputs(targets))
    preset = model.preset.for_pixels() if _gives_pixels(loaded, data) else model.preset
    known = TrainingData(_samples(data), None if encoder is None else encoder.layout)
    return preset.expand_for(known, units, activation)


def _samples(data: Data) -> int | None:
    """How many samples there are to train on, where that is known."""
    return data.samples if isinstance(data, GeneratorData) else len(data)


def user_module(loaded: LoadedExperiment, reference: str, shapes: Sequence[Shape]) -> UserModule:
    """The network that the user's function makes, as one layer.

    Args:
        loaded: The experiment.
        reference: The function.
        shapes: Of the inputs, without the batch axis.

    Raises:
        ExperimentError: There is no such function, it takes other arguments, or the engine cannot take what it gives.
        UserCodeError: It failed.
    """
    from fittool.data.user_code.functions import blame, check_arguments, file_of, load_function
    from fittool.engines.registry import hold_module
    from fittool.nn.layers.user_module import HELD, UserModule
    from fittool.runs.files.json_text import to_json

    experiment, (module, _, function_name) = loaded.experiment, reference.rpartition(":")
    name = f"{Path(module).name}:{function_name}"
    with error_location(loaded, "model", "python"):
        if len(shapes) != 1:
            raise ExperimentError(f"{name}: a network in PyTorch takes one input, but data.train gives {len(shapes)}.")
        function, arguments = load_function(reference, Path()), experiment.model.arguments
        check_arguments(function, arguments, name)
        with blame(f"{name} failed", file_of(function)):
            held = hold_module(experiment.engine, lambda: function(**arguments), shapes[0], experiment.seed, name)
    key = f"{name} {to_json([arguments, list(shapes[0])]).decode()}"
    HELD[key] = held
    return UserModule(key, name="module")


def _gives_pixels(loaded: LoadedExperiment, data: Data) -> bool:
    """True where the data hold images that come to the network with pixels from 0 to 255."""
    from fittool.augmentation.standardize import standardizes

    augmentation = loaded.experiment.any_augmentation
    if augmentation is not None and (standardizes(augmentation) or augmentation.preprocessing_function is not None):
        return False
    if isinstance(data, GeneratorData):
        inputs: Sequence[Array] = data.first.inputs
    else:
        try:
            inputs = data.load(np.zeros(1, np.int64))[0]
        except DataError:  # a damaged file, which is told where all are read
            return True
    return len(inputs) == 1 and inputs[0].ndim == 4 and inputs[0].dtype == np.uint8


def _classes(targets: Targets, class_names: tuple[str, ...] | None) -> int | None:
    if class_names is not None:
        return len(class_names)
    if targets.kind == "one-hot":
        return targets.shape[-1]
    return int(targets.highest) + 1 if targets.kind == "class numbers" else None


def _outputs(targets: Targets) -> int:
    return targets.shape[-1] if targets.shape else 1


def graph_of(loaded: LoadedExperiment, network: Standardized, input_shapes: Mapping[str, Shape]) -> Graph:
    """The network for inputs of these shapes.

    Raises:
        ExperimentError: Layers do not fit each other or the data; each problem at its layer's line.
    """
    try:
        return Graph.build(network.layers, input_shapes, loaded.experiment.model.outputs)
    except LayerError as error:
        problems = [
            replace(problem, index=network.written(problem.index)) if isinstance(problem, LayerProblem) else problem
            for problem in error.problems
        ]
        raise placed_layer_error(LayerError(problems), loaded.root) from error
