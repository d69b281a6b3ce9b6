"""Layers at the start of a network, and the fully connected one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fittool.nn.layers.base import KernelAndBias, Layer, Units, features
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape, ShapeError, single, size_of
from fittool.settings import Field, Integer, Number, setting


@setting
class Input(Layer):
    """Names an input of the network; the first in the list stands for the first array of the data, and so on."""

    shape: tuple[Integer, ...] | None = Field(
        default=None, description="Shape without the batch axis; taken from the data if absent, and compared with them if given."
    )

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of the data.

        Raises:
            ShapeError: `shape` says otherwise.
        """
        shape = super().output_shape(shapes)
        if self.shape is not None and self.shape != shape:
            raise ShapeError(f"expected inputs of shape {self.shape}, got {shape} from the data.")
        return shape

    def flops(self, shapes: Sequence[Shape]) -> int:
        """None."""
        return 0


@setting
class Rescaling(Layer):
    """`inputs * scale + offset`; images enter as uint8 and leave as floats."""

    scale: Number | tuple[Number, ...] = Field(description="Factor on the inputs, such as 1/255, or one for each channel.")
    offset: Number | tuple[Number, ...] = Field(default=0.0, description="Added after scaling; or one for each channel.")

    @property
    def mean_scale(self) -> float:
        """The factor, the mean of all where each channel has its own."""
        return float(np.mean(self.scale))

    @property
    def mean_offset(self) -> float:
        """What is added, the mean where each channel has its own."""
        return float(np.mean(self.offset))

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged.

        Raises:
            ShapeError: There are other than as many channels as numbers.
        """
        for name, values in (("scale", self.scale), ("offset", self.offset)):
            if isinstance(values, tuple) and len(values) != (channels := features(shapes)):
                raise ShapeError(f"{name} has {len(values)} numbers, but inputs of shape {shapes[0]} have {channels} channels.")
        return single(shapes)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One multiplication and one addition for each element."""
        return 2 * size_of(self.output_shape(shapes))


@setting
class Dense(KernelAndBias, Units):
    """`activation(inputs · kernel + bias)` along the last axis: (…, in) to (…, units)."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """(…, units)."""
        features(shapes)
        return (*shapes[0][:-1], self.units)

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Kernel (in, units), bias (units,)."""
        return self.kernel_and_bias((features(shapes), self.units), self.units)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """Two for each weight and row, and one addition for each bias."""
        return size_of(self.output_shape(shapes)) * (2 * features(shapes) + self.use_bias)
