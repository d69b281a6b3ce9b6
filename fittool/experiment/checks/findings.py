"""The form of what checks find, and all of them in a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fittool.config.experiment_file import LoadedExperiment
from fittool.errors import KeyPath
from fittool.nn.graph import Graph, Node
from fittool.nn.losses import Loss
from fittool.nn.objectives import Objective
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
        loaded: The experiment.
        name: The output's.
        node: The layer that gives it.
        activation: The activation that it ends with, by name; None where that cannot be told.
        objective: Its loss and metrics.
        targets: The form of its targets.
        classes: The names of its classes, or None.
        layer_path: Where the layer is written.
        is_only: Whether it is the network's only output.
    """

    loaded: LoadedExperiment
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


def nodes_by_name(graph: Graph) -> dict[str, Node]:
    """The layers of a graph by their names."""
    return {node.name: node for node in graph.nodes}


def in_order(*parts: Iterator[Finding]) -> list[Finding]:
    """All findings, each text once."""
    found: dict[str, Finding] = {}
    for part in parts:
        for finding in part:
            found.setdefault(finding.text, finding)
    return list(found.values())
