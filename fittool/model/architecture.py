"""A network as plain data, as it stands in a model's or run's file, and the network that such data describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from fittool.nn.graph import Graph
from fittool.nn.layers import Layer, Layers
from fittool.settings import plain


def described(layers: Sequence[Layer], graph: Graph) -> dict[str, Any]:
    """A network as plain data, from which `rebuilt` makes it again."""
    return {
        "inputs": {name: list(shape) for name, shape in graph.inputs.items()},
        "layers": [plain(layer, defaults=False) for layer in layers],
        "outputs": list(graph.outputs),
    }


def layers_of(architecture: Mapping[str, Any]) -> list[Layer]:
    """The layers that `described` wrote down."""
    return TypeAdapter(Layers).validate_python(architecture["layers"])


def rebuilt(architecture: Mapping[str, Any]) -> Graph:
    """The network that `described` wrote down; by default its output is the last layer."""
    shapes = {name: tuple(shape) for name, shape in architecture["inputs"].items()}
    return Graph.build(layers_of(architecture), shapes, architecture.get("outputs"))
