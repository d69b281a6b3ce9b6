"""What a transformer puts before and onto a sequence: a token for the whole, and a vector for each position."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.nn.initializers import InitializerSetting, TruncatedNormal, Zeros
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape, sequence
from fittool.settings import Field, setting


@setting
class ClassToken(Layer):
    """A learned vector put before each sequence, which gathers what the whole says: (T, C) to (1 + T, C) (Devlin et al. 2018)."""

    token_initializer: InitializerSetting = Field(default=Zeros(), description="How the vector starts.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(1 + T, C)."""
        steps, channels = sequence(shapes)
        return 1 + steps, channels

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Token (C,)."""
        return (Parameter("token", (sequence(shapes)[1],), self.token_initializer, True),)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0


@setting
class PositionEmbedding(Layer):
    """A learned vector added at each position of sequences (T, C), all of one length (Gehring et al. 2017)."""

    embeddings_initializer: InitializerSetting = Field(default=TruncatedNormal(stddev=0.02), description="How the vectors start.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged."""
        return sequence(shapes)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Embeddings (T, C)."""
        return (Parameter("embeddings", sequence(shapes), self.embeddings_initializer, True),)
