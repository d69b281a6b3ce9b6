"""Layers for the numbers among the features of a table: a robust scale, and learned vectors that follow a number in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from fittool.nn.initializers import InitializerSetting, Ones, Zeros
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, ShapeError, single
from fittool.settings import Field, Integer, Number, arguments, setting


def _each_once(columns: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(columns)) < len(columns):
        raise PydanticCustomError("columns_twice", "must name each column once")
    return columns


Columns = Annotated[tuple[Annotated[Integer, Field(ge=0)], ...], Field(min_length=1), AfterValidator(_each_once)]
"""Positions of features, from 0."""


@arguments
class NumberColumns(Layer):
    """A layer that takes statistics of some of the features from the training data, before the first epoch."""

    columns: Columns | None = Field(
        default=None, kw_only=True, description="Positions of the features that are numbers, from 0; by default all are."
    )

    @property
    def adapts(self) -> bool:
        """True: its statistics are taken from the training data before training."""
        return True

    def numbers(self, shapes: Sequence[Shape]) -> tuple[int, ...]:
        """The positions of the numbers, K of them.

        Raises:
            ShapeError: The input is no row of features, or has too few of them.
        """
        shape = single(shapes)
        if len(shape) != 1:
            raise ShapeError(f"expected features of shape (F,), got inputs of shape {shape}.")
        if self.columns is not None and max(self.columns) >= shape[0]:
            raise ShapeError(f"takes column {max(self.columns)}, but there are only {shape[0]} columns, 0 to {shape[0] - 1}.")
        return tuple(range(shape[0])) if self.columns is None else self.columns


@setting
class RobustScaling(NumberColumns):
    """`z / √(1 + (z / limit)²)` with `z = (inputs - median) / interquartile range`, of the features that are numbers.

    A single enormous value moves neither median nor quartiles, and leaves with less than `limit`: the robust scale with smooth
    clipping of RealMLP (Holzmüller et al., "Better by Default", 2024). Where the quartiles are one number, half of the range
    divides; a constant becomes 0. Other features pass unchanged.
    """

    limit: Number | None = Field(default=3.0, gt=0, description="What no number goes beyond; none if null.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged, (F,)."""
        self.numbers(shapes)
        return shapes[0]

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Center and scale, (K,) each: what is taken off, then what is multiplied by; never moved by the optimizer."""
        shape = (len(self.numbers(shapes)),)
        return Parameter("center", shape, Zeros(), False), Parameter("scale", shape, Ones(), False)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each number, seven with the limit."""
        return len(self.numbers(shapes)) * (2 if self.limit is None else 7)


@setting
class PiecewiseLinearEmbedding(NumberColumns):
    """A learned vector for each number, piecewise linear in it: (F,) to (F + K · output_dim,).

    The features pass first, unchanged; behind them stand the vectors of the K numbers, in the order of `columns`. The range of a
    number is cut into bins; a value fills the bins below it (1), the one that it lies in as far as it goes (0 to 1), and none
    above (0). This row of fillings times the number's own kernel is its vector (Gorishniy et al., "On Embeddings for Numerical
    Features in Tabular Deep Learning", 2022; fillings end at 0 and 1 here, so that values outside of the range stay at its edge).

    Edges lie at quantiles of the training data; a value that more rows have than a bin holds takes one bin, so that the many
    zeros of a column leave the bins to its other values.
    """

    bins: Integer = Field(default=32, ge=1, le=4096, description="Pieces of each number, at most.")
    output_dim: Integer = Field(default=8, ge=1, description="Length of the vectors.")
    kernel_initializer: InitializerSetting = Field(default=Zeros(), description="How the kernels start.")
    kernel_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the kernels.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(F + K · output_dim,)."""
        count = len(self.numbers(shapes))
        return (shapes[0][0] + count * self.output_dim,)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Edges (K, bins + 1), never moved by the optimizer, and the kernel (K, bins, output_dim)."""
        count = len(self.numbers(shapes))
        kernel = (count, self.bins, self.output_dim)
        return (
            Parameter("edges", (count, self.bins + 1), Zeros(), False),
            Parameter("kernel", kernel, self.kernel_initializer, True, self.kernel_regularizer),
        )

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Four for each filling, two for each weight of the kernel."""
        return len(self.numbers(shapes)) * self.bins * (4 + 2 * self.output_dim)
