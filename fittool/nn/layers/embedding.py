"""The layer that looks vectors up."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.nn.initializers import InitializerSetting, RandomUniform
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, single
from fittool.settings import Field, Integer, setting


@setting
class Embedding(Layer):
    """A learned vector for each whole number from 0 to `input_dim - 1`: (…) to (…, output_dim); others are an error."""

    input_dim: Integer = Field(ge=1, description="How many different whole numbers there are, the largest plus one.")
    output_dim: Integer = Field(ge=1, description="Length of the vectors.")
    embeddings_initializer: InitializerSetting = Field(default=RandomUniform(), description="How the vectors start.")
    embeddings_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the vectors.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(…, output_dim)."""
        return (*single(shapes), self.output_dim)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Embeddings (input_dim, output_dim)."""
        shape = (self.input_dim, self.output_dim)
        return (Parameter("embeddings", shape, self.embeddings_initializer, True, self.embeddings_regularizer),)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0
