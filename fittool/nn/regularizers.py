"""Penalties on weights, added to the loss; and a weight array as it is described before it exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fittool.nn.initializers import Initializer
from fittool.nn.shapes import Shape, size_of
from fittool.settings import Family, Field, Named, Number, setting


@setting
class Regularizer(Named):
    """A penalty `l1 · Σ|w| + l2 · Σw²`; Keras's, so without the factor ½."""

    @property
    def factors(self) -> tuple[float, float]:
        """(l1, l2)."""
        raise NotImplementedError


@setting
class L1(Regularizer):
    """Penalty on absolute values."""

    l1: Number = Field(default=0.01, ge=0, description="Factor on the sum of absolute weights.")

    @property
    def factors(self) -> tuple[float, float]:
        """(l1, 0)."""
        return self.l1, 0.0


@setting
class L2(Regularizer):
    """Penalty on squares."""

    l2: Number = Field(default=0.01, ge=0, description="Factor on the sum of squared weights.")

    @property
    def factors(self) -> tuple[float, float]:
        """(0, l2)."""
        return 0.0, self.l2


@setting
class L1L2(Regularizer):
    """Penalty on absolute values and on squares."""

    l1: Number = Field(default=0.0, ge=0, description="Factor on the sum of absolute weights.")
    l2: Number = Field(default=0.0, ge=0, description="Factor on the sum of squared weights.")

    @property
    def factors(self) -> tuple[float, float]:
        """(l1, l2)."""
        return self.l1, self.l2


REGULARIZERS: Family[Regularizer] = Family("regularizer", {"L1": L1, "L2": L2, "L1L2": L1L2})

RegularizerSetting = Annotated[Regularizer, REGULARIZERS]
"""A regularizer by name, by name with arguments, or as an object."""


@dataclass(frozen=True)
class Parameter:
    """A weight array.

    Attributes:
        name: Keras's: kernel, bias, gamma, beta, moving_mean, moving_variance, alpha, depthwise_kernel, …
        shape: Keras's layout, such as (height, width, in, out) for a convolution's kernel.
        initializer: How it starts.
        trainable: Whether the optimizer moves it.
        regularizer: The penalty on it, or None.
    """

    name: str
    shape: Shape
    initializer: Initializer
    trainable: bool = True
    regularizer: Regularizer | None = None

    @property
    def size(self) -> int:
        """The number of numbers it holds."""
        return size_of(self.shape)
