"""Activations as PyTorch expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from fittool.exchange.torch_format.module_source import ModuleSource
from fittool.nn.activations import LEAKY_SLOPE, SHRINK_LIMIT

Expression: TypeAlias = Callable[[str], str]

_PLAIN: dict[str, str] = {
    "relu": "torch.relu({x})",
    "relu6": "F.relu6({x})",
    "leaky_relu": f"F.leaky_relu({{x}}, {LEAKY_SLOPE})",
    "elu": "F.elu({x})",
    "celu": "F.elu({x})",
    "selu": "F.selu({x})",
    "gelu": "F.gelu({x})",
    "silu": "F.silu({x})",
    "mish": "F.mish({x})",
    "softplus": "F.softplus({x}, threshold=60.0)",
    "softsign": "F.softsign({x})",
    "sigmoid": "torch.sigmoid({x})",
    "log_sigmoid": "F.logsigmoid({x})",
    "hard_sigmoid": "F.hardsigmoid({x})",
    "sparse_sigmoid": "F.hardtanh({x} * 0.5 + 0.5, 0.0, 1.0)",
    "hard_silu": "F.hardswish({x})",
    "tanh": "torch.tanh({x})",
    "hard_tanh": "F.hardtanh({x})",
    "tanh_shrink": "F.tanhshrink({x})",
    "soft_shrink": f"F.softshrink({{x}}, {SHRINK_LIMIT})",
    "hard_shrink": f"F.hardshrink({{x}}, {SHRINK_LIMIT})",
    "exponential": "torch.exp({x})",
    "softmax": "torch.softmax({x}, dim=-1)",
    "log_softmax": "torch.log_softmax({x}, dim=-1)",
}
HELPED = ("squareplus", "sparse_plus", "sparsemax")
"""Activations that PyTorch has no function for."""


def activate(source: ModuleSource, expression: str, name: str | None) -> str:
    """An expression behind an activation of that name."""
    if name in (None, "linear"):
        return expression
    assert name is not None
    if name in HELPED:
        return f"{source.helper(name)}({expression})"
    return _PLAIN[name].replace("{x}", expression)
