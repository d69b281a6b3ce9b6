"""Convolution and pooling of volumes (N, D, H, W, C): scans, or films with time as their depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.layers.base import ChannelGroups, Filters, KernelAndBias, Layer, Padding
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape, size_of, volume, window_count
from fittool.settings import Boolean, Field, Integer, arguments, setting


def _triple(value: object) -> object:
    """Keras's short form: one number stands for (depth, height, width)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value, value)
    if not isinstance(value, list | tuple):
        raise PydanticCustomError("triple_form", "must be a whole number, or three for depth, height and width")
    return tuple(value)


def _positive(triple: tuple[int, int, int]) -> tuple[int, int, int]:
    if min(triple) < 1:
        raise PydanticCustomError("positive_triple", "must be 1 or more")
    return triple


PositiveTriple = Annotated[
    tuple[Integer, Integer, Integer],
    BeforeValidator(_triple, json_schema_input_type=int | list[int]),
    AfterValidator(_positive),
]
"""(depth, height, width), all at least 1; one number stands for all three."""


@arguments
class Window3D(Layer):
    """A window that moves over volumes."""

    kernel_size: PositiveTriple = Field(description="Size of the window, (depth, height, width).")
    strides: PositiveTriple = Field(default=(1, 1, 1), description="How far the window moves, (depth, height, width).")
    padding: Padding = Field(default="valid", description="Whether windows may reach over the edge, onto zeros.")
    dilation_rate: PositiveTriple = Field(
        default=(1, 1, 1), description="Distance between the window's elements, (depth, height, width)."
    )


@setting
class Conv3D(KernelAndBias, ChannelGroups, Window3D, Filters):
    """A convolution of volumes: (D, H, W, in) to (D', H', W', filters)."""

    @model_validator(mode="after")
    def _strides_or_dilation(self) -> Conv3D:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise PydanticCustomError("strides_and_dilation", "strides above 1 and dilation_rate above 1 cannot be combined")
        return self

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(D', H', W', filters)."""
        self._seen(shapes)
        sides = zip(volume(shapes), self.kernel_size, self.strides, self.dilation_rate, strict=False)
        counts = (window_count(size, kernel, stride, self.padding, dilation) for size, kernel, stride, dilation in sides)
        return (*counts, self.filters)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernel (depth, height, width, in / groups, filters), bias (filters,)."""
        return self.kernel_and_bias((*self.kernel_size, self._seen(shapes), self.filters), self.filters)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each weight and position, and one addition for each bias."""
        return size_of(self.output_shape(shapes)) * (2 * math.prod(self.kernel_size) * self._seen(shapes) + self.use_bias)

    def _seen(self, shapes: Sequence[Shape]) -> int:
        return self.group_channels(volume(shapes)[-1], self.filters)


@setting
class Pooling3D(Layer):
    """The base of poolings over windows of volumes: (D, H, W, C) to (D', H', W', C)."""

    pool_size: PositiveTriple = Field(default=(2, 2, 2), description="Size of the window, (depth, height, width).")
    strides: PositiveTriple | None = Field(default=None, description="How far the window moves; by default its own size.")
    padding: Padding = Field(default="valid", description="Whether windows may reach over the edge; what lies there is left out.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(D', H', W', C)."""
        *sizes, channels = volume(shapes)
        sides = zip(sizes, self.pool_size, self.strides or self.pool_size, strict=True)
        return (*(window_count(size, window, step, self.padding) for size, window, step in sides), channels)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each element of a window."""
        return size_of(self.output_shape(shapes)) * math.prod(self.pool_size)


@setting
class MaxPooling3D(Pooling3D):
    """The largest value of each window."""


@setting
class AveragePooling3D(Pooling3D):
    """The mean of each window; with padding `same`, over the elements that lie inside the volume."""


@setting
class GlobalPooling3D(Layer):
    """The base of poolings over whole volumes: (D, H, W, C) to (C,)."""

    keepdims: Boolean = Field(default=False, description="Whether the output is (1, 1, 1, C) instead of (C,).")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(C,), or (1, 1, 1, C)."""
        channels = volume(shapes)[-1]
        return (1, 1, 1, channels) if self.keepdims else (channels,)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each element of the input."""
        return size_of(volume(shapes))


@setting
class GlobalAveragePooling3D(GlobalPooling3D):
    """The mean of each channel."""


@setting
class GlobalMaxPooling3D(GlobalPooling3D):
    """The largest value of each channel."""
