"""Layers that bring their inputs to a common scale, along the last axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.initializers import Constant, Initializer, InitializerSetting, Ones, Zeros
from fittool.nn.layers.base import LastAxis, Layer, features
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, ShapeError, size_of
from fittool.settings import Boolean, Field, Integer, Number, arguments, setting


def _as_list(value: object) -> object:
    """One number stands for the same number in every channel."""
    return (value,) if isinstance(value, int | float | str) and not isinstance(value, bool) else value


PerChannel = Annotated[tuple[Number, ...], BeforeValidator(_as_list, json_schema_input_type=float | str | list[float | str])]
"""One number for each place on the last axis; a single number stands for all."""


@setting
class Normalization(Layer):
    """`(inputs - mean) / √variance` for each place on the last axis; without the two it adapts to the training data."""

    axis: LastAxis = Field(default=-1, description="The axis whose places have their own mean and variance: the last.")
    mean: PerChannel | None = Field(default=None, description="Mean of each place; from the training data if absent.")
    variance: PerChannel | None = Field(default=None, description="Variance of each place; from the training data if absent.")

    @model_validator(mode="after")
    def _both_or_none(self) -> Normalization:
        if (self.mean is None) != (self.variance is None):
            raise PydanticCustomError("mean_and_variance", "mean and variance must be given together, or neither")
        return self

    @property
    def adapts(self) -> bool:
        """True where mean and variance are to be taken from the training data before training."""
        return self.mean is None

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged.

        Raises:
            ShapeError: mean or variance have another number of places.
        """
        places = features(shapes)
        for name, values in (("mean", self.mean), ("variance", self.variance)):
            if values is not None and len(values) not in (1, places):
                raise ShapeError(f"{name} has {len(values)} numbers, but inputs of shape {shapes[0]} have {places} channels.")
        return shapes[0]

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Mean and variance, (C,) each, never moved by the optimizer."""
        shape = (features(shapes),)
        mean: Initializer = Zeros() if self.mean is None else Constant(self.mean)
        variance: Initializer = Ones() if self.variance is None else Constant(self.variance)
        return Parameter("mean", shape, mean, False), Parameter("variance", shape, variance, False)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One subtraction and one multiplication for each element."""
        return 2 * size_of(self.output_shape(shapes))


@setting
class BatchNormalization(Layer):
    """`gamma · (inputs - mean) / √(variance + epsilon) + beta` with mean and variance of the batch (Ioffe and Szegedy 2015).

    Outside training, and always with `trainable: false`, moving averages stand in: `moving · momentum + batch · (1 - momentum)`,
    the batch's variance being the biased one.
    """

    axis: LastAxis = Field(default=-1, description="The axis whose places are normalized by themselves: the last.")
    momentum: Number = Field(default=0.99, ge=0, le=1, description="How much of the moving averages stays at each step.")
    epsilon: Number = Field(default=1e-3, gt=0, description="Added to the variance.")
    center: Boolean = Field(default=True, description="Whether beta is added.")
    scale: Boolean = Field(default=True, description="Whether there is a factor gamma.")
    beta_initializer: InitializerSetting = Field(default=Zeros(), description="How beta starts.")
    gamma_initializer: InitializerSetting = Field(default=Ones(), description="How gamma starts.")
    moving_mean_initializer: InitializerSetting = Field(default=Zeros(), description="How the moving mean starts.")
    moving_variance_initializer: InitializerSetting = Field(default=Ones(), description="How the moving variance starts.")
    beta_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on beta.")
    gamma_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on gamma.")

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Gamma, beta, moving mean, moving variance, (C,) each."""
        shape = (features(shapes),)
        mean = Parameter("moving_mean", shape, self.moving_mean_initializer, False)
        variance = Parameter("moving_variance", shape, self.moving_variance_initializer, False)
        return (*_gamma_and_beta(self, shapes), mean, variance)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One factor and one addition for each element, as in use after training."""
        return 2 * size_of(self.output_shape(shapes))


@arguments
class GammaAndBeta(Layer):
    """A layer that brings the last axis to mean 0 and variance 1, then multiplies by gamma and adds beta."""

    axis: LastAxis = -1
    epsilon: Number = Field(default=1e-3, gt=0, description="Added to the variance.")
    center: Boolean = Field(default=True, description="Whether beta is added.")
    scale: Boolean = Field(default=True, description="Whether there is a factor gamma.")
    beta_initializer: InitializerSetting = Field(default=Zeros(), description="How beta starts.")
    gamma_initializer: InitializerSetting = Field(default=Ones(), description="How gamma starts.")
    beta_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on beta.")
    gamma_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on gamma.")

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Gamma, beta, (C,) each, as far as the layer has them."""
        return _gamma_and_beta(self, shapes)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """About eight for each element: two sums, the difference, its square, the factor, the two parameters."""
        return 8 * size_of(self.output_shape(shapes))


@setting
class LayerNormalization(GammaAndBeta):
    """`gamma · (inputs - mean) / √(variance + epsilon) + beta` with mean and variance over the last axis (Ba et al. 2016)."""

    axis: LastAxis = Field(default=-1, description="The axis over which mean and variance are taken: the last.")


@arguments
class Groups(Layer):
    """A layer that splits the channels into groups."""

    groups: Integer = Field(default=32, ge=-1, description="Number of groups of neighbouring channels; -1 for one each channel.")


@setting
class GroupNormalization(GammaAndBeta, Groups):
    """As layer normalization, with mean and variance over all positions of a group of channels (Wu and He 2018)."""

    axis: LastAxis = Field(default=-1, description="The axis that is split into groups: the last.")

    @model_validator(mode="after")
    def _some_groups(self) -> GroupNormalization:
        if self.groups == 0:
            raise PydanticCustomError("groups", "groups must be 1 or more, or -1 for one group each channel")
        return self

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged.

        Raises:
            ShapeError: The channels cannot be split into that many groups of one size.
        """
        channels = features(shapes)
        if channels % self.groups:
            raise ShapeError(f"{channels} channels cannot be split into {self.groups} groups; use a divisor of {channels}.")
        return shapes[0]


def _gamma_and_beta(layer: BatchNormalization | GammaAndBeta, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
    """Factor and offset of each place on the last axis, (C,) each, as far as the layer has them."""
    shape = (features(shapes),)
    gamma = Parameter("gamma", shape, layer.gamma_initializer, True, layer.gamma_regularizer)
    beta = Parameter("beta", shape, layer.beta_initializer, True, layer.beta_regularizer)
    return (*([gamma] if layer.scale else []), *([beta] if layer.center else []))
