"""What the checks find of a model in Python: warnings, as a setting may be tried on purpose there, each told once."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import nan

from fittool.data.class_weights import ClassWeight
from fittool.data.dataset import Dataset
from fittool.data.user_code.generator_data import GeneratorData
from fittool.errors import PACKAGE, KeyPath, SettingWarning
from fittool.model.checks.findings import Finding, Output, in_order, outputs_of
from fittool.model.checks.inputs import input_findings, input_ranges
from fittool.model.checks.last_layers import last_layer_findings, outputs_beyond_classes
from fittool.model.checks.metrics import metric_findings
from fittool.model.checks.optimizers import optimizer_findings
from fittool.model.checks.sample_weights import weight_findings
from fittool.model.checks.scaling import scaling_findings
from fittool.model.target_forms import target_forms
from fittool.nn.graph import Graph
from fittool.nn.objectives import Objectives
from fittool.nn.optimizers import Optimizer
from fittool.nn.targets import Targets

_UNKNOWN = Targets("class numbers", (), nan, nan)
"""Targets of which nothing is known yet; no comparison with NaN holds."""


@dataclass
class Doubts:
    """Warns of a model's settings.

    Attributes:
        told: What was said since the model was compiled.
    """

    told: set[str] = field(default_factory=set)

    def of_settings(self, graph: Graph, objectives: Objectives, optimizer: Optimizer) -> None:
        """Warn of what cannot be meant whatever the data are: a last activation and a loss, an optimizer on these layers."""
        self.told.clear()
        outputs = _outputs(graph, objectives, [_UNKNOWN] * len(objectives), None)
        found = optimizer_findings(graph, optimizer, ("compile", "optimizer"))
        self._warn(*(last_layer_findings(output) for output in outputs), found)

    def of_data(
        self,
        graph: Graph,
        objectives: Objectives,
        data: Dataset | GeneratorData,
        class_names: tuple[str, ...] | None,
        class_weight: ClassWeight | None,
    ) -> None:
        """Warn, before training, of all that does not fit the data, and of what was not said yet.

        Args:
            graph: The network.
            objectives: Losses and metrics of its outputs.
            data: The training data.
            class_names: The name of each class, or None.
            class_weight: The weights of classes, or None.
        """
        outputs = _outputs(graph, objectives, target_forms(data), class_names)
        loss_weights = {name: objective.loss_weight for name, objective in objectives.items() if objective.loss is not None}
        ranges, paths = input_ranges(data), _paths(graph)
        self._warn(
            *(last_layer_findings(output) for output in outputs),
            *(outputs_beyond_classes(output) for output in outputs),
            *(metric_findings(output) for output in outputs),
            weight_findings(data, None, {("class_weight",): class_weight}, loss_weights),
            input_findings(graph, ranges, paths),
            scaling_findings(graph, ranges, paths),
        )

    def _warn(self, *findings: Iterator[Finding]) -> None:
        for finding in in_order(*findings):
            text = f"{_place(finding.path)}{finding.text}"
            if text not in self.told:
                self.told.add(text)
                warnings.warn(text, SettingWarning, stacklevel=_frames_of_the_package())


def _outputs(
    graph: Graph, objectives: Objectives, targets: Iterable[Targets], class_names: tuple[str, ...] | None
) -> list[Output]:
    return list(outputs_of(graph, objectives, list(targets), class_names, _paths(graph)))


def _paths(graph: Graph) -> dict[str, KeyPath]:
    return {node.name: ("layer", node.name) for node in graph.nodes}


def _place(path: KeyPath) -> str:
    """`layer dense: `, `loss: `, `metrics: `; nothing for data and for weights, whose texts name themselves."""
    if path[:1] == ("layer",):
        return f"layer {path[1]}: "
    return f"{path[1]}: " if path[:1] == ("compile",) and path[1] != "loss_weights" else ""


def _frames_of_the_package() -> int:
    """The `stacklevel` with which the caller's warning names the line of the user that led to it."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame, level = frame.f_back, level + 1
    return level
