"""One weight array of a layer, as described before any array exists."""

from __future__ import annotations

from dataclasses import dataclass

from fittool.nn.initializers import Initializer
from fittool.nn.regularizers import Regularizer
from fittool.nn.shapes import Shape, size_of


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
        """How many numbers it holds."""
        return size_of(self.shape)
