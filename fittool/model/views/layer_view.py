"""A layer of a model as Keras's users know it: its weights, whether it learns, its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import ExperimentError
from fittool.model.network import Network
from fittool.nn.calls.symbolic import SymbolicTensor
from fittool.nn.layers import Layer
from fittool.nn.shapes import Shape


class LayerView:
    """One layer of a model. Descriptions are frozen and hold no arrays, so this is where both can be changed.

    `isinstance` goes by the kind of layer, and all other names are its arguments: `view.units`.

    Args:
        network: The network, with its weights.
        name: The layer's name in it.
        layer: The layer.
        tensors: Gives the network's symbolic tensors by name.
        set_trainable: Lets layers learn or not, by name.
    """

    __slots__ = ("_layer", "_network", "_set_trainable", "_tensors", "name")

    def __init__(
        self,
        network: Network,
        name: str,
        layer: Layer,
        tensors: Callable[[], Mapping[str, SymbolicTensor]],
        set_trainable: Callable[[Mapping[str, bool]], None],
    ) -> None:
        self._network, self.name, self._layer = network, name, layer
        self._tensors, self._set_trainable = tensors, set_trainable

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The kind of layer, for `isinstance`."""
        return type(self._layer)

    def __getattr__(self, name: str) -> Any:
        """An argument of the layer."""
        return getattr(self._layer, name)

    def __repr__(self) -> str:
        return f"<{self._layer.public_name()} {self.name}>"

    @property
    def trainable(self) -> bool:
        """True where the optimizer moves its weights; may be set between trainings, and counts from the next step on."""
        nodes = {node.name: node.layer.trainable for node in self._network.graph.nodes}
        return nodes.get(self.name, self._layer.trainable)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._set_trainable({self.name: value})

    @property
    def output(self) -> SymbolicTensor:
        """Its output, to build another model on, which begins with copies of the weights."""
        return self._tensors()[self.name]

    @property
    def input(self) -> SymbolicTensor | list[SymbolicTensor]:
        """The tensor it takes; a list for a layer that merges."""
        taken = list(self.output.inputs) or [self.output]
        return taken[0] if len(taken) == 1 else taken

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of its output with the batch axis, (None, …)."""
        return self.output.shape

    def get_weights(self) -> list[NDArray[np.float32]]:
        """Copies of its weights, each (*shape) of its parameter, in Keras's order and layout."""
        return list(self._arrays().values())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Take over weights in the order of `get_weights`.

        Raises:
            ExperimentError: A ValueError: their number or a shape is another.
        """
        load_in_order(self._network, self._arrays(), weights, f"{self.name}.set_weights", "the layer")

    @property
    def weights(self) -> list[NDArray[np.float32]]:
        """The same as `get_weights`."""
        return self.get_weights()

    @property
    def trainable_weights(self) -> list[NDArray[np.float32]]:
        """Copies of the weights that the optimizer moves, each (*shape) of its parameter."""
        return chosen_weights(self._network, self._arrays(), trainable=True)

    @property
    def non_trainable_weights(self) -> list[NDArray[np.float32]]:
        """Copies of the weights that it does not move, each (*shape) of its parameter."""
        return chosen_weights(self._network, self._arrays(), trainable=False)

    def count_params(self) -> int:
        """The number of numbers in its weights."""
        return sum(array.size for array in self._arrays().values())

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Its weights by their names in the network's state."""
        weights = self._network.weights()
        return {key: array for key, array in weights.items() if key.startswith(f"weights/{self.name}/")}


def load_in_order(network: Network, own: Mapping[str, NDArray[Any]], given: Sequence[Any], what: str, owner: str) -> None:
    """Take over arrays that come without names.

    Args:
        network: Takes them.
        own: The weights that they replace, by name.
        given: One array for each of them, of the same (*shape), in their order.
        what: What was called, for messages.
        owner: Whose weights they are, for messages.

    Raises:
        ExperimentError: A ValueError: their number or a shape is another.
    """
    if len(given) != len(own):
        raise ExperimentError(f"{what} got {len(given)} arrays, but {owner} has {len(own)}.")
    arrays = {name: np.asarray(array, np.float32) for name, array in zip(own, given, strict=True)}
    for name, array in arrays.items():
        expected: Shape = own[name].shape
        if array.shape != expected:
            raise ExperimentError(f"{name.removeprefix('weights/')} has shape {expected}, but got {array.shape}.")
    network.load(arrays)


def chosen_weights(network: Network, weights: Mapping[str, NDArray[Any]], *, trainable: bool) -> list[NDArray[np.float32]]:
    """Of some weights by name, each (*shape) of its parameter, those that the optimizer moves, or those that it does not."""
    moved = {f"weights/{name}": parameter.trainable for name, parameter in network.graph.weights()}
    return [array for name, array in weights.items() if moved[name] == trainable]
