"""Layers that act while training only."""

from __future__ import annotations

from collections.abc import Sequence

from fittool.nn.layers.base import Layer
from fittool.nn.shapes import Shape, image
from fittool.settings import Field, Integer, Number, setting


@setting
class Dropout(Layer):
    """While training, drops elements with probability `rate` and multiplies the others by 1 / (1 - rate)."""

    rate: Number = Field(ge=0, lt=1, description="Probability with which an element is dropped.")
    seed: Integer | None = Field(default=None, description="Seed of the layer's own random numbers; the run's if absent.")

    @property
    def is_random(self) -> bool:
        """Unless nothing is dropped."""
        return self.rate > 0


@setting
class SpatialDropout2D(Dropout):
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
