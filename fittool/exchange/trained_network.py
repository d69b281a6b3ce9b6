"""A trained network as every format takes it: the graph, its weights, and how its inputs and outputs are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.data.tables.encoder import TableEncoder
from fittool.errors import CheckpointError, Problem
from fittool.nn.graph import Graph, Node
from fittool.nn.objectives import Objectives
from fittool.nn.optimizers import Optimizer
from fittool.nn.output_targets import OutputTargets
from fittool.nn.shapes import Shape

Logits = Literal["sigmoid", "softmax"]
"""The function that makes probabilities of an output that holds logits."""


class ExportError(CheckpointError):
    """A format cannot hold the network; the text names the layer or setting, and says where it stands."""


@dataclass(frozen=True)
class InputForm:
    """The form of one input array.

    Attributes:
        name: Of the input.
        shape: Of one sample.
        dtype: Of the values that were learnt from: uint8 or float32.
    """

    name: str
    shape: Shape
    dtype: str


@dataclass(frozen=True)
class OutputForm:
    """The reading of one output.

    Attributes:
        kind: Whether a sample is of one of several classes, each of several labels holds or not, or there are numbers.
        names: Of the classes, labels or numbers; empty where they have none.
        logits: The function that makes probabilities of it, or None.
        both: How two columns are made of one, where one output tells two classes apart: as a probability of the second, or as a
            score that is on one side of zero; None: it has a column for each class.
        are_probabilities: Whether its columns are probabilities then.
        thresholds: (K,) above which a label holds, or the second of two classes is predicted; empty: none was chosen.
        temperature: What the logits of probabilities are divided by.
        targets: The scale of numbers.
    """

    kind: Literal["classes", "labels", "numbers"]
    names: tuple[str, ...] = ()
    logits: Logits | None = None
    both: Literal["probability", "score"] | None = None
    are_probabilities: bool = False
    thresholds: tuple[float, ...] = ()
    temperature: float = 1.0
    targets: OutputTargets = field(default_factory=OutputTargets)


@dataclass(frozen=True)
class TrainingForm:
    """The way in which a network was trained, for tools that train it on.

    Attributes:
        optimizer: Moves the weights.
        learning_rate: The rate that it has come to.
        objectives: Losses and metrics of each output.
    """

    optimizer: Optimizer
    learning_rate: float
    objectives: Objectives


@dataclass(frozen=True)
class TrainedNetwork:
    """A network with its weights.

    Attributes:
        graph: The layers.
        weights: By `<layer>/<weight>`, each (*shape) float32 in Keras's layout.
        inputs: One for each input of the graph, in order.
        outputs: By the outputs' names.
        facts: Of the run, for the files' metadata, plain data by name; no paths and no times.
        encoder: What makes features of a table's columns, which are the last input then; None: no table.
        missing: Words that stand for a gap in a table, folded.
        training: How it was trained; None where nobody trains it on.
    """

    graph: Graph
    weights: Mapping[str, NDArray[np.float32]]
    inputs: tuple[InputForm, ...]
    outputs: Mapping[str, OutputForm]
    facts: Mapping[str, Any] = field(default_factory=dict)
    encoder: TableEncoder | None = None
    missing: frozenset[str] = frozenset()
    training: TrainingForm | None = None

    def weights_of(self, node: Node) -> dict[str, NDArray[np.float32]]:
        """The weights that a layer uses, its own or those that it shares, by their own names."""
        return {one.name: self.weights[f"{node.owner}/{one.name}"] for one in node.with_weights().parameters}


def as_text(name: str) -> str:
    """A name as files of other tools can hold it: bytes of a file's name that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode()


def place_of(node: Node) -> str:
    """A layer and where it stands: `layer 3 (Dense "head")`."""
    return f'layer {node.index} ({node.layer.public_name()} "{node.name}")'


def refusal(node: Node, text: str) -> ExportError:
    """The refusal of a layer, with its name and place in front of the reason."""
    return ExportError(Problem(f"{place_of(node)}: {text}"))
