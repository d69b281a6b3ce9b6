"""Activations as layers of their own."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.nn.activations import Activation as ActivationName
from fittool.nn.initializers import InitializerSetting, Zeros
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, feature_axis, single
from fittool.settings import Boolean, Field, Integer, Number, setting


@setting
class Activation(Layer):
    """Any activation by its name."""

    activation: ActivationName = Field(description="Name of the activation.")


@setting
class ReLU(Layer):
    """`x` from `threshold` up, at most `max_value`; below it `negative_slope · (x - threshold)`."""

    max_value: Number | None = Field(default=None, ge=0, description="Largest output; no limit if absent.")
    negative_slope: Number = Field(default=0.0, ge=0, description="Slope below the threshold.")
    threshold: Number = Field(default=0.0, ge=0, description="Where the output starts to follow the input.")


@setting
class LeakyReLU(Layer):
    """`x` where it is positive, `negative_slope · x` elsewhere."""

    negative_slope: Number = Field(default=0.3, ge=0, description="Slope below zero.")


@setting
class PReLU(Layer):
    """`x` where it is positive, `alpha · x` elsewhere, alpha being learned (He et al. 2015)."""

    alpha_initializer: InitializerSetting = Field(default=Zeros(), description="How alpha starts.")
    alpha_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on alpha.")
    shared_axes: tuple[Integer, ...] | None = Field(
        default=None, description="Axes along which alpha is the same, the batch axis being 0; [1, 2] for one alpha a channel."
    )

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged."""
        self.parameters(shapes)
        return shapes[0]

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Alpha, of the input's shape with shared axes of size 1."""
        shape = list(single(shapes))
        for axis in self.shared_axes or ():
            shape[feature_axis(axis, shapes[0])] = 1
        return (Parameter("alpha", tuple(shape), self.alpha_initializer, True, self.alpha_regularizer),)


@setting
class ELU(Layer):
    """`x` where it is positive, `alpha · (exp(x) - 1)` elsewhere."""

    alpha: Number = Field(default=1.0, ge=0, description="Minus the limit far below zero.")


@setting
class SELU(Layer):
    """The ELU with the scale that keeps mean 0 and variance 1 (Klambauer et al. 2017)."""


@setting
class GELU(Layer):
    """`x` times the normal distribution function of `x` (Hendrycks and Gimpel 2016)."""

    approximate: Boolean = Field(default=False, description="Whether the distribution function is taken from a tanh.")


@setting
class SiLU(Layer):
    """`x · sigmoid(x)`."""


@setting
class Sigmoid(Layer):
    """`1 / (1 + exp(-x))`."""


@setting
class Tanh(Layer):
    """The hyperbolic tangent."""


@setting
class Softmax(Layer):
    """`exp(x) / Σ exp(x)` along one axis."""

    axis: Integer = Field(default=-1, description="The axis along which the outputs add up to 1, the batch axis being 0.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged."""
        feature_axis(self.axis, single(shapes))
        return shapes[0]
