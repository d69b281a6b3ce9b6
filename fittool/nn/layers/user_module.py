"""A network of the user's, made by a function in the library of one engine; here are its weights and shapes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittool.nn.initializers import Initializer, Weights
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape, ShapeError, single, size_of
from fittool.settings import Field, Text, setting


class HeldWeight(NamedTuple):
    """One weight of a module: its name, whether it learns, and its value before training, (*shape) float32."""

    name: str
    trainable: bool
    value: NDArray[np.float32]


@dataclass(frozen=True)
class HeldModule:
    """A module that was made, and what is known of it.

    Attributes:
        module: The engine's own object.
        weights: Its weights, in its own order and layout.
        input_shape, output_shape: What it takes and gives, without the batch axis.
    """

    module: Any
    weights: tuple[HeldWeight, ...]
    input_shape: Shape
    output_shape: Shape


HELD: dict[str, HeldModule] = {}
"""The modules of this process, by what they were made with; descriptions are plain data and name them."""


@setting
class AsMade(Initializer):
    """The value that the user's function gave a weight."""

    key: Text = Field(description="The module, see `HELD`.")
    name: Text = Field(description="The weight's name in the module.")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) as it was made."""
        return next(weight.value for weight in HELD[self.key].weights if weight.name == self.name).copy()


@setting
class UserModule(Layer):
    """A network of the user's as one layer; only the engine that it is written for can compute it."""

    key: Text = Field(description="The module, see `HELD`.")

    @property
    def is_random(self) -> bool:
        """It may be."""
        return True

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """What the module gave for one sample.

        Raises:
            ShapeError: It was made for other inputs.
        """
        held = HELD[self.key]
        if single(shapes) != held.input_shape:
            raise ShapeError(f"was made for inputs of shape {held.input_shape}, got {shapes[0]}.")
        return held.output_shape

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Its weights under their own names, in their own layout."""
        return tuple(
            Parameter(weight.name, weight.value.shape, AsMade(self.key, weight.name), weight.trainable)
            for weight in HELD[self.key].weights
        )

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each weight: of a convolution only a part is known."""
        return 2 * sum(size_of(parameter.shape) for parameter in self.parameters(shapes))
