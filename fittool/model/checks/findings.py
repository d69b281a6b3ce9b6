"""The form of what checks find, and all of them in a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fittool.errors import KeyPath
from fittool.nn.graph import Graph, Node
from fittool.nn.losses import Loss
from fittool.nn.objectives import Objective, Objectives, output_activations, with_target_shapes
from fittool.nn.shapes import Shape
from fittool.nn.targets import Targets


@dataclass(frozen=True)
class Finding:
    """Something that cannot be meant, or may not be.

    Attributes:
        text: What it is, and the mend.
        path: The setting.
        is_error: Whether nothing can be learnt so; else it may be meant, and is a warning.
    """

    text: str
    path: KeyPath
    is_error: bool = False


@dataclass(frozen=True)
class Output:
    """One output of a network, with what is asked of it.

    Attributes:
        name: The output's.
        node: The layer that gives it.
        activation: The activation that it ends with, by name; None where that cannot be told.
        objective: Its loss and metrics.
        targets: The form of its targets.
        classes: The names of its classes, or None.
        layer_path: Where the layer is written.
        is_only: Whether it is the network's only output.
    """

    name: str
    node: Node
    activation: str | None
    objective: Objective
    targets: Targets
    classes: tuple[str, ...] | None
    layer_path: KeyPath
    is_only: bool

    @property
    def shape(self) -> Shape:
        """The output's shape, without the batch axis."""
        return self.node.output_shape

    @property
    def loss(self) -> Loss | None:
        """Its loss."""
        return self.objective.loss

    @property
    def loss_path(self) -> KeyPath:
        """The place where its loss is written."""
        return ("compile", "loss") if self.is_only else ("compile", "loss", self.name)

    @property
    def end(self) -> str:
        """The end of the output, for sentences: `the network's output ends with tanh`."""
        subject = "the network's output" if self.is_only else f"output {self.name}"
        return f"{subject} ends {'without an activation' if self.activation == 'linear' else f'with {self.activation}'}"


def outputs_of(
    graph: Graph,
    objectives: Objectives,
    targets: Sequence[Targets],
    class_names: tuple[str, ...] | None,
    paths: Mapping[str, KeyPath],
) -> Iterator[Output]:
    """The outputs that are layers, with what is asked of each.

    Args:
        graph: The network.
        objectives: Losses and metrics of its outputs.
        targets: The form of the targets of each.
        class_names: The name of each class, or None.
        paths: Where each layer is written, by its name.
    """
    nodes, activations = {node.name: node for node in graph.nodes}, output_activations(graph)
    shaped = with_target_shapes(objectives, [one.shape for one in targets])
    for (name, objective), form in zip(shaped.items(), targets, strict=False):
        if name in nodes:
            only = len(graph.outputs) == 1
            yield Output(name, nodes[name], activations[name], objective, form, class_names if only else None, paths[name], only)


def in_order(*parts: Iterator[Finding]) -> list[Finding]:
    """All findings, each text once."""
    found: dict[str, Finding] = {}
    for part in parts:
        for finding in part:
            found.setdefault(finding.text, finding)
    return list(found.values())
