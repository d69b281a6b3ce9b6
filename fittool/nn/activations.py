"""The names of the activations, Keras's; what they compute is an engine's business."""

from __future__ import annotations

from typing import Annotated

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
