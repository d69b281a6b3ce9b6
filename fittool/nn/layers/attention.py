"""Attention: each position of a sequence looks at all positions of another, or of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator

from fittool.nn.calls.symbolic import SymbolicTensor, called
from fittool.nn.initializers import GlorotUniform, InitializerSetting, Zeros
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, ShapeError, size_of
from fittool.settings import Boolean, Field, Integer, Number, setting


def _as_shape(value: object) -> object:
    """Keras's short form: one number stands for one axis."""
    return (value,) if isinstance(value, int) and not isinstance(value, bool) else value


OutputShape = Annotated[
    tuple[Annotated[Integer, Field(ge=1)], ...], BeforeValidator(_as_shape, json_schema_input_type=int | list[int])
]
"""The sizes of the last axes of an output; one number stands for one axis."""


@setting
class MultiHeadAttention(Layer):
    """Attention of several heads (Vaswani et al. 2017) of query, value and key, or of one input that is all three.

    From (T, C) to (T, C): each position a mixture of the values at all positions, by `softmax(query · key / √key_dim)` in every
    head. With two inputs the value is the key too. Images and volumes are taken as the sequence of their positions.
    """

    num_heads: Integer = Field(ge=1, description="Number of heads.")
    key_dim: Integer = Field(ge=1, description="Size of query and key in each head.")
    value_dim: Annotated[Integer, Field(ge=1)] | None = Field(
        default=None, description="Size of the value in each head; `key_dim` if absent."
    )
    dropout: Number = Field(default=0.0, ge=0, lt=1, description="Share of the mixture's weights that is dropped.")
    use_bias: Boolean = Field(default=True, description="Whether the four projections add a bias.")
    output_shape_: OutputShape | None = Field(
        default=None,
        alias="output_shape",
        validation_alias=AliasChoices("output_shape", "output_shape_"),
        description="Sizes of the output's last axes; that of the query if absent.",
    )
    kernel_initializer: InitializerSetting = Field(default=GlorotUniform(), description="How the kernels start.")
    bias_initializer: InitializerSetting = Field(default=Zeros(), description="How the biases start.")
    kernel_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the kernels.")
    bias_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the biases.")
    seed: Integer | None = Field(default=None, description="Seed of the layer's own random numbers; the run's if absent.")
    use_causal_mask: Boolean = Field(
        default=False, kw_only=True, description="Whether a position looks only at itself and at those before it."
    )

    def __call__(self, query: Any, value: Any = None, key: Any = None, *, use_causal_mask: bool | None = None) -> SymbolicTensor:
        """The layer's output in a network that is written as calls.

        Args:
            query: A symbolic tensor (T, C); or a list of query, value and key.
            value: Another (S, …), or the same; the query if absent.
            key: A third (S, …); the value if absent.
            use_causal_mask: As the argument of the layer, which it replaces if given.

        Raises:
            TypeError: They are something else.
            ExperimentError: A ValueError: the layer cannot take their shapes.
        """
        given = query if isinstance(query, list | tuple) else [one for one in (query, value, key) if one is not None]
        layer = self
        if use_causal_mask is not None and use_causal_mask != self.use_causal_mask:
            layer = replace(self, use_causal_mask=use_causal_mask)
        return called(layer, given[0] if all(one is given[0] for one in given) else given)

    @property
    def is_random(self) -> bool:
        """True where weights of the mixture are dropped."""
        return self.dropout > 0

    @property
    def value_size(self) -> int:
        """The size of the value in each head."""
        return self.value_dim or self.key_dim

    def projections(self, shapes: Sequence[Shape]) -> dict[str, int]:
        """The number of the input that each of query, key and value is made of.

        Raises:
            ShapeError: There are more than three inputs, or they have other than two axes or more.
        """
        if not 1 <= len(shapes) <= 3:
            raise ShapeError(f"expected a query, or query and value, or query, value and key, got {len(shapes)} inputs.")
        if any(len(shape) < 2 for shape in shapes):
            raise ShapeError(f"expected sequences (steps, channels), got shape {min(shapes, key=len)}.")
        value, key = min(1, len(shapes) - 1), len(shapes) - 1
        if shapes[key][:-1] != shapes[value][:-1]:
            raise ShapeError(f"expected a key for each value, got shapes {shapes[key]} and {shapes[value]}.")
        return {"query": 0, "key": key, "value": value}

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(T, C), or (T, *output_shape)."""
        self.projections(shapes)
        return (*shapes[0][:-1], *(self.output_shape_ or shapes[0][-1:]))

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernels (in, heads, size) and biases (heads, size) of query, key and value; kernel (heads, size, …) and bias (…)."""
        made: list[Parameter] = []
        for name, number in self.projections(shapes).items():
            inner = (self.num_heads, self.value_size if name == "value" else self.key_dim)
            made += self._projection(name, (shapes[number][-1], *inner), inner)
        outer = self.output_shape_ or shapes[0][-1:]
        return (*made, *self._projection("attention_output", (self.num_heads, self.value_size, *outer), outer))

    def _projection(self, name: str, kernel: Shape, bias: Shape) -> list[Parameter]:
        weights = Parameter(f"{name}_kernel", kernel, self.kernel_initializer, True, self.kernel_regularizer)
        return [weights, *self._bias(name, bias)]

    def _bias(self, name: str, shape: Shape) -> list[Parameter]:
        return [Parameter(f"{name}_bias", shape, self.bias_initializer, True, self.bias_regularizer)] if self.use_bias else []

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each weight and position and each element that is mixed, and about four for each weight of a mixture."""
        positions = [math.prod(shape[:-1]) for shape in shapes]
        taken = self.projections(shapes)
        sizes = {"query": self.key_dim, "key": self.key_dim, "value": self.value_size}
        inner = sum(
            positions[n] * self.num_heads * sizes[name] * (2 * shapes[n][-1] + self.use_bias) for name, n in taken.items()
        )
        mixed = positions[0] * positions[taken["key"]] * self.num_heads * (2 * (self.key_dim + self.value_size) + 4)
        return inner + mixed + size_of(self.output_shape(shapes)) * (2 * self.num_heads * self.value_size + self.use_bias)
