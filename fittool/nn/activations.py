"""The names of the activations, Keras's, and those that turn logits into probabilities, in plain NumPy.

All others are an engine's business; the numbers that a name stands for are here, so that engines cannot differ.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from fittool.kernels import arithmetic
from fittool.settings import fold, nearest_name

ACTIVATIONS = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "softsign", "squareplus",
    "sparse_plus", "sigmoid", "log_sigmoid", "hard_sigmoid", "sparse_sigmoid", "hard_silu", "tanh", "hard_tanh", "tanh_shrink",
    "soft_shrink", "hard_shrink", "exponential", "softmax", "log_softmax", "sparsemax",
)  # fmt: skip
"""Every activation by its first name; the last three work along the last axis, all others element by element."""

LEAKY_SLOPE = 0.2
"""The slope of leaky_relu below 0."""
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""The numbers of selu (Klambauer et al. 2017)."""
SHRINK_LIMIT = 0.5
"""Up to this size soft_shrink and hard_shrink make numbers 0."""

ALIASES = {"swish": "silu", "hard_swish": "hard_silu", "exp": "exponential"}

_BY_FOLDED = {fold(name): name for name in ACTIVATIONS} | {fold(alias): name for alias, name in ALIASES.items()}


def _activation(value: object) -> object:
    """The first name of an activation, whatever its case or alias."""
    if not isinstance(value, str):
        return value
    if fold(value) not in _BY_FOLDED:
        near = nearest_name(value, [*ACTIVATIONS, *ALIASES]) or ""
        raise PydanticCustomError(
            "unknown_name",
            "no {kind} is called {name}",
            {"kind": "activation", "name": value, "nearest": near, "known": ", ".join(ACTIVATIONS)},
        )
    return _BY_FOLDED[fold(value)]


Activation = Annotated[str, BeforeValidator(_activation, json_schema_input_type=str)]
"""The name of an activation."""


def sigmoid(x: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
    """`1 / (1 + exp(-x))` of each element.

    Args:
        x: (…), float32 or float64.
        out: Like x, takes the result; may be x itself. By default a new array.

    Returns:
        (…), of x's dtype.
    """
    result: NDArray[Any] = np.maximum(x, -87.0 if x.dtype == np.float32 else -700.0, out=out)  # exp of the negative stays finite
    np.negative(result, result)
    arithmetic.exp(result, result)
    np.add(result, 1, result)
    np.reciprocal(result, result)
    return result


def softmax(x: NDArray[Any], out: NDArray[Any] | None = None, axis: int = -1) -> NDArray[Any]:
    """`exp(x) / Σ exp(x)` along an axis.

    Args:
        x: (N, …, K), float32 or float64.
        out: Like x, takes the result; may be x itself. By default a new array.
        axis: Of the array, the batch axis being 0; by default the last, K.

    Returns:
        (N, …, K), of x's dtype, with sums of 1 along the axis.
    """
    # The reductions themselves: the arrays' methods of these names cost as much again, which small networks feel.
    result: NDArray[Any] = np.subtract(x, np.maximum.reduce(x, axis, keepdims=True), out)  # so that no power overflows
    arithmetic.exp(result, result)
    np.divide(result, arithmetic.sum(result, axis, keepdims=True), result)
    return result
