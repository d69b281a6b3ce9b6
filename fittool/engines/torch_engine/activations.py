"""Activations on tensors of any shape, as Keras defines them; PyTorch's own functions wherever they agree."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.nn.activations import LEAKY_SLOPE, SHRINK_LIMIT

Function = Callable[[Tensor], Tensor]

_LINEAR_FROM = 60.0
"""Softplus is its own argument from here on, to the last digit of float64; PyTorch's default of 20 would be 2e-9 off."""


def clip_linear(slope: float, offset: float, low: float, high: float) -> Function:
    """`slope · x + offset`, kept between `low` and `high`; flat at both."""
    return lambda x: F.hardtanh(x * slope + offset, low, high)


def relu(max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0) -> Function:
    """`x` above `threshold`, at most `max_value`; below it `negative_slope · (x - threshold)`."""
    if max_value is None and threshold == 0:
        return partial(F.leaky_relu, negative_slope=negative_slope) if negative_slope else torch.relu

    def bent(x: Tensor) -> Tensor:
        above = x if max_value is None else F.hardtanh(x, -torch.inf, max_value)
        return torch.where(x > threshold, above, negative_slope * (x - threshold))

    return bent


def elu(alpha: float = 1.0) -> Function:
    """`x` where it is positive, `alpha · (exp(x) - 1)` elsewhere."""
    return partial(F.elu, alpha=alpha)


def gelu(approximate: bool = False) -> Function:
    """`x` times the normal distribution function at x, or times its approximation by a tanh (Hendrycks and Gimpel 2016)."""
    return partial(F.gelu, approximate="tanh" if approximate else "none")


def softmax_along(axis: int = -1) -> Function:
    """`exp(x) / Σ exp(x)` along an axis of the tensor, the batch axis being 0."""
    return partial(torch.softmax, dim=axis)


def _squareplus(x: Tensor) -> Tensor:
    root = torch.sqrt(x * x + 4)
    return torch.where(x < 0, 2 / (root - x), 0.5 * (root + x))  # the same number; each is exact where the other cancels


def _sparse_plus(x: Tensor) -> Tensor:
    return torch.where(x < 1, torch.relu(x + 1) ** 2 * 0.25, x)


def _sparsemax(x: Tensor) -> Tensor:
    """The nearest point to x on the probability simplex (Martins and Astudillo 2016, algorithm 1)."""
    falling = torch.sort(x, dim=-1, descending=True).values
    ranks = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype, device=x.device)
    excess = falling.cumsum(dim=-1) - 1
    count = (ranks * falling > excess).sum(dim=-1, keepdim=True)
    return torch.relu(x - excess.gather(-1, count - 1) / count)


ACTIVATIONS: dict[str, Function] = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "relu6": F.relu6,
    "leaky_relu": partial(F.leaky_relu, negative_slope=LEAKY_SLOPE),
    "elu": F.elu,
    "celu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "mish": F.mish,
    "softplus": partial(F.softplus, threshold=_LINEAR_FROM),
    "softsign": F.softsign,
    "squareplus": _squareplus,
    "sparse_plus": _sparse_plus,
    "sigmoid": torch.sigmoid,
    "log_sigmoid": F.logsigmoid,
    "hard_sigmoid": clip_linear(1 / 6, 0.5, 0.0, 1.0),
    "sparse_sigmoid": clip_linear(0.5, 0.5, 0.0, 1.0),
    "hard_silu": lambda x: x * F.hardtanh(x * (1 / 6) + 0.5, 0.0, 1.0),
    "tanh": torch.tanh,
    "hard_tanh": F.hardtanh,
    "tanh_shrink": F.tanhshrink,
    "soft_shrink": partial(F.softshrink, lambd=SHRINK_LIMIT),
    "hard_shrink": partial(F.hardshrink, lambd=SHRINK_LIMIT),
    "exponential": torch.exp,
    "softmax": softmax_along(),
    "log_softmax": partial(torch.log_softmax, dim=-1),
    "sparsemax": _sparsemax,
}
"""Every activation of `fittool.nn.activations` by its first name."""

IN_PLACE: dict[Any, Function] = {torch.relu: torch.relu_}
"""Functions whose result may take the place of their argument: their derivative is told from the result alone."""
