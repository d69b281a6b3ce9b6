"""Columns of codes within the features of a table, each looked up in a table of learned vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.initializers import InitializerSetting, RandomUniform
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, ShapeError, single
from fittool.settings import Field, Integer, setting

Position = Annotated[Integer, Field(ge=0)]
Count = Annotated[Integer, Field(ge=1)]


@setting
class ColumnEmbedding(Layer):
    """Learned vectors in place of columns of codes: (F,) to (F - K + sum of widths,).

    K columns hold whole numbers from 0 to `levels - 1`, written as floating-point numbers as all of a table's features are. The
    other columns come first, in their order and untouched; behind them stands the vector of each column of codes, in the order
    of `columns`. An engine needs no more for it than a lookup in each table and one concatenation; the gradient of a table is the
    sum of what its rows were given, and codes get none. Another code than those is an error, never another row.
    """

    columns: tuple[Position, ...] = Field(min_length=1, description="Positions of the columns of codes, from 0.")
    levels: tuple[Count, ...] = Field(min_length=1, description="How many codes each of them has, the largest plus one.")
    widths: tuple[Count, ...] = Field(min_length=1, description="Length of the vectors of each.")
    embeddings_initializer: InitializerSetting = Field(default=RandomUniform(), description="How the vectors start.")
    embeddings_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the vectors.")

    @model_validator(mode="after")
    def _same_lengths(self) -> ColumnEmbedding:
        if not len(self.columns) == len(self.levels) == len(self.widths):
            raise PydanticCustomError("column_lengths", "must have as many levels and widths as columns")
        if len(set(self.columns)) < len(self.columns):
            raise PydanticCustomError("columns_twice", "must name each column once")
        return self

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(F - K + sum of widths,).

        Raises:
            ShapeError: The input is no row of features, or has too few of them.
        """
        shape = single(shapes)
        if len(shape) != 1:
            raise ShapeError(f"expected features of shape (F,), got inputs of shape {shape}.")
        if max(self.columns) >= shape[0]:
            raise ShapeError(f"takes column {max(self.columns)}, but there are only {shape[0]} columns, 0 to {shape[0] - 1}.")
        return (shape[0] - len(self.columns) + sum(self.widths),)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """A table (levels, width) for each column: `embeddings_0`, `embeddings_1` and so on."""
        self.output_shape(shapes)
        return tuple(
            Parameter(f"embeddings_{number}", (levels, width), self.embeddings_initializer, True, self.embeddings_regularizer)
            for number, (levels, width) in enumerate(zip(self.levels, self.widths, strict=True))
        )

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0
