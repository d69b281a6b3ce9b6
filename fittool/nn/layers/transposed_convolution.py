"""The convolution that enlarges images (N, H, W, C)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from fittool.nn.layers.base import Layer, Padding, PositivePair
from fittool.nn.layers.weights import Filters, KernelAndBias
from fittool.nn.parameter import Parameter
from fittool.nn.shapes import Shape, image, size_of, transposed_count
from fittool.settings import Field, Pair, arguments, setting


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
