"""Initial weights: Keras's initializers as settings that draw an array from a generator.

Fans are Keras's: of a kernel (…, in, out), fan_in is in and fan_out is out, both times the size of the leading axes
(the receptive field of a convolution); a depthwise kernel (h, w, channels, multiplier) is treated the same way.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray

from fittool.nn.shapes import Shape
from fittool.settings import Family, Field, Named, Number, setting

Weights = NDArray[np.float32]

_TRUNCATED_DEVIATION = 0.87962566103423978  # standard deviation of a standard normal cut at ±2


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight array."""
    if len(shape) < 2:
        size = math.prod(shape)
        return size, size
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


def _truncated_normal(generator: np.random.Generator, deviation: float, shape: Shape) -> NDArray[np.float64]:
    """Normal numbers of which those beyond two standard deviations are drawn again."""
    numbers = generator.standard_normal(shape)
    outside = np.abs(numbers) > 2.0
    while outside.any():
        numbers[outside] = generator.standard_normal(int(outside.sum()))
        outside = np.abs(numbers) > 2.0
    return numbers * deviation


@setting
class Initializer(Named):
    """The start values of a weight array."""

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape), float32."""
        raise NotImplementedError


@setting
class Zeros(Initializer):
    """All zeros."""

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) zeros, float32."""
        return np.zeros(shape, np.float32)


@setting
class Ones(Initializer):
    """All ones."""

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) ones, float32."""
        return np.ones(shape, np.float32)


@setting
class Constant(Initializer):
    """The same number everywhere, or one number for each place on the last axis."""

    value: Number | tuple[Number, ...] = Field(default=0.0, description="The number, or one for each place on the last axis.")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) of that value, float32."""
        return np.full(shape, self.value, np.float32)


@setting
class RandomNormal(Initializer):
    """Normally distributed."""

    mean: Number = Field(default=0.0, description="Mean of the numbers.")
    stddev: Number = Field(default=0.05, ge=0, description="Standard deviation of the numbers.")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) normal numbers, float32."""
        return generator.normal(self.mean, self.stddev, shape).astype(np.float32)


@setting
class TruncatedNormal(Initializer):
    """Normally distributed, with numbers beyond two standard deviations drawn again."""

    mean: Number = Field(default=0.0, description="Mean of the numbers.")
    stddev: Number = Field(default=0.05, ge=0, description="Standard deviation before the cut.")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) truncated normal numbers, float32."""
        return (self.mean + _truncated_normal(generator, self.stddev, shape)).astype(np.float32)


@setting
class RandomUniform(Initializer):
    """Uniformly distributed."""

    minval: Number = Field(default=-0.05, description="Lower bound.")
    maxval: Number = Field(default=0.05, description="Upper bound.")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) uniform numbers, float32."""
        return (self.minval + (self.maxval - self.minval) * generator.random(shape)).astype(np.float32)


@setting
class VarianceScaling(Initializer):
    """Numbers whose variance is `scale / fan`, so that signals keep their size from layer to layer."""

    scale: Number = Field(default=1.0, gt=0, description="Variance times the fan.")
    mode: Literal["fan_in", "fan_out", "fan_avg"] = Field(default="fan_in", description="Which fan the variance is divided by.")
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = Field(
        default="truncated_normal", description="How the numbers are distributed."
    )

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) scaled random numbers, float32."""
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return generator.uniform(-limit, limit, shape).astype(np.float32)
        if self.distribution == "untruncated_normal":
            return generator.normal(0.0, math.sqrt(variance), shape).astype(np.float32)
        return _truncated_normal(generator, math.sqrt(variance) / _TRUNCATED_DEVIATION, shape).astype(np.float32)


@setting
class _Scaled(Initializer):
    """A variance scaling under its inventor's name."""

    def scaling(self) -> VarianceScaling:
        """The variance scaling that this name stands for."""
        raise NotImplementedError

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) scaled random numbers, float32."""
        return self.scaling().draw(shape, generator)


@setting
class GlorotUniform(_Scaled):
    """Uniform within ±√(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""

    def scaling(self) -> VarianceScaling:
        """Variance 1 / mean fan."""
        return VarianceScaling(1.0, "fan_avg", "uniform")


@setting
class GlorotNormal(_Scaled):
    """Truncated normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010)."""

    def scaling(self) -> VarianceScaling:
        """Variance 1 / mean fan."""
        return VarianceScaling(1.0, "fan_avg", "truncated_normal")


@setting
class HeUniform(_Scaled):
    """Uniform within ±√(6 / fan_in) (He et al. 2015)."""

    def scaling(self) -> VarianceScaling:
        """Variance 2 / fan_in."""
        return VarianceScaling(2.0, "fan_in", "uniform")


@setting
class HeNormal(_Scaled):
    """Truncated normal with variance 2 / fan_in (He et al. 2015)."""

    def scaling(self) -> VarianceScaling:
        """Variance 2 / fan_in."""
        return VarianceScaling(2.0, "fan_in", "truncated_normal")


@setting
class LecunUniform(_Scaled):
    """Uniform within ±√(3 / fan_in) (LeCun et al. 1998)."""

    def scaling(self) -> VarianceScaling:
        """Variance 1 / fan_in."""
        return VarianceScaling(1.0, "fan_in", "uniform")


@setting
class LecunNormal(_Scaled):
    """Truncated normal with variance 1 / fan_in (LeCun et al. 1998)."""

    def scaling(self) -> VarianceScaling:
        """Variance 1 / fan_in."""
        return VarianceScaling(1.0, "fan_in", "truncated_normal")


@setting
class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, from the QR decomposition of a normal one (Saxe et al. 2014)."""

    gain: Number = Field(default=1.0, description="Factor on the matrix.")

    def draw(self, shape: Shape, generator: np.random.Generator) -> Weights:
        """(*shape) of an orthogonal array, float32; leading axes are taken together as rows."""
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(generator.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        return (self.gain * (q.T if rows < columns else q)).reshape(shape).astype(np.float32)


INITIALIZERS: Family[Initializer] = Family(
    "initializer",
    {
        cls.__name__: cls
        for cls in (
            Zeros, Ones, Constant, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, GlorotUniform, GlorotNormal,
            HeUniform, HeNormal, LecunUniform, LecunNormal, Orthogonal,
        )
    },
    aliases={"normal": "RandomNormal", "uniform": "RandomUniform"},
)  # fmt: skip

InitializerSetting = Annotated[Initializer, INITIALIZERS]
"""An initializer by name, by name with arguments, or as an object."""
