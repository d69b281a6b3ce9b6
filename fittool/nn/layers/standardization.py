"""The fixed steps that ImageDataGenerator takes behind its random ones, as a layer: they hold wherever the network is used."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.nn.initializers import Ones, Zeros
from fittool.nn.layers.base import Layer
from fittool.nn.regularizers import Parameter
from fittool.nn.shapes import Shape, ShapeError, single, size_of
from fittool.settings import Boolean, Field, Number, setting

LARGEST_WHITENED = 12_288
"""Values in an image beyond which ZCA, whose matrix has their square, is refused."""


@setting
class Standardization(Layer):
    """Rescales, then centres and divides images by their own and by the training data's statistics, then whitens them.

    `augmentation:` puts it in front of the network where it asks for one of these steps. Division by a standard deviation
    and whitening take the mean off first, and whitening stands in place of the division by the training data's, as in Keras.
    """

    rescale: Number | None = Field(default=None, description="A factor on all values, before anything else.")
    samplewise_center: Boolean = Field(default=False, description="Whether each image's own mean is taken off.")
    samplewise_std_normalization: Boolean = Field(
        default=False, description="Whether each image is divided by its own standard deviation."
    )
    featurewise_center: Boolean = Field(
        default=False, description="Whether each channel's mean over the training data is taken off."
    )
    featurewise_std_normalization: Boolean = Field(
        default=False, description="Whether each channel is divided by its standard deviation over the training data."
    )
    zca_whitening: Boolean = Field(
        default=False, description="Whether pixels are made uncorrelated over the training data, by ZCA."
    )
    zca_epsilon: Number = Field(default=1e-6, gt=0, description="Added to the singular values that ZCA divides by.")

    @property
    def adapts(self) -> bool:
        """True where statistics are to be taken from the training data before training."""
        return self.featurewise_center or self.featurewise_std_normalization or self.zca_whitening

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged.

        Raises:
            ShapeError: The inputs are no images, or too large to whiten.
        """
        shape = single(shapes)
        if len(shape) != 3:
            raise ShapeError(f"expected images of shape (height, width, channels), got inputs of shape {shape}.")
        if self.zca_whitening and size_of(shape) > LARGEST_WHITENED:
            raise ShapeError(
                f"zca_whitening goes up to {LARGEST_WHITENED:,} values in an image, as its matrix has their square, but images "
                f"of shape {shape} have {size_of(shape):,}. Use smaller images, or featurewise_std_normalization."
            )
        return shape

    def parameters(self, shapes: Sequence[Shape]) -> tuple[Parameter, ...]:
        """Mean and standard deviation (C,), whitening matrix (H·W·C, H·W·C), as far as they are needed; never moved."""
        shape = self.output_shape(shapes)
        channels, values = shape[-1:], size_of(shape)
        found = [Parameter("mean", channels, Zeros(), False)] if self.adapts else []
        if self.featurewise_std_normalization and not self.zca_whitening:
            found.append(Parameter("std", channels, Ones(), False))
        if self.zca_whitening:
            found.append(Parameter("zca", (values, values), Zeros(), False))
        return tuple(found)

    def flops(self, shapes: Sequence[Shape]) -> int:
        """One for each step and element, three for each image's own deviation, and the product with the whitening matrix."""
        values = size_of(self.output_shape(shapes))
        own = 2 * self.samplewise_center + 5 * self.samplewise_std_normalization
        shared = self.adapts + self.featurewise_std_normalization
        return values * (int(self.rescale is not None) + own + shared) + 2 * values * values * self.zca_whitening
