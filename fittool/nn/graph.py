"""A network as a graph of named layers whose shapes are known and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.errors import ExperimentError, Problem
from fittool.nn.layers import Input, Layer
from fittool.nn.random_stream import RandomStream
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape, ShapeError
from fittool.settings import nearest_name, snake_case


@dataclass(frozen=True)
class LayerProblem(Problem):
    """A fault of one layer.

    Attributes:
        index: Its position in the list of layers; -1 for the network as a whole.
        name: Its name in the graph.
    """

    index: int = -1
    name: str = ""


class LayerError(ExperimentError):
    """The layers do not make a network; holds one `LayerProblem` for each mistake."""


@dataclass(frozen=True)
class Node:
    """One layer in its place.

    Attributes:
        name: Unique in the graph; the key of its weights.
        index: Position in the list of layers.
        layer: The description.
        inputs: Names of the nodes or graph inputs that it takes.
        input_shapes: Their shapes, without the batch axis.
        output_shape: Its own.
        parameters: Its own weight arrays, not trainable where the layer is not; none where it shares another's.
        random_index: How many layers before it draw random numbers; the number of its own.
        owner: The node whose weights it uses, by name: itself, or the first of those that share them.
    """

    name: str
    index: int
    layer: Layer
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    parameters: tuple[Parameter, ...]
    random_index: int
    owner: str

    def random_stream(self, purpose: str, seed: int | None = None, use: int = 0) -> RandomStream:
        """Random numbers that the layer draws while it trains.

        Args:
            purpose: What they are for, such as `dropout`.
            seed: The layer's own, if it has one.
            use: Tells several uses in the layer apart.
        """
        return RandomStream(purpose if seed is None else f"{purpose} {seed}", self.random_index, use)

    def with_trainable(self, trainable: bool) -> Node:
        """The same layer, learning or not."""
        if self.layer.trainable == trainable:
            return self
        layer = replace(self.layer, trainable=trainable)
        return replace(self, layer=layer, parameters=_parameters(layer, self.input_shapes) if self.owner == self.name else ())

    def with_weights(self) -> Node:
        """The same with the weight arrays that it uses, whosever they are."""
        return self if self.owner == self.name else replace(self, parameters=_parameters(self.layer, self.input_shapes))


@dataclass(frozen=True)
class LayerRow:
    """One line of a summary."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    output_shape: Shape
    parameters: int
    flops: int


@dataclass(frozen=True)
class Graph:
    """A network: its inputs, its layers in an order in which they can be computed, and which of them are its outputs.

    Attributes:
        inputs: Shape of each input without the batch axis, in the order of the data's arrays.
        nodes: The layers.
        outputs: Names of the nodes (or inputs) that the network returns.
    """

    inputs: dict[str, Shape]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    @classmethod
    def build(cls, layers: Sequence[Layer], input_shapes: Mapping[str, Shape], outputs: Sequence[str] | None = None) -> Graph:
        """Wire layers up and work out all shapes.

        Args:
            layers: In an order in which each comes after what it takes. Without `inputs`, a layer takes the one before;
                the first takes the only input. An `Input` layer gives the next of `input_shapes` a name.
            input_shapes: Shape of each input without the batch axis, by name.
            outputs: Names of the layers to return; by default the last.

        Raises:
            LayerError: Names or shapes are wrong; holds every problem that can be told.
        """
        return _Builder(layers, input_shapes).graph(outputs)

    def weights(self) -> Iterator[tuple[str, Parameter]]:
        """Every weight array as (`<node>/<parameter>`, description), in Keras's order."""
        for node in self.nodes:
            for parameter in node.parameters:
                yield f"{node.name}/{parameter.name}", parameter

    def with_trainable(self, layers: Collection[str]) -> Graph:
        """The same network in which exactly the layers of these names learn."""
        return replace(self, nodes=tuple(node.with_trainable(node.owner in layers) for node in self.nodes))

    def initial_weights(self, seed: int) -> dict[str, NDArray[np.float32]]:
        """The weights before training, each (*shape) of its parameter, by `<node>/<parameter>`.

        They depend on the seed and the order, not on names.
        """
        return {
            key: parameter.initializer.draw(parameter.shape, rng.generator(seed, "initial weights", position))
            for position, (key, parameter) in enumerate(self.weights())
        }

    def behind(self, name: str) -> Graph:
        """The same network, with all weights, fed with what one of its layers gives; what only that layer needs has no use."""
        features = f"{name} features"
        shape = next(node.output_shape for node in self.nodes if node.name == name)
        nodes = tuple(
            replace(node, inputs=tuple(features if one == name else one for one in node.inputs)) if name in node.inputs else node
            for node in self.nodes
        )
        return replace(self, inputs={features: shape}, nodes=nodes)

    @property
    def is_random(self) -> bool:
        """True where a layer draws random numbers while it trains."""
        return any(node.layer.is_random for node in self.nodes)

    @property
    def output_shapes(self) -> dict[str, Shape]:
        """Shape of each output without the batch axis, by name."""
        known = self.inputs | {node.name: node.output_shape for node in self.nodes}
        return {name: known[name] for name in self.outputs}

    @property
    def parameter_count(self) -> int:
        """The number of numbers in the weights."""
        return sum(parameter.size for _, parameter in self.weights())

    @property
    def trainable_count(self) -> int:
        """The number of those that the optimizer moves."""
        return sum(parameter.size for _, parameter in self.weights() if parameter.trainable)

    def describe(self) -> list[LayerRow]:
        """One row for each layer, in order."""
        return [
            LayerRow(
                node.name,
                node.layer.public_name(),
                node.inputs,
                node.output_shape,
                sum(parameter.size for parameter in node.parameters),
                node.layer.flops(node.input_shapes),
            )
            for node in self.nodes
        ]


def _parameters(layer: Layer, input_shapes: tuple[Shape, ...]) -> tuple[Parameter, ...]:
    """The weights of a layer; where it does not learn, none of them does."""
    weights = layer.parameters(input_shapes)
    return tuple(replace(entry, trainable=entry.trainable and layer.trainable) for entry in weights)


def _forms(parameters: Sequence[Parameter]) -> dict[str, Shape]:
    return {one.name: one.shape for one in parameters}


def layer_names(layers: Sequence[Layer]) -> list[str]:
    """The name of each layer: its own, or Keras's automatic one with the next free number."""
    taken = {layer.name for layer in layers if layer.name is not None}
    names = []
    for layer in layers:
        name = layer.name
        if name is None:
            base, number = snake_case(layer.public_name()), 0
            name = base
            while name in taken:
                number += 1
                name = f"{base}_{number}"
            taken.add(name)
        names.append(name)
    return names


class _Builder:
    """Goes through the layers once, in order, and gathers problems instead of stopping at the first."""

    def __init__(self, layers: Sequence[Layer], input_shapes: Mapping[str, Shape]) -> None:
        self.layers = list(layers)
        self.names = layer_names(layers)
        self.problems: list[LayerProblem] = []
        self.inputs = self._inputs_by_name(input_shapes)
        self.shapes: dict[str, Shape | None] = dict(self.inputs)  # None: not known because of an earlier problem
        self.used: set[str] = set()
        self.nodes: list[Node] = []

    def _refuse(self, index: int, text: str) -> None:
        layer, name = self.layers[index], self.names[index]
        where = f'layer {index} ({layer.public_name()} "{name}")'
        self.problems.append(LayerProblem(f"{where}: {text}", index=index, name=name))

    def _inputs_by_name(self, input_shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """The inputs under the names that `Input` layers give them."""
        entries = [index for index, layer in enumerate(self.layers) if isinstance(layer, Input)]
        if not entries:
            return {name: tuple(shape) for name, shape in input_shapes.items()}
        named: dict[str, Shape] = {}
        shapes = list(input_shapes.values())
        for position, index in enumerate(entries):
            layer = cast("Input", self.layers[index])
            if position >= len(shapes):
                self._refuse(index, f"the data have {len(shapes)} inputs, but this is Input number {position + 1}.")
            else:
                named[self.names[index]] = tuple(shapes[position])
                self._shape(index, layer, (tuple(shapes[position]),))
        if len(entries) < len(shapes):
            self._refuse(entries[-1], f"the data have {len(shapes)} inputs, but the network has {len(entries)} Input layers.")
        return named

    def _shape(self, index: int, layer: Layer, shapes: tuple[Shape, ...]) -> Shape | None:
        try:
            return layer.output_shape(shapes)
        except ShapeError as error:
            self._refuse(index, str(error))
            return None

    def graph(self, outputs: Sequence[str] | None) -> Graph:
        before = next(iter(self.inputs)) if len(self.inputs) == 1 else None
        for index, layer in enumerate(self.layers):
            if not isinstance(layer, Input):
                self._add(index, layer, before)
            before = self.names[index]
        returned = self._outputs(outputs, before)
        self._refuse_unused(returned)
        if self.problems:
            self.problems.sort(key=lambda problem: problem.index)
            raise LayerError(self.problems)
        return Graph(self.inputs, tuple(self.nodes), returned)

    def _add(self, index: int, layer: Layer, before: str | None) -> None:
        name = self.names[index]
        if name in self.shapes:
            self._refuse(index, f'the name "{name}" is taken by an earlier layer or input; names must be unique.')
            return
        if layer.inputs is None and before is None:
            known = ", ".join(self.inputs)
            self._refuse(index, f"the network has several inputs ({known}); name the one to take with `inputs:`.")
        inputs = layer.inputs if layer.inputs is not None else (before,) if before is not None else ()
        found = [self._find(index, taken) for taken in inputs]
        self.shapes[name] = None
        if not inputs or None in found:
            return
        shapes = tuple(cast("list[Shape]", found))
        shape = self._shape(index, layer, shapes)
        if shape is not None and layer.input_shape not in (None, shapes[0]):
            self._refuse(index, f"expected inputs of shape {layer.input_shape}, got {shapes[0]}.")
        self.shapes[name] = shape
        if shape is not None:
            random_index = sum(node.layer.is_random for node in self.nodes)
            parameters = _parameters(layer, shapes)
            owner = name if layer.weights_of is None else self._owner(index, layer.weights_of, parameters)
            own = parameters if owner == name else ()
            self.nodes.append(Node(name, index, layer, tuple(inputs), shapes, shape, own, random_index, owner))

    def _owner(self, index: int, wanted: str, parameters: tuple[Parameter, ...]) -> str:
        """The name of the node whose weights a layer shares; refuses what is no earlier layer of the same form."""
        node = next((node for node in self.nodes if node.name == wanted), None)
        if node is None:
            near = nearest_name(wanted, [node.name for node in self.nodes])
            hint = f' Did you mean "{near}"?' if near else ""
            self._refuse(index, f'weights_of names "{wanted}", which is no earlier layer.{hint}')
            return wanted
        owner = next(one for one in self.nodes if one.name == node.owner)
        held, layer = owner.parameters, self.layers[index]
        if type(layer) is not type(owner.layer) or _forms(parameters) != _forms(held):
            self._refuse(
                index,
                f'weights_of names "{wanted}", {owner.layer.public_name()} with weights {_forms(held)}; this one has '
                f"{_forms(parameters)}. Both must be alike.",
            )
        elif layer.trainable != owner.layer.trainable:
            self._refuse(index, f'shares the weights of "{wanted}", but only one of the two is trainable; let both agree.')
        return owner.name

    def _find(self, index: int, taken: str) -> Shape | None:
        """The shape of what a layer takes; None where it is not known."""
        self.used.add(taken)
        if taken in self.shapes:
            return self.shapes[taken]
        if taken in self.names:
            self._refuse(index, f'takes "{taken}", which comes only after it; put "{taken}" first.')
        else:
            near = nearest_name(taken, [*self.shapes])
            hint = f' Did you mean "{near}"?' if near else f" Known here: {', '.join(self.shapes)}."
            self._refuse(index, f'takes "{taken}", but no layer or input is called that.{hint}')
        return None

    def _outputs(self, outputs: Sequence[str] | None, last: str | None) -> tuple[str, ...]:
        if not self.layers:
            self.problems.append(LayerProblem("the network has no layers; give at least one, such as Dense."))
            return ()
        if outputs is None:
            return () if last is None else (last,)
        for name in outputs:
            if name not in self.shapes:
                near = nearest_name(name, [*self.shapes])
                hint = f' Did you mean "{near}"?' if near else f" Known: {', '.join(self.shapes)}."
                self.problems.append(LayerProblem(f'the output "{name}" is no layer of the network.{hint}', name=name))
        return tuple(outputs)

    def _refuse_unused(self, outputs: tuple[str, ...]) -> None:
        refused = {problem.index for problem in self.problems}
        for index, name in enumerate(self.names):
            if name not in self.used and name not in outputs and index not in refused:
                self._refuse(index, f'nothing takes "{name}", and it is no output of the network; use it or remove it.')


_HEAD = ("layer", "kind", "output shape", "parameters", "FLOPs")


def table(graph: Graph) -> str:
    """One line a layer, then the sums."""
    rows = [(row.name, row.kind, _shape(row.output_shape), f"{row.parameters:,}", f"{row.flops:,}") for row in graph.describe()]
    inputs = [(name, "input", _shape(shape), "0", "0") for name, shape in graph.inputs.items()]
    lines = [_HEAD, *inputs, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = "".join(_line(line, widths) for line in lines)
    fixed = graph.parameter_count - graph.trainable_count
    total = f"{graph.parameter_count:,} parameters" + (f", {fixed:,} of them not trained" if fixed else "")
    return f"{text}{total}, {sum(row.flops for row in graph.describe()):,} FLOPs a sample\n"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Text to the left, numbers to the right."""
    sides = [
        cell.ljust(width) if column < 3 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(sides).rstrip() + "\n"


def _shape(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) if shape else "1"
