"""The network of an experiment, fitted to its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fittool.config.checks import placed_layer_error
from fittool.config.experiment_file import LoadedExperiment
from fittool.errors import ExperimentError
from fittool.experiment.building.transforms import Standardized
from fittool.nn.graph import Graph, LayerError, LayerProblem
from fittool.nn.layers import Layer
from fittool.nn.presets import output_for
from fittool.nn.shapes import Shape
from fittool.nn.targets import Targets


def layers_of(loaded: LoadedExperiment, targets: Targets | None, class_names: tuple[str, ...] | None) -> list[Layer]:
    """The experiment's layers; a preset is expanded to fit the targets.

    Raises:
        ExperimentError: A preset cannot know its output, as there are no targets.
    """
    model = loaded.experiment.model
    if model.layers is not None:
        return model.layers
    assert model.preset is not None
    if targets is None:
        text = "A preset takes the size of its output from the targets, but data.train has none. Write the layers out."
        raise ExperimentError(loaded.problem(text, "model", "preset"))
    units, activation = output_for(loaded.experiment.compile.main_loss, _classes(targets, class_names), _outputs(targets))
    return model.preset.expand(units, activation)


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
