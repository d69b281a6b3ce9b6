"""Convolutions over images (N, H, W, C), and the one that enlarges them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.activations import Activation
from fittool.nn.initializers import GlorotUniform, InitializerSetting, Zeros
from fittool.nn.layers.base import ChannelGroups, Filters, KernelAndBias, Layer, Padding, PositivePair
from fittool.nn.regularizers import Parameter, RegularizerSetting
from fittool.nn.shapes import Shape, image, size_of, transposed_count, window_count
from fittool.settings import Boolean, Field, Integer, Pair, arguments, setting


@arguments
class Window2D(Layer):
    """A window that moves over images."""

    kernel_size: PositivePair = Field(description="Size of the window, (height, width).")
    strides: PositivePair = Field(default=(1, 1), description="How far the window moves, (height, width).")
    padding: Padding = Field(default="valid", description="Whether windows may reach over the edge, onto zeros.")


@setting
class Convolution(Window2D):
    """A window whose elements may stand apart."""

    dilation_rate: PositivePair = Field(default=(1, 1), description="Distance between the window's elements, (height, width).")

    def positions(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        """The number of positions that the window takes, (height, width).

        Raises:
            ShapeError: The input is no image, or the window does not fit into it.
        """
        height, width, _ = image(shapes)
        sizes = zip((height, width), self.kernel_size, self.strides, self.dilation_rate, strict=True)
        rows, columns = (window_count(size, kernel, stride, self.padding, dilation) for size, kernel, stride, dilation in sizes)
        return rows, columns

    @model_validator(mode="after")
    def _strides_or_dilation(self) -> Self:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise PydanticCustomError("strides_and_dilation", "strides above 1 and dilation_rate above 1 cannot be combined")
        return self


@setting
class Conv2D(KernelAndBias, ChannelGroups, Convolution, Filters):
    """A convolution: (H, W, in) to (H', W', filters)."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(H', W', filters)."""
        self._seen(shapes)
        return (*self.positions(shapes), self.filters)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernel (height, width, in / groups, filters), bias (filters,)."""
        return self.kernel_and_bias((*self.kernel_size, self._seen(shapes), self.filters), self.filters)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each weight and position, and one addition for each bias."""
        return size_of(self.output_shape(shapes)) * (2 * math.prod(self.kernel_size) * self._seen(shapes) + self.use_bias)

    def _seen(self, shapes: Sequence[Shape]) -> int:
        return self.group_channels(image(shapes)[2], self.filters)


@arguments
class DepthMultiplier(Window2D):
    """A window over each channel by itself."""

    depth_multiplier: Integer = Field(default=1, ge=1, description="Number of output channels for each input channel.")


@setting
class DepthwiseConv2D(Convolution, DepthMultiplier):
    """A convolution of each channel by itself: (H, W, in) to (H', W', in · depth_multiplier)."""

    activation: Activation | None = Field(default=None, description="Activation after the bias; none if absent.")
    use_bias: Boolean = Field(default=True, description="Whether a bias is added.")
    depthwise_initializer: InitializerSetting = Field(default=GlorotUniform(), description="How the kernel starts.")
    bias_initializer: InitializerSetting = Field(default=Zeros(), description="How the bias starts.")
    depthwise_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the kernel.")
    bias_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the bias.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(H', W', in · depth_multiplier); the outputs of one input channel are neighbours."""
        return (*self.positions(shapes), image(shapes)[2] * self.depth_multiplier)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernel (height, width, in, depth_multiplier), bias (in · depth_multiplier,); Keras calls the kernel `kernel` too."""
        channels = image(shapes)[2]
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        kernel = Parameter("depthwise_kernel", shape, self.depthwise_initializer, True, self.depthwise_regularizer)
        bias = Parameter("bias", (channels * self.depth_multiplier,), self.bias_initializer, True, self.bias_regularizer)
        return (kernel, bias) if self.use_bias else (kernel,)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each element of the window and output, and one addition for each bias."""
        return size_of(self.output_shape(shapes)) * (2 * math.prod(self.kernel_size) + self.use_bias)


@setting
class SeparableConv2D(Convolution, Filters):
    """A convolution of each channel by itself, then a 1 × 1 convolution over the channels."""

    depth_multiplier: Integer = Field(default=1, ge=1, description="Channels between the convolutions, for each input channel.")
    activation: Activation | None = Field(default=None, description="Activation after the bias; none if absent.")
    use_bias: Boolean = Field(default=True, description="Whether a bias is added, after the second convolution.")
    depthwise_initializer: InitializerSetting = Field(default=GlorotUniform(), description="How the first kernel starts.")
    pointwise_initializer: InitializerSetting = Field(default=GlorotUniform(), description="How the second kernel starts.")
    bias_initializer: InitializerSetting = Field(default=Zeros(), description="How the bias starts.")
    depthwise_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the first kernel.")
    pointwise_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the second kernel.")
    bias_regularizer: RegularizerSetting | None = Field(default=None, description="Penalty on the bias.")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(H', W', filters)."""
        return (*self.positions(shapes), self.filters)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernels (height, width, in, depth_multiplier) and (1, 1, in · depth_multiplier, filters), bias (filters,)."""
        channels = image(shapes)[2]
        first = (*self.kernel_size, channels, self.depth_multiplier)
        second = (1, 1, channels * self.depth_multiplier, self.filters)
        kernels = (
            Parameter("depthwise_kernel", first, self.depthwise_initializer, True, self.depthwise_regularizer),
            Parameter("pointwise_kernel", second, self.pointwise_initializer, True, self.pointwise_regularizer),
        )
        bias = Parameter("bias", (self.filters,), self.bias_initializer, True, self.bias_regularizer)
        return (*kernels, bias) if self.use_bias else kernels

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Those of both convolutions, and one addition for each bias."""
        between, places = image(shapes)[2] * self.depth_multiplier, math.prod(self.positions(shapes))
        return places * (2 * between * math.prod(self.kernel_size) + 2 * between * self.filters + self.use_bias * self.filters)


@arguments
class PaintedWindow(Layer):
    """A window that every pixel paints into the output."""

    kernel_size: PositivePair = Field(description="Size of the kernel, (height, width).")
    strides: PositivePair = Field(default=(1, 1), description="Distance between what two neighbours paint, (height, width).")
    padding: Padding = Field(default="valid", description="`same` cuts the output to size · strides; `valid` keeps all of it.")
    output_padding: Pair | None = Field(
        default=None, description="Rows and columns added to the output, less than the strides; worked out if absent."
    )
    dilation_rate: PositivePair = Field(default=(1, 1), description="Distance between the kernel's elements, (height, width).")


@setting
class Conv2DTranspose(KernelAndBias, PaintedWindow, Filters):
    """The transpose of a convolution: (H, W, in) to (H · strides, W · strides, filters), each pixel painting the kernel."""

    @model_validator(mode="after")
    def _small_additions(self) -> Conv2DTranspose:
        pairs = zip(self.output_padding or (0, 0), self.strides, strict=True)
        if any(not 0 <= added < stride for added, stride in pairs):
            raise PydanticCustomError("output_padding", "output_padding must be 0 or more, and less than strides")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise PydanticCustomError("strides_and_dilation", "strides above 1 and dilation_rate above 1 cannot be combined")
        return self

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(H', W', filters)."""
        added = self.output_padding or (None, None)
        sides = zip(image(shapes)[:2], self.kernel_size, self.strides, self.dilation_rate, added, strict=True)
        height, width = (transposed_count(size, kernel, step, self.padding, gap, more) for size, kernel, step, gap, more in sides)
        return height, width, self.filters

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernel (height, width, filters, in), bias (filters,)."""
        shape = (*self.kernel_size, self.filters, image(shapes)[2])
        return self.kernel_and_bias(shape, self.filters)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each weight and input position, and one addition for each bias."""
        painted = 2 * size_of(image(shapes)) * math.prod(self.kernel_size) * self.filters
        return painted + self.use_bias * size_of(self.output_shape(shapes))
