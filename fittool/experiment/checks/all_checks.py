"""All checks of what is right each on its own: errors are raised, warnings given back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fittool.config.experiment_file import LoadedExperiment
from fittool.data.dataset import Dataset
from fittool.data.input_facts import InputFacts
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import ExperimentError, KeyPath, Problem
from fittool.experiment.building.transforms import Standardized
from fittool.experiment.checks.targets import scale_targets, target_findings
from fittool.model.checks.findings import Finding, in_order, outputs_of
from fittool.model.checks.inputs import input_findings, input_ranges
from fittool.model.checks.last_layers import last_layer_findings, outputs_beyond_classes
from fittool.model.checks.metrics import metric_findings
from fittool.model.checks.optimizers import optimizer_findings
from fittool.model.checks.sample_weights import weight_findings
from fittool.model.checks.scaling import scaling_findings
from fittool.nn.graph import Graph
from fittool.nn.output_targets import OutputTargets
from fittool.nn.targets import Targets


def check_sense(
    loaded: LoadedExperiment,
    network: Standardized,
    graph: Graph,
    targets: Sequence[Targets],
    train: Dataset | GeneratorData,
    validation: Dataset | GeneratorData | None,
    class_names: tuple[str, ...] | None,
    numbers: Mapping[str, OutputTargets],
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
    paths = _paths(loaded, network, graph)
    outputs = list(outputs_of(graph, loaded.experiment.compile.objectives(graph.outputs), targets, class_names, paths))
    augmentation = loaded.experiment.any_augmentation
    ranges = {} if augmentation is not None and augmentation.preprocessing_function else input_ranges(train)
    class_weights = {(*loaded.experiment.path_of(one), "class_weight"): one.class_weight for one in loaded.experiment.stages}
    found = in_order(
        *(last_layer_findings(scale_targets(output, numbers)) for output in outputs),
        *(outputs_beyond_classes(output) for output in outputs),
        *(metric_findings(output) for output in outputs),
        target_findings(loaded, outputs, train),
        weight_findings(train, validation, class_weights, loaded.experiment.compile.loss_weights),
        input_findings(graph, ranges, paths),
        optimizer_findings(graph, loaded.experiment.compile.optimizer, ("compile", "optimizer")),
    )
    errors = [_place(loaded, finding) for finding in found if finding.is_error]
    if errors:
        raise ExperimentError(errors)
    return tuple(_place(loaded, finding) for finding in found)


def scaling_remarks(
    loaded: LoadedExperiment, network: Standardized, graph: Graph, inputs: Sequence[InputFacts]
) -> tuple[Problem, ...]:
    """Warnings of layers that rescale inputs to what can hardly be meant; `inputs` says what each input is like."""
    ranges = dict(zip(graph.inputs, ((fact.lowest, fact.highest) for fact in inputs), strict=False))
    return tuple(_place(loaded, finding) for finding in scaling_findings(graph, ranges, _paths(loaded, network, graph)))


def _place(loaded: LoadedExperiment, finding: Finding) -> Problem:
    return loaded.problem(finding.text, *finding.path)


def _paths(loaded: LoadedExperiment, network: Standardized, graph: Graph) -> dict[str, KeyPath]:
    return {node.name: _layer_path(loaded, network.written(node.index)) for node in graph.nodes}


def _layer_path(loaded: LoadedExperiment, index: int) -> KeyPath:
    """The place where a layer is written; those of a preset, at the preset."""
    return ("model", "preset") if loaded.experiment.model.layers is None else ("model", "layers", index)
