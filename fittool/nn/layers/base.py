"""What every layer has: its name, its place in the graph, and how shapes pass through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from fittool.nn.parameter import Parameter
from fittool.nn.shapes import Shape, ShapeError, single, size_of
from fittool.settings import Boolean, Field, Integer, Named, Pair, Text, ValueName, setting


def _listed(value: object) -> object:
    """A single name stands for a list of one."""
    return (value,) if isinstance(value, str) else value


def _alone(value: object) -> object:
    """Keras's other form of one number: a list of one."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def _positive(pair: tuple[int, int]) -> tuple[int, int]:
    if min(pair) < 1:
        raise PydanticCustomError("positive_pair", "must be 1 or more")
    return pair


Names = Annotated[tuple[Text, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
"""Names of layers; a single text stands for a list of one."""
PositivePair = Annotated[Pair, AfterValidator(_positive)]
"""(height, width), both at least 1; one number stands for both."""
PositiveSingle = Annotated[Integer, Field(ge=1), BeforeValidator(_alone, json_schema_input_type=int | list[int])]
"""A whole number from 1; a list of one is welcome."""
Padding = Literal["valid", "same"]
"""`valid`: only windows that lie inside; `same`: padded with zeros, ceil(size / stride) windows."""
LastAxis = Literal[-1]
"""The channels: the only axis for which this is offered."""


@setting
class Layer(Named):
    """A description of one layer; arrays live in the engine.

    The defaults of the methods are those of a layer that works element by element and has no parameters.
    """

    name: ValueName | None = Field(
        default=None, kw_only=True, description="Name in the graph, in weights and in messages; made from the class if absent."
    )
    inputs: Names | None = Field(
        default=None, kw_only=True, description="Names of the layers or graph inputs it takes; by default the layer before it."
    )
    trainable: Boolean = Field(default=True, kw_only=True, description="Whether the optimizer moves its weights.")

    @property
    def is_random(self) -> bool:
        """Whether it draws random numbers while it trains."""
        return False

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The output's shape, without the batch axis.

        Args:
            shapes: One shape for each input.

        Raises:
            ShapeError: The layer cannot take these shapes.
        """
        return single(shapes)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """The weight arrays for inputs of these shapes, in the order of Keras's `get_weights`."""
        return ()

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Floating-point operations of the forward pass for one sample; a multiplication with its addition counts 2."""
        return size_of(self.output_shape(shapes))


def features(shapes: Sequence[Shape]) -> int:
    """The size of the last axis of the only input.

    Raises:
        ShapeError: The input has no axis beside the batch.
    """
    shape = single(shapes)
    if not shape:
        raise ShapeError("expected inputs with at least one axis beside the batch, got single numbers.")
    return shape[-1]
