"""Keras's `Sequential`: a chain of layers that may learn the shape of its inputs only when it first sees data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, ClassVar

import numpy as np

from fittool.data.user_code.batch_function import is_sequence
from fittool.errors import DataError, ExperimentError, UserCodeError
from fittool.model.arguments import check_int
from fittool.model.compiled import Compiled
from fittool.model.layer_model import LayerModel, engine_setting, parse_layers
from fittool.model.loaders import gives_batches
from fittool.model.model import Model
from fittool.model.network import Network
from fittool.nn.calls.symbolic import SymbolicTensor
from fittool.nn.calls.wiring import input_tensor, wire
from fittool.nn.layers import Input, Layer


class Sequential(Model):
    """A chain of layers.

    Without an `Input(shape=…)`, and without an `input_shape` at the first layer, it has no weights before `build`, the first
    `fit` or the first prediction.

    Args:
        layers: Layers as objects, names, or names with arguments, and whole models; an `Input` may come first.
        engine, seed, threads, name: As for `Model`.
    """

    kind: ClassVar = "Sequential"

    def __init__(
        self,
        layers: Sequence[Any] = (),
        *,
        engine: object = "numpy",
        seed: int | None = None,
        threads: int | None = None,
        name: str | None = None,
    ) -> None:
        self._options = engine_setting(engine, threads), seed, name or "sequential"
        self._chain: list[Layer | LayerModel | SymbolicTensor] = []
        self._built: Network | None = None
        self._early_names: tuple[str, ...] | None = None
        self._compiled_for: Callable[[Sequence[str]], Compiled] | None = None
        self._start()
        for layer in [layers] if isinstance(layers, Layer | LayerModel) else layers:
            self._chain.append(_link(layer, len(self._chain)))
        self._build_if_known()

    def add(self, layer: Any) -> None:
        """Put a layer, or a whole model, behind the others; weights that are there stay."""
        self._chain.append(_link(layer, len(self._chain)))
        self._build_if_known()

    def pop(self) -> None:
        """Take the last layer away.

        Raises:
            ExperimentError: A ValueError: there is none.
        """
        if not self._chain:
            raise ExperimentError("There is no layer to take away.")
        self._chain.pop()
        self._build_if_known()

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights.

        Args:
            input_shape: With the batch axis, as Keras has it: (None, …).
        """
        if self._built is None:
            self._build(input_tensor([check_int("a size of input_shape", size) for size in tuple(input_shape)[1:]]))

    @property
    def built(self) -> bool:
        """True once there are weights."""
        return self._built is not None

    @property
    def network(self) -> Network:
        """Weights, optimizer and the engine behind them.

        Raises:
            ExperimentError: A ValueError: it has no weights yet.
        """
        if self._built is None:
            raise ExperimentError(
                "The model has no weights yet, as nobody said what its inputs look like. Begin with Input(shape=…), call "
                "model.build((None, …)), or fit it first."
            )
        return self._built

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class, in the order of the outputs, where labels are text; may be set."""
        return self._early_names if self._built is None else self._reader.class_names

    @class_names.setter
    def class_names(self, names: Sequence[str] | None) -> None:
        self._early_names = None if names is None else tuple(map(str, names))
        if self._built is not None:
            self._reader.class_names = self._early_names

    @property
    def compiled(self) -> Compiled | None:
        """The arguments of `compile`, or None."""
        if self._built is None:
            return None if self._compiled_for is None else self._compiled_for(("output",))
        return self.network.compiled

    def _compile(self, compiled_for: Callable[[Sequence[str]], Compiled]) -> None:
        """Take over the arguments of `compile`, now, or once there are weights; wrong ones are told at once."""
        if self._built is None:
            compiled_for(("output",))
        else:
            super()._compile(compiled_for)
        self._compiled_for = compiled_for

    def _warn_of_settings(self) -> None:
        """Without weights `fit` tells it, which knows the layers."""
        if self._built is not None:
            super()._warn_of_settings()

    def _build_if_known(self) -> None:
        """Make the weights, or make them anew with those there are, if the shape of the inputs is known."""
        known = list(self._inputs.values()) if self._built is not None else _input_named(self._chain)
        if known and any(not isinstance(link, SymbolicTensor) for link in self._chain):
            self._build(known[0])

    def _build(self, first: SymbolicTensor) -> None:
        """Make the network; layers that it had before keep their weights, and whether they learn."""
        before, past = self._built, (self.history, self.epochs_done, self.class_names)
        setting, seed, name = self._options
        tensor = first
        for link in self._chain:
            tensor = tensor if isinstance(link, SymbolicTensor) else link(tensor)
        self._set_up_wired(wire([first], [tensor]), setting, seed, name)
        self._built = self._network
        if before is not None:
            _take_over(self._built, before)
        # The layers are others, but the model's past is not: setting up began it anew.
        self.history, self.epochs_done, self.class_names = past
        if self._compiled_for is not None:
            super()._compile(self._compiled_for)

    def _ready_for(self, data: Any) -> Any:
        """Make the weights for the first data."""
        if self._built is None:
            if not self._chain:
                raise ExperimentError("The model has no layers. Add some first.")
            shape, data = _sample_shape(data)
            self._build(input_tensor(shape))
        return data

    def _lists(self, layer: Layer) -> bool:
        """All but the input, as in Keras."""
        return not isinstance(layer, Input)


def _take_over(network: Network, before: Network) -> None:
    """Give a network what another has of the same layers."""
    form, known = network.describe(), {node.name: node.layer.trainable for node in before.graph.nodes}
    network.load({key: array for key, array in before.weights().items() if key in form and form[key].shape == array.shape})
    network.set_trainable([node.name for node in network.graph.nodes if known.get(node.name, node.layer.trainable)])


def _link(layer: Any, number: int) -> Layer | LayerModel | SymbolicTensor:
    """A layer, a model or an input, from any form in which they are given."""
    if isinstance(layer, LayerModel):
        return layer
    if isinstance(layer, SymbolicTensor | Input):
        if number:
            raise ExperimentError("An Input can only come first.")
        return layer if isinstance(layer, SymbolicTensor) else input_tensor(layer.shape, layer.name)
    (parsed,) = parse_layers([layer])
    return parsed


def _input_named(links: Sequence[Layer | LayerModel | SymbolicTensor]) -> list[SymbolicTensor]:
    """The input, if the first of a chain says what it looks like; else none."""
    first = next(iter(links), None)
    if isinstance(first, SymbolicTensor):
        return [first] if first.sample_shape is not None else []
    if isinstance(first, LayerModel):
        return first.inputs if not isinstance(first, Sequential) or first.built else []
    return [input_tensor(first.input_shape)] if first is not None and first.input_shape is not None else []


def _sample_shape(data: Any) -> tuple[tuple[int, ...], Any]:
    """The shape of one sample of inputs, and the data, of which a generator has lost nothing.

    Raises:
        DataError: A ValueError: the data are missing.
    """
    if gives_batches(data):
        item, data = _first_of(data)
        data_of_inputs = item[0] if isinstance(item, tuple | list) else item
    else:
        data_of_inputs = data
    if data_of_inputs is None:
        raise DataError("x is missing.")
    if isinstance(data_of_inputs, dict):
        (data_of_inputs,) = data_of_inputs.values()
    elif isinstance(data_of_inputs, list | tuple) and len(data_of_inputs) == 1 and np.ndim(data_of_inputs[0]) > 1:
        (data_of_inputs,) = data_of_inputs
    # One number a sample, (N,), is one feature: layers want an axis for it.
    return np.shape(data_of_inputs)[1:] or (1,), data


def _first_of(given: Any) -> tuple[Any, Any]:
    """The first batch of what gives batches, and what gives all of them."""
    if is_sequence(given):
        return given[0], given
    if hasattr(given, "__next__"):
        first: list[Any] = list(islice(given, 1))
        # The batch that showed the shape comes first again, or training would miss it.
        return _only(first), chain(first, given)
    passing: Iterator[Any] = iter(given() if callable(given) else given)
    return _only(list(islice(passing, 1))), given


def _only(items: list[Any]) -> Any:
    if not items:
        raise UserCodeError("The first of all passes gave no batches.")
    return items[0]
