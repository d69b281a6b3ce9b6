"""All checks of what is right each on its own: errors are raised, warnings given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.dataset import Dataset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, KeyPath, Problem
from fittool.experiment.building.transforms import Standardized
from fittool.experiment.checks.findings import Finding, Output, in_order, nodes_by_name
from fittool.experiment.checks.inputs import input_findings, input_ranges
from fittool.experiment.checks.last_layers import last_layer_findings, outputs_beyond_classes
from fittool.experiment.checks.metrics import metric_findings
from fittool.experiment.checks.sample_weights import weight_findings
from fittool.experiment.checks.targets import scale_targets, target_findings
from fittool.nn.graph import Graph
from fittool.nn.number_targets import NumberTargets
from fittool.nn.objectives import output_activations, with_target_shapes
from fittool.nn.targets import Targets


def check_sense(
    loaded: LoadedExperiment,
    network: Standardized,
    graph: Graph,
    targets: Sequence[Targets],
    train: Dataset | GeneratorData,
    validation: Dataset | GeneratorData | None,
    class_names: tuple[str, ...] | None,
    numbers: Mapping[str, NumberTargets],
) -> tuple[Problem, ...]:
    """Hold outputs, losses, metrics, weights and inputs against each other; gives the warnings.

    Args:
        loaded: The experiment.
        network: Its layers, behind those that `augmentation:` stands for.
        graph: The network.
        targets: The form of the targets of each output.
        train, validation: The data.
        class_names: The name of each class, or None.
        numbers: The names and scales of the numbers to predict.

    Raises:
        ExperimentError: Nothing can be learnt so; holds one problem for each reason.
    """
    paths = {node.name: _layer_path(loaded, network.written(node.index)) for node in graph.nodes}
    outputs = list(_outputs(loaded, graph, targets, class_names, paths))
    augmentation = loaded.experiment.any_augmentation
    ranges = {} if augmentation is not None and augmentation.preprocessing_function else input_ranges(train)
    found = in_order(
        *(last_layer_findings(scale_targets(output, numbers)) for output in outputs),
        *(outputs_beyond_classes(output) for output in outputs),
        *(metric_findings(output) for output in outputs),
        target_findings(loaded, outputs, train),
        weight_findings(loaded, train, validation),
        input_findings(graph, ranges, paths),
    )
    errors = [_place(loaded, finding) for finding in found if finding.is_error]
    if errors:
        raise ExperimentError(errors)
    return tuple(_place(loaded, finding) for finding in found)


def _place(loaded: LoadedExperiment, finding: Finding) -> Problem:
    return loaded.problem(finding.text, *finding.path)


def _layer_path(loaded: LoadedExperiment, index: int) -> KeyPath:
    """The place where a layer is written; those of a preset, at the preset."""
    return ("model", "preset") if loaded.experiment.model.layers is None else ("model", "layers", index)


def _outputs(
    loaded: LoadedExperiment,
    graph: Graph,
    targets: Sequence[Targets],
    class_names: tuple[str, ...] | None,
    paths: dict[str, KeyPath],
) -> Iterator[Output]:
    """The outputs that are layers, with what is asked of each."""
    nodes, activations = nodes_by_name(graph), output_activations(graph)
    objectives = with_target_shapes(loaded.experiment.compile.objectives(graph.outputs), [one.shape for one in targets])
    for (name, objective), form in zip(objectives.items(), targets, strict=False):
        if name in nodes:
            only = len(graph.outputs) == 1
            names = class_names if only else None
            yield Output(loaded, name, nodes[name], activations[name], objective, form, names, paths[name], only)
