"""One layer's place in an ONNX graph: its weights, and what its operations are written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fittool.exchange.onnx_format.activations import ACTIVATIONS, Activation
from fittool.exchange.onnx_format.writer import GraphWriter, Value
from fittool.nn.graph import Node


@dataclass(frozen=True)
class Site:
    """A layer that is being written.

    Attributes:
        graph: The graph so far.
        node: The layer in its place.
        weights: Its weights by their own names, in Keras's layout.
    """

    graph: GraphWriter
    node: Node
    weights: Mapping[str, NDArray[np.float32]]

    def weight(self, name: str) -> NDArray[np.float32]:
        """One of the weights."""
        return self.weights[name]

    def constant(self, array: Any, name: str = "constant") -> str:
        """The name of a float32 constant."""
        return self.graph.constant(array, np.float32, name)

    def value(self, name: str, channels_first: bool = False) -> Value:
        """The layer's output."""
        return Value(name, self.node.output_shape, channels_first)

    def end_with(self, value: Value, activation: str | None) -> Value:
        """The value behind an activation of that name."""
        return self.apply(ACTIVATIONS[activation or "linear"], value)

    def apply(self, activation: Activation, value: Value) -> Value:
        """The value behind an activation."""
        return Value(activation(self.graph, value), value.shape, value.channels_first)

    def reverse_steps(self, name: str) -> str:
        """(N, T, …) with the last step first."""
        graph = self.graph
        return graph.add("Slice", name, graph.ints(-1), graph.ints(-(2**31)), graph.ints(1), graph.ints(-1))


Lowering: TypeAlias = Callable[[Site, Any, list[Value]], Value]
"""Writes a layer: its site, its description, what it takes; gives its output."""
