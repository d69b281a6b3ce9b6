"""The names of the activations, Keras's; what they compute is an engine's business."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from fittool.settings import folded, nearest_name

ACTIVATIONS = (
    "linear", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "softsign", "squareplus",
    "sparse_plus", "sigmoid", "log_sigmoid", "hard_sigmoid", "sparse_sigmoid", "hard_silu", "tanh", "hard_tanh", "tanh_shrink",
    "soft_shrink", "hard_shrink", "exponential", "softmax", "log_softmax", "sparsemax",
)  # fmt: skip
"""Every activation by its first name; the last three work along the last axis, all others element by element."""

ALIASES = {"swish": "silu", "hard_swish": "hard_silu", "exp": "exponential"}

_BY_FOLDED = {folded(name): name for name in ACTIVATIONS} | {folded(alias): name for alias, name in ALIASES.items()}


def _activation(value: object) -> object:
    """The first name of an activation, whatever its case or alias."""
    if not isinstance(value, str):
        return value
    if folded(value) not in _BY_FOLDED:
        near = nearest_name(value, [*ACTIVATIONS, *ALIASES]) or ""
        raise PydanticCustomError(
            "unknown_name",
            "no {kind} is called {name}",
            {"kind": "activation", "name": value, "nearest": near, "known": ", ".join(ACTIVATIONS)},
        )
    return _BY_FOLDED[folded(value)]


Activation = Annotated[str, BeforeValidator(_activation, json_schema_input_type=str)]
"""The name of an activation."""


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (…, K) that sum to 1 over the last axis, from logits (…, K) of any size."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))  # the largest is 1, so nothing overflows
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), logits.dtype)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (…) of the positive class, from logits (…)."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-logits)), logits.dtype)
