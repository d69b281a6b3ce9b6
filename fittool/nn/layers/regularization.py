"""Layers that act while training only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fittool.nn.layers.base import Layer
from fittool.nn.shapes import Shape, ShapeError, image, sequence, single
from fittool.settings import Field, Integer, Number, arguments, setting


@setting
class Dropout(Layer):
    """While training, drops elements with probability `rate` and multiplies the others by 1 / (1 - rate)."""

    rate: Number = Field(ge=0, lt=1, description="Probability with which an element is dropped.")
    noise_shape: tuple[Annotated[Integer, Field(ge=1)] | None, ...] | None = Field(
        default=None,
        description="The shape, the batch axis included, in which it is decided; along axes of size 1 all is dropped together: "
        "[null, 1, 1, 1] drops whole images (stochastic depth). By default each element for itself.",
    )
    seed: Integer | None = Field(default=None, description="Seed of the layer's own random numbers; the run's if absent.")

    @property
    def is_random(self) -> bool:
        """Unless nothing is dropped."""
        return self.rate > 0

    def decisions(self, shape: Shape) -> Shape:
        """The shape in which it is decided for inputs (*shape): 1 where a decision goes for the whole axis."""
        if self.noise_shape is None:
            return shape
        sizes = zip(self.noise_shape[1:], shape, strict=True)
        return tuple(size if given is None else given for given, size in sizes)

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged.

        Raises:
            ShapeError: `noise_shape` does not fit the inputs.
        """
        shape = single(shapes)
        if self.noise_shape is None:
            return shape
        fits = len(self.noise_shape) == len(shape) + 1 and self.noise_shape[0] is None
        if not fits or any(size not in (1, side) for side, size in zip(shape, self.decisions(shape), strict=True)):
            raise ShapeError(
                f"noise_shape {list(self.noise_shape)} does not fit inputs of shape {shape}: it begins with null for the "
                f"samples, and has for each axis null, 1 or its size."
            )
        return shape


@arguments
class WholeChannels(Layer):
    """Dropout of whole channels: what is decided stands fixed."""

    rate: Number = Field(ge=0, lt=1, description="Probability with which a channel is dropped.")
    seed: Integer | None = Field(default=None, description="Seed of the layer's own random numbers; the run's if absent.")

    @property
    def is_random(self) -> bool:
        """Unless nothing is dropped."""
        return self.rate > 0

    def decisions(self, shape: Shape) -> Shape:
        """(1, …, C)."""
        return (*(1 for _ in shape[1:]), shape[-1])


@setting
class SpatialDropout1D(WholeChannels):
    """Dropout of whole channels of sequences."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged."""
        return sequence(shapes)


@setting
class SpatialDropout2D(WholeChannels):
    """Dropout of whole channels of images."""

    def output_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Unchanged."""
        return image(shapes)


@setting
class GaussianNoise(Layer):
    """While training, adds normally distributed numbers with mean 0."""

    stddev: Number = Field(ge=0, description="Standard deviation of the noise.")
    seed: Integer | None = Field(default=None, description="Seed of the layer's own random numbers; the run's if absent.")

    @property
    def is_random(self) -> bool:
        """Unless nothing is added."""
        return self.stddev > 0
