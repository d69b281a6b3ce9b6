"""One description, two networks: what the experiment file would say, built with Keras and with fittool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

import fittool as ft

NESTED = (keras.initializers, keras.regularizers, keras.optimizers.schedules, keras.layers)


@dataclass(frozen=True)
class Network:
    """A network as an experiment file describes it.

    Attributes:
        layers: Each `{name: arguments}`.
        shape: Of the input without the batch axis, or of each input by name.
        outputs: Names of the layers that are returned; by default the last.
    """

    layers: tuple[Mapping[str, Any], ...]
    shape: tuple[int, ...] | Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...] | None = None

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """Shape of each input by name."""
        return dict(self.shape) if isinstance(self.shape, Mapping) else {"input": self.shape}


def chain(shape, *layers) -> Network:
    """Layers one after the other; a bare name stands for one without arguments."""
    return Network(tuple({layer: {}} if isinstance(layer, str) else layer for layer in layers), shape)


def keras_object(value, home):
    """`name` or `{name: arguments}` as an object of Keras's."""
    ((name, arguments),) = ({value: {}} if isinstance(value, str) else value).items()
    made = {key: _keras_argument(argument) for key, argument in (arguments or {}).items()}
    if not hasattr(home, name):  # Keras has no layer of its own for some activations
        return keras.layers.Activation(partial(getattr(keras.activations, name.lower()), **made))
    return getattr(home, name)(**made)


def _keras_argument(value):
    if isinstance(value, Mapping) and len(value) == 1:
        home = next((home for home in NESTED if hasattr(home, str(next(iter(value))))), None)
        return value if home is None else keras_object(value, home)
    return tuple(map(_keras_argument, value)) if isinstance(value, list) else value


class KerasNetwork:
    """The network in Keras, with weights that all differ from their start.

    Attributes:
        model: Keras's model.
        layers: Its layers in the description's order.
    """

    def __init__(self, network: Network, seed: int = 0) -> None:
        keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        inputs = {name: keras.Input(shape, name=name) for name, shape in network.inputs.items()}
        tensors, current, self.layers = dict(inputs), next(iter(inputs.values())), []
        for description in network.layers:
            ((name, arguments),) = description.items()
            arguments = dict(arguments or {})
            taken = [tensors[source] for source in arguments.pop("inputs", ())]
            called = {key: arguments.pop(key) for key in ("use_causal_mask",) if key in arguments}
            layer = keras_object({name: arguments}, keras.layers)
            if name == "MultiHeadAttention":  # query, value and key are arguments of their own
                taken = taken or [current]
                current = layer(*(taken * 2 if len(taken) == 1 else taken), **called)
            else:
                current = layer(taken[0] if len(taken) == 1 else taken or current)
            tensors[layer.name] = current
            self.layers.append(layer)
        outputs = current if network.outputs is None else [tensors[name] for name in network.outputs]
        self.model = keras.Model(next(iter(inputs.values())) if len(inputs) == 1 else list(inputs.values()), outputs)
        self._shake(np.random.default_rng(seed))

    def _shake(self, generator) -> None:
        """Move all weights from their start, as zeros would hide mistakes; variances stay above zero."""
        for layer in self.layers:
            for variable in layer.weights:
                noise = generator.normal(0, 0.1, variable.shape).astype(np.float32)
                variable.assign(variable + (np.abs(noise) if "variance" in variable.path else noise))

    def weights(self) -> list[np.ndarray]:
        """All weights, layer by layer in the description's order."""
        return [array for layer in self.layers for array in _weights(layer)]


def _weights(layer) -> list[np.ndarray]:
    if isinstance(layer, keras.layers.Normalization):  # a mean and variance that were given are no weights in Keras
        return [keras.ops.convert_to_numpy(value).reshape(-1) for value in (layer.mean, layer.variance)]
    return layer.get_weights()


ENGINE = "numpy"
"""What fittool's networks are made with; a fixture sets it."""


def fittool_model(network: Network, **arguments) -> ft.Model:
    """The network in fittool."""
    shape = {"inputs": network.shape} if isinstance(network.shape, Mapping) else {"input_shape": network.shape}
    return ft.Model(list(network.layers), **shape, outputs=network.outputs, engine=ENGINE, threads=1, **arguments)
