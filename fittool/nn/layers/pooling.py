"""Pooling over images (N, H, W, C)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fittool.nn.layers.base import Layer, Padding, PositivePair
from fittool.nn.shapes import Shape, image, size_of, window_count
from fittool.settings import Boolean, Field, setting


@setting
class Pooling2D(Layer):
    """The base of poolings over windows: (H, W, C) to (H', W', C)."""

    pool_size: PositivePair = Field(default=(2, 2), description="Size of the window, (height, width).")
    strides: PositivePair | None = Field(default=None, description="How far the window moves; by default its own size.")
    padding: Padding = Field(default="valid", description="Whether windows may reach over the edge; what lies there is left out.")

    @property
    def steps(self) -> tuple[int, int]:
        """The steps by which the window moves, (height, width)."""
        return self.strides or self.pool_size

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(H', W', C)."""
        height, width, channels = image(shapes)
        sizes = zip((height, width), self.pool_size, self.steps, strict=True)
        rows, columns = (window_count(size, window, step, self.padding) for size, window, step in sizes)
        return rows, columns, channels

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each element of a window."""
        return size_of(self.output_shape(shapes)) * math.prod(self.pool_size)


@setting
class MaxPooling2D(Pooling2D):
    """The largest value of each window."""


@setting
class AveragePooling2D(Pooling2D):
    """The mean of each window; with padding `same`, over the elements that lie inside the image."""


@setting
class GlobalPooling2D(Layer):
    """The base of poolings over whole images: (H, W, C) to (C,)."""

    keepdims: Boolean = Field(default=False, description="Whether the output is (1, 1, C) instead of (C,).")

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(C,), or (1, 1, C)."""
        channels = image(shapes)[2]
        return (1, 1, channels) if self.keepdims else (channels,)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each element of the input."""
        return size_of(image(shapes))


@setting
class GlobalAveragePooling2D(GlobalPooling2D):
    """The mean of each channel."""


@setting
class GlobalMaxPooling2D(GlobalPooling2D):
    """The largest value of each channel."""
