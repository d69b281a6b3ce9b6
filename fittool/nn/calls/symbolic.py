"""Symbolic tensors: what a layer will give once there are numbers, for networks that are written as calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.errors import ExperimentError
from fittool.nn.shapes import Shape, ShapeError

Weights = Callable[[], Mapping[str, NDArray[np.generic]]]
"""Copies of a layer's weights by their names in the layer."""


class Called(Protocol):
    """The part of a layer that a call needs."""

    @property
    def name(self) -> str | None:
        """The layer's own name."""

    @property
    def input_shape(self) -> Shape | None:
        """The shape that the layer says it takes."""

    @classmethod
    def public_name(cls) -> str:
        """The kind of layer."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The output's shape, without the batch axis."""


@dataclass(frozen=True, eq=False)
class SymbolicTensor:
    """The output of a layer in a network under construction, or one of its inputs.

    Attributes:
        layer: The layer that gives it; an `Input` where the network begins.
        inputs: The tensors that the layer takes.
        sample_shape: Its shape without the batch axis; None for an input whose shape only the data know.
        weights: Gives the weights that the layer begins with, where it is a copy of another model's; None: they are drawn.
    """

    layer: Called
    inputs: tuple[SymbolicTensor, ...]
    sample_shape: Shape | None
    weights: Weights | None = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape with the batch axis, (None, …).

        Raises:
            ExperimentError: A ValueError: it is an input without a shape.
        """
        if self.sample_shape is None:
            raise ExperimentError("The input has no shape yet: Input(shape=…), without the axis of samples.")
        return (None, *self.sample_shape)

    @property
    def ndim(self) -> int:
        """The number of axes, that of the batch included."""
        return len(self.shape)

    @property
    def name(self) -> str | None:
        """The name of its layer, if it was given one."""
        return self.layer.name


def called(layer: Called, inputs: Any) -> SymbolicTensor:
    """The output of a layer that is called.

    Args:
        layer: The layer.
        inputs: A symbolic tensor, or a list of those that it merges.

    Raises:
        TypeError: They are something else.
        ExperimentError: A ValueError: the layer cannot take their shapes.
    """
    given = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
    kind = layer.public_name()
    if not given or not all(isinstance(tensor, SymbolicTensor) for tensor in given):
        raise TypeError(
            f"{kind} was called with {type(inputs).__name__}; layers are called with what Input(shape=…) or another layer gave. "
            f"For arrays make a model of it: Sequential([…])(array)."
        )
    shapes = [tensor.shape[1:] for tensor in given]
    named = kind if layer.name is None else f'{kind} "{layer.name}"'
    try:
        shape = layer.output_shape(shapes)
    except ShapeError as error:
        raise ExperimentError(f"{named}: {error}") from None
    if layer.input_shape is not None and layer.input_shape != shapes[0]:
        raise ExperimentError(f"{named}: expected inputs of shape {layer.input_shape}, got {shapes[0]}.")
    return SymbolicTensor(layer, given, shape)
