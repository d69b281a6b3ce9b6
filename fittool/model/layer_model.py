"""A network as layers with weights: everything of Keras's `Model` that needs no training."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from fittool import rng
from fittool.callbacks.control import Control
from fittool.engines.settings import ENGINES, EngineSetting
from fittool.errors import ExperimentError
from fittool.model.arguments import check_bool, check_int
from fittool.model.compiled import Compiled
from fittool.model.loaders import Reader
from fittool.model.network import Network
from fittool.model.parsing import parsed
from fittool.model.saving import describe, load_weights, save_model, save_weights
from fittool.model.views.layer_view import LayerView, chosen_weights, load_in_order
from fittool.nn.calls.symbolic import SymbolicTensor, Weights
from fittool.nn.calls.wiring import Wiring, in_keras_order, input_tensor, symbolic, tensors_of, wire
from fittool.nn.graph import Graph, layer_names, table
from fittool.nn.layers import LAYERS, Input, Layer
from fittool.nn.output_targets import plain_targets
from fittool.training.history import History

SEED = 7
"""The seed of a model where nobody named one."""


class LayerModel:
    """Layers, weights, files. `Model` is the public class; arguments and attributes are described there."""

    kind: ClassVar = "Model"
    """The public class, for files."""

    def __init__(
        self,
        layers: Any = None,
        input_shape: Any = None,
        *,
        inputs: Any = None,
        outputs: Any = None,
        engine: object = "numpy",
        seed: int | None = None,
        threads: int | None = None,
        name: str | None = None,
    ) -> None:
        setting = engine_setting(engine, threads)
        returned = symbolic(outputs) or symbolic(input_shape)
        if returned is not None:
            taken = symbolic(inputs) or symbolic(layers)
            if taken is None:
                raise ExperimentError("Model(inputs, outputs) takes what Input(shape=…) gave as inputs.")
            self._set_up_wired(wire(taken, returned), setting, seed, name)
            return
        if layers is None:
            raise ExperimentError(
                "Give Model its layers and an input_shape, or inputs and outputs of layers that were called. "
                "A network cannot be a method `call`: write it as calls of layers, or as a list with `inputs`."
            )
        if (input_shape is None) == (inputs is None):
            raise ExperimentError("Give input_shape for one input, or inputs={name: shape} for several.")
        parts = parse_layers(layers)
        shapes: Any = inputs if input_shape is None else input_shape
        shapes = shapes if isinstance(shapes, Mapping) else {"input": shapes}
        graph = Graph.build(
            parts,
            {name: tuple(check_int("a size of input_shape", size) for size in shape) for name, shape in shapes.items()},
            (outputs,) if isinstance(outputs, str) else outputs,
        )
        seed = seed_or_default(seed)
        self._set_up(parts, Network(graph, setting, seed), seed, name)

    def _set_up_wired(self, wiring: Wiring, setting: EngineSetting, seed: int | None, name: str | None) -> None:
        """Become the network that was written as calls; copies of other models' layers begin with their weights."""
        seed = seed_or_default(seed)
        network = Network(Graph.build(wiring.layers, wiring.inputs, wiring.outputs), setting, seed)
        copied = {layer: weights() for layer, weights in wiring.weights.items()}
        network.load({f"weights/{layer}/{key}": array for layer, arrays in copied.items() for key, array in arrays.items()})
        self._set_up(wiring.layers, network, seed, name)

    def _set_up(self, layers: Sequence[Layer], network: Network, seed: int, name: str | None = None) -> None:
        self._start()
        self._parts, self._network, self.seed, self.name = list(layers), network, seed, name or "model"
        self._reader = Reader(network)
        self._inputs = {given: input_tensor(shape, given) for given, shape in network.graph.inputs.items()}
        self._known_tensors: tuple[Graph, dict[str, SymbolicTensor]] | None = None

    def _start(self) -> None:
        """The beginning of a life without training."""
        self.history: History | None = None
        self.epochs_done = 0
        self.run: Control | None = None

    @classmethod
    def of(cls, layers: Sequence[Layer], network: Network, seed: int, class_names: Sequence[str] | None = None) -> Self:
        """The model around a network that was made elsewhere, as an experiment does.

        Args:
            layers: The network's layers.
            network: Weights, optimizer and engine.
            seed: The seed.
            class_names: The name of each class, or None.
        """
        model = cls.__new__(cls)
        model._set_up(layers, network, seed)
        model.class_names = class_names
        return model

    @property
    def network(self) -> Network:
        """Weights, optimizer and the engine behind them."""
        return self._network

    @property
    def graph(self) -> Graph:
        """The network's layers and how they are wired."""
        return self.network.graph

    @property
    def compiled(self) -> Compiled | None:
        """The arguments of `compile`, or None."""
        return self.network.compiled

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class, in the order of the outputs, where labels are text; may be set."""
        return self._reader.class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        self._reader.class_names = None if names is None else tuple(map(str, names))

    def _compile(self, compiled_for: Callable[[Sequence[str]], Compiled]) -> None:
        """Take over the arguments of `compile`, parsed for the names of the outputs."""
        self.network.compile(compiled_for(self.graph.outputs))

    def _ready_for(self, data: Any) -> Any:
        """Called with inputs before anything else is done with them; gives what stands for them from then on."""
        return data

    def __call__(self, inputs: Any, training: bool | None = None) -> Any:
        """The outputs for one batch of arrays, (N, …); or of symbolic tensors, to build on a copy of the model.

        Args:
            inputs: Arrays as in `predict`, or what `Input(shape=…)` or a layer gave.
            training: Only False, which is how it is for arrays; layers learn or not by their `trainable`.

        Raises:
            ExperimentError: A ValueError: `training=True`.
        """
        if training:
            raise ExperimentError("A model that is called predicts. Train with fit or train_on_batch.")
        given = symbolic(inputs)
        if given is None:
            return self.predict_on_batch(inputs)
        if len(given) != len(self._inputs):
            raise ExperimentError(f"The model takes {len(self._inputs)} inputs, but was called with {len(given)}.")
        known = tensors_of(self.graph, dict(zip(self._inputs, given, strict=True)), self._weights_of)
        return _one_or_all([known[name] for name in self.graph.outputs])

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch, (N, …); a list of such for several outputs."""
        x = self._ready_for(x)
        outputs = self.network.for_predictions().predict_step(self._reader.inputs(x))
        return _one_or_all(list(outputs))

    def _weights_of(self, layer: str) -> Weights:
        """A function that gives copies of a layer's weights by their names in the layer."""
        prefix = f"weights/{layer}/"

        def weights() -> dict[str, NDArray[np.generic]]:
            state = self.network.weights()
            return {key.removeprefix(prefix): array for key, array in state.items() if key.startswith(prefix)}

        return weights

    def _tensors(self) -> dict[str, SymbolicTensor]:
        """The symbolic tensors of all layers and inputs by name, the same ones until layers learn otherwise."""
        graph = self.graph
        if self._known_tensors is None or self._known_tensors[0] is not graph:
            self._known_tensors = graph, tensors_of(graph, self._inputs, self._weights_of)
        return self._known_tensors[1]

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The inputs, to build other models on; those begin with copies of the weights."""
        return list(self._inputs.values())

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The outputs, in the same way."""
        return [self._tensors()[name] for name in self.graph.outputs]

    @property
    def input(self) -> Any:
        """The only input; a list of several."""
        return _one_or_all(self.inputs)

    @property
    def output(self) -> Any:
        """The only output; a list of several."""
        return _one_or_all(self.outputs)

    @property
    def input_shape(self) -> Any:
        """The shape of the only input with the batch axis, (None, …); a list for several."""
        return _one_or_all([tensor.shape for tensor in self.inputs])

    @property
    def output_shape(self) -> Any:
        """The shape of the only output with the batch axis, (None, …); a list for several."""
        return _one_or_all([tensor.shape for tensor in self.outputs])

    @property
    def descriptions(self) -> list[Layer]:
        """The layers as they were given, learning or not as they do now."""
        now = {node.index: node.layer for node in self.graph.nodes}
        return [now.get(index, layer) for index, layer in enumerate(self._parts)]

    @property
    def architecture(self) -> dict[str, Any]:
        """The network as plain data, from which it can be made again."""
        targets = plain_targets(self.network.targets)
        described = describe(self.descriptions, self.graph) | {"kind": self.kind, "name": self.name}
        return described | ({"targets": targets} if targets else {})

    @property
    def layers(self) -> list[LayerView]:
        """The layers, in the order of `get_weights`; inputs stand where Keras has them."""
        network, parts = self.network, dict(zip(layer_names(self._parts), self._parts, strict=True))
        return [
            LayerView(network, name, parts[name], self._tensors, self._set_trainable)
            for name in _inputs_among(list(parts), self._tensors(), self.inputs, self.outputs)
            if self._lists(parts[name])
        ]

    def _lists(self, layer: Layer) -> bool:
        """True for layers that `layers` holds."""
        return True

    def get_layer(self, name: str | None = None, index: int | None = None) -> LayerView:
        """One layer, by its name or its place.

        Raises:
            ExperimentError: A ValueError: there is none.
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise ExperimentError("get_layer takes the name of a layer, or its index.")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ExperimentError(f"There is no layer {index}: the model has {len(layers)}.")
            return layers[index]
        found = {layer.name: layer for layer in layers}
        if name not in found:
            raise ExperimentError(f"No layer is called {name}. There are {', '.join(found)}.")
        return found[name]

    @property
    def trainable(self) -> bool:
        """True where any layer learns; setting it sets all of them."""
        return any(node.layer.trainable for node in self.graph.nodes)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._set_trainable({node.name: value for node in self.graph.nodes})

    def _set_trainable(self, changes: Mapping[str, bool]) -> None:
        """Let layers learn or not, by name.

        Raises:
            ExperimentError: A ValueError: a training is under way, whose checkpoints would not know.
        """
        if self.run is not None:
            raise ExperimentError("Set trainable before fit; or train in stages, each with its own `trainable`.")
        wanted = {node.name: node.layer.trainable for node in self.graph.nodes}
        wanted |= {name: check_bool("trainable", value) for name, value in changes.items()}
        self.network.set_trainable([name for name, learns in wanted.items() if learns])

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Copies of all weights, each (*shape) of its parameter, in Keras's order and layout."""
        return list(self.network.weights().values())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Take over weights in the order of `get_weights`.

        Raises:
            ExperimentError: A ValueError: their number or a shape is another.
        """
        load_in_order(self.network, self.network.weights(), weights, "set_weights", "the model")

    @property
    def weights(self) -> list[NDArray[np.float32]]:
        """The same as `get_weights`."""
        return self.get_weights()

    @property
    def trainable_weights(self) -> list[NDArray[np.float32]]:
        """Copies of the weights that the optimizer moves, each (*shape) of its parameter."""
        return chosen_weights(self.network, self.network.weights(), trainable=True)

    @property
    def non_trainable_weights(self) -> list[NDArray[np.float32]]:
        """Copies of the weights that it does not move, each (*shape) of its parameter."""
        return chosen_weights(self.network, self.network.weights(), trainable=False)

    def count_params(self) -> int:
        """The number of numbers in the weights."""
        return self.graph.parameter_count

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Show the table of layers: name, kind, output shape, parameters, FLOPs."""
        print_fn(table(self.graph).rstrip("\n"))

    def to_json(self) -> str:
        """The architecture as JSON text, from which `models.model_from_json` makes the model again, with fresh weights."""
        return json.dumps({**self.architecture, "seed": self.seed})

    def save(self, path: str | PathLike[str]) -> None:
        """Write network, weights, optimizer and the arguments of `compile` to one `.safetensors` file; see `load_model`.

        Raises:
            ExperimentError: A ValueError: the name ends otherwise.
            StorageError: It could not be stored; an older file is untouched.
        """
        save_model(self, path)

    def save_weights(self, path: str | PathLike[str]) -> None:
        """Write the weights alone to a `.safetensors` file; errors as for `save`."""
        save_weights(self, path)

    def load_weights(self, path: str | PathLike[str]) -> None:
        """Take over the weights of a file of `save_weights` or `save`, or of a run's checkpoint.

        Raises:
            CheckpointError: The file is missing or damaged, or its weights have other names or shapes.
        """
        load_weights(self, path)

    def state(self) -> dict[str, NDArray[Any]]:
        """Copies of weights and optimizer, each (*shape) of its tensor, by name: `weights/<layer>/<name>`, `optimizer/…`."""
        return self.network.state()

    def load_state(self, state: Mapping[str, NDArray[Any]], epochs_done: int) -> None:
        """Take over what `state` gave, arrays (*shape) of their tensors, after so many epochs.

        Raises:
            CheckpointError: It does not fit the network.
        """
        self.network.load(state)
        self.epochs_done = epochs_done


def engine_setting(engine: object, threads: int | None) -> EngineSetting:
    """The engine's setting, in any form, with another number of threads where one is given."""
    setting = parsed("engine", ENGINES, engine)
    return setting if threads is None else replace(setting, threads=check_int("threads", threads))


def parse_layers(layers: Sequence[Any]) -> list[Layer]:
    """Layers in any form: objects, names, mappings; an input as `Input(shape=…)` gives it."""
    plain = [layer.layer if isinstance(layer, SymbolicTensor) and isinstance(layer.layer, Input) else layer for layer in layers]
    return [parsed(f"layers[{number}]", LAYERS, layer) for number, layer in enumerate(plain)]


def seed_or_default(seed: int | None) -> int:
    """The seed that was given; else that of `set_random_seed`, else 7."""
    if seed is None:
        return SEED if (default := rng.default_seed()) is None else default
    return seed


def _inputs_among(
    names: list[str], tensors: Mapping[str, SymbolicTensor], inputs: list[SymbolicTensor], outputs: list[SymbolicTensor]
) -> list[str]:
    """Names of layers with the inputs where Keras lists them, by how far they are from the outputs, if there are several."""
    if len(inputs) < 2:
        return names
    known = {id(tensor): name for name, tensor in tensors.items()}
    order = [known[id(tensor)] for tensor in in_keras_order(inputs, outputs)]
    begins = {known[id(tensor)] for tensor in inputs}
    ours, theirs = ([name for name in each if name not in begins] for each in (names, order))
    return order if ours == theirs and len(order) == len(names) else names


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
