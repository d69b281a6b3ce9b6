"""Convolution, pooling, padding and enlargement of sequences (N, T, C)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.layers.base import ChannelGroups, Filters, KernelAndBias, Layer, Padding, PositiveSingle
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape, ShapeError, sequence, size_of, window_count
from fittool.settings import Boolean, Field, Integer, arguments, setting


def _ends(value: object) -> object:
    """Keras's short form: one number for both ends."""
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


NonNegative = Annotated[Integer, Field(ge=0)]
Ends = Annotated[tuple[NonNegative, NonNegative], BeforeValidator(_ends, json_schema_input_type=int | list[int])]
"""(before, after); one number stands for both."""


@arguments
class Window1D(Layer):
    """A window that moves along a sequence."""

    kernel_size: PositiveSingle = Field(description="Length of the window.")
    strides: PositiveSingle = Field(default=1, description="How far the window moves.")
    padding: Literal["valid", "same", "causal"] = Field(
        default="valid", description="Whether windows may reach over the ends, onto zeros; `causal`: over the beginning only."
    )
    dilation_rate: PositiveSingle = Field(default=1, description="Distance between the window's elements.")


@setting
class Conv1D(KernelAndBias, ChannelGroups, Window1D, Filters):
    """A convolution along sequences: (T, in) to (T', filters)."""

    @model_validator(mode="after")
    def _strides_or_dilation(self) -> Conv1D:
        if self.strides > 1 and self.dilation_rate > 1:
            raise PydanticCustomError("strides_and_dilation", "strides above 1 and dilation_rate above 1 cannot be combined")
        return self

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(T', filters)."""
        steps, channels = sequence(shapes)
        self.group_channels(channels, self.filters)
        return window_count(steps, self.kernel_size, self.strides, self.padding, self.dilation_rate), self.filters

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernel (length, in / groups, filters), bias (filters,)."""
        shape = (self.kernel_size, self.group_channels(sequence(shapes)[1], self.filters), self.filters)
        return self.kernel_and_bias(shape, self.filters)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each weight and position, and one addition for each bias."""
        seen = self.group_channels(sequence(shapes)[1], self.filters)
        return size_of(self.output_shape(shapes)) * (2 * self.kernel_size * seen + self.use_bias)


@setting
class Pooling1D(Layer):
    """The base of poolings over windows of sequences: (T, C) to (T', C)."""

    pool_size: PositiveSingle = Field(default=2, description="Length of the window.")
    strides: PositiveSingle | None = Field(default=None, description="How far the window moves; by default its own length.")
    padding: Padding = Field(default="valid", description="Whether windows may reach over the ends; what lies there is left out.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(T', C)."""
        steps, channels = sequence(shapes)
        return window_count(steps, self.pool_size, self.strides or self.pool_size, self.padding), channels

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each element of a window."""
        return size_of(self.output_shape(shapes)) * self.pool_size


@setting
class MaxPooling1D(Pooling1D):
    """The largest value of each window."""


@setting
class AveragePooling1D(Pooling1D):
    """The mean of each window; with padding `same`, over the elements that lie inside the sequence."""


@setting
class GlobalPooling1D(Layer):
    """The base of poolings over whole sequences: (T, C) to (C,)."""

    keepdims: Boolean = Field(default=False, description="Whether the output is (1, C) instead of (C,).")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(C,), or (1, C)."""
        channels = sequence(shapes)[1]
        return (1, channels) if self.keepdims else (channels,)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each element of the input."""
        return size_of(sequence(shapes))


@setting
class GlobalAveragePooling1D(GlobalPooling1D):
    """The mean of each channel."""


@setting
class GlobalMaxPooling1D(GlobalPooling1D):
    """The largest value of each channel."""


@setting
class ZeroPadding1D(Layer):
    """Zeros at both ends of sequences."""

    padding: Ends = Field(default=(1, 1), description="How many zeros go (before, after), or one number for both.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(before + T + after, C)."""
        steps, channels = sequence(shapes)
        return steps + sum(self.padding), channels

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0


@setting
class Cropping1D(Layer):
    """Sequences without their ends."""

    cropping: Ends = Field(default=(1, 1), description="How many steps go (before, after), or one number for both.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(T - before - after, C).

        Raises:
            ShapeError: Nothing would be left.
        """
        steps, channels = sequence(shapes)
        if steps <= sum(self.cropping):
            raise ShapeError(f"cropping {self.cropping} leaves nothing of sequences of shape {shapes[0]}.")
        return steps - sum(self.cropping), channels

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0


@setting
class UpSampling1D(Layer):
    """Each step of a sequence repeated."""

    size: PositiveSingle = Field(default=2, description="How often each step is repeated.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(T · size, C)."""
        steps, channels = sequence(shapes)
        return steps * self.size, channels

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0
