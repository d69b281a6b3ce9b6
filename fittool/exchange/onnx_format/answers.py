"""The end of an ONNX graph: outputs of the network as `predict` tells them.

One output of classes becomes `probabilities` (or `scores`) and `prediction`, the name; with a threshold also `decision`.
Labels become `probabilities` and `decision`; numbers `prediction`. Several outputs go by their own names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fittool.exchange.onnx_format.activations import ACTIVATIONS
from fittool.exchange.onnx_format.writer import GraphWriter, Value
from fittool.exchange.trained_network import OutputForm
from fittool.nn.output_targets import LARGEST_LOG, TargetScale
from fittool.nn.shapes import Shape
from fittool.results.calibration import LEAST
from fittool.results.thresholds import DEFAULT


@dataclass(frozen=True)
class GraphOutput:
    """An output of the graph.

    Attributes:
        name: Its name.
        dtype: `float32`, `string` or `bool`.
        shape: Without the batch axis.
        meaning: In words.
    """

    name: str
    dtype: str
    shape: Shape
    meaning: str


def write_answers(graph: GraphWriter, outputs: dict[str, tuple[Value, OutputForm]]) -> list[GraphOutput]:
    """Write the outputs of a graph, and return what they are.

    Args:
        graph: Takes the operations.
        outputs: What `write_output` made of each, by the outputs' names, and how to read it.
    """
    writer = _AnswerWriter(graph)
    single = len(outputs) == 1
    for name, (value, form) in outputs.items():
        writer.write(name, value, form, alone=single)
    return writer.outputs


def write_output(graph: GraphWriter, name: str, value: Value, form: OutputForm) -> Value:
    """Write what makes probabilities of logits, and numbers in their own unit.

    Args:
        graph: Takes the operations.
        name: Of the output.
        value: What the network gives.
        form: The reading of it.
    """
    graph.scope = name
    last = graph.channels_last(value)
    x = last.name if form.targets.scale is None else _in_own_unit(graph, last.name, form.targets.scale)
    x = x if form.logits is None else ACTIVATIONS[form.logits](graph, Value(x, last.shape))
    return Value(x, last.shape)


def _in_own_unit(graph: GraphWriter, x: str, scale: TargetScale) -> str:
    """Numbers in the unit of their targets, computed in float64 as an engine does it."""
    wide = graph.add("Mul", graph.cast(x, np.float64), graph.constant(scale.spread, np.float64))
    wide = graph.add("Add", wide, graph.constant(scale.center, np.float64))
    if scale.kind == "log":
        low, high = (graph.constant(edge, np.float64) for edge in (-LARGEST_LOG, LARGEST_LOG))
        wide = graph.add("Exp", graph.add("Clip", wide, low, high))
        wide = graph.add("Sub", wide, graph.constant(1.0, np.float64))
    return graph.cast(wide, np.float32)


class _AnswerWriter:
    def __init__(self, graph: GraphWriter) -> None:
        self.graph = graph
        self.outputs: list[GraphOutput] = []

    def _give(self, name: str, value: str, dtype: str, shape: Shape, meaning: str) -> None:
        """Make a value an output of this name."""
        given = self.graph.reserve(name)
        self.graph.add("Identity", value, result=given)
        self.outputs.append(GraphOutput(given, dtype, shape, meaning))

    def write(self, name: str, value: Value, form: OutputForm, *, alone: bool) -> None:
        graph, shape = self.graph, value.shape
        graph.scope = name
        x = value.name
        if form.both is not None:
            one = graph.constant(1.0 if form.both == "probability" else 0.0, np.float32)
            x, shape = graph.add("Concat", graph.add("Sub", one, x), x, axis=1), (2,)
        x = self._calibrate(x, form) if form.temperature != 1 and form.are_probabilities else x
        numbers = "probabilities" if form.are_probabilities else "scores"
        if form.kind == "numbers" or not form.names:
            meaning = ", ".join(form.names) or "as the network gives it"
            self._give(("prediction" if len(shape) == 1 else "output") if alone else name, x, "float32", shape, meaning)
        elif form.kind == "labels":
            self._give(numbers, x, "float32", shape, f"of each label: {', '.join(form.names)}")
            limits = form.thresholds or (DEFAULT,) * len(form.names)
            decision = graph.add("Greater", graph.cast(x, np.float64), graph.constant(limits, np.float64))
            self._give("decision", decision, "bool", shape, "which labels hold")
        else:
            self._give(numbers if alone else name, x, "float32", shape, f"of each class: {', '.join(form.names)}")
            self._classes(x, shape, form, "prediction" if alone else f"{name} prediction")

    def _classes(self, x: str, shape: Shape, form: OutputForm, name: str) -> None:
        """The name of the class that is predicted, and with a threshold whether it is the second."""
        graph, is_yes = self.graph, None
        if form.thresholds and len(form.names) == 2:
            second = graph.add("Gather", x, graph.constant(1, np.int64), axis=1)
            is_yes = graph.add("Greater", graph.cast(second, np.float64), graph.constant(form.thresholds[1], np.float64))
            best = graph.cast(is_yes, np.int64)
        else:
            best = graph.add("ArgMax", x, axis=1, keepdims=0)
        self._give(
            name, graph.add("Gather", graph.constant(np.array(form.names), name="classes"), best), "string", (), "the class"
        )
        if is_yes is not None:
            limit = form.thresholds[1]
            self._give("decision", is_yes, "bool", (), f"whether the probability of {form.names[1]} is above {limit:.6g}")

    def _calibrate(self, x: str, form: OutputForm) -> str:
        """Probabilities (N, K) at the temperature: of classes together, of labels each with its opposite."""
        graph = self.graph
        if form.kind == "labels":
            opposite = graph.add("Sub", graph.constant(1.0, np.float32), x)
            x = graph.add("Concat", *(graph.add("Unsqueeze", one, graph.ints(2)) for one in (opposite, x)), axis=2)
        low, high = (graph.constant(edge, np.float64) for edge in (LEAST, 1.0))
        logits = graph.add("Log", graph.add("Clip", graph.cast(x, np.float64), low, high))
        shares = graph.add("Softmax", graph.add("Div", logits, graph.constant(form.temperature, np.float64)), axis=-1)
        found = graph.cast(shares, np.float32)
        return found if form.kind == "classes" else graph.add("Gather", found, graph.constant(1, np.int64), axis=2)


def plain_outputs(outputs: list[GraphOutput]) -> list[dict[str, Any]]:
    """The outputs as plain data, for the file's metadata."""
    return [{"name": one.name, "dtype": one.dtype, "shape": list(one.shape), "meaning": one.meaning} for one in outputs]
