"""Losses of differences and of margins between outputs and targets."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine.losses.common import one_hot_like, shaped_like
from fittool.nn.losses import EPSILON, Huber, Loss


def squared_error(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `d²`: (N, …, K) outputs give (N, …)."""
    return (outputs - shaped_like(targets, outputs)).square().mean(dim=-1)


def absolute_error(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `|d|`: (N, …, K) outputs give (N, …)."""
    return (outputs - shaped_like(targets, outputs)).abs().mean(dim=-1)


def absolute_percentage_error(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `100 |d| / |y|`, where y is at least 1e-7: (N, …, K) outputs give (N, …)."""
    y = shaped_like(targets, outputs)
    return ((outputs - y) / (y.abs().clamp(min=EPSILON) / 100)).abs().mean(dim=-1)


def squared_logarithmic_error(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `(log(1 + p) - log(1 + y))²`, where p and y are at least 1e-7: (N, …, K) outputs give (N, …)."""
    p, y = (values.clamp(min=EPSILON) for values in (outputs, shaped_like(targets, outputs)))
    return (torch.log(p + 1) - torch.log(y + 1)).square().mean(dim=-1)


def huber(loss: Huber, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `½ d²`, linear from delta: (N, …, K) outputs give (N, …)."""
    return F.huber_loss(outputs, shaped_like(targets, outputs), reduction="none", delta=loss.delta).mean(dim=-1)


def log_cosh(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `log(cosh(d))`, without overflow: (N, …, K) outputs give (N, …)."""
    difference = outputs - shaped_like(targets, outputs)
    # Even in d, so that it may be written without its sign; softplus keeps the slope right at 0, where |d| has none.
    return (difference + F.softplus(-2 * difference, threshold=60.0) - math.log(2)).mean(dim=-1)


def cosine_similarity(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """Minus the cosine of the angle: (N, …, K) outputs give (N, …)."""
    y = shaped_like(targets, outputs)
    return -(y * _unit_factor(y) * outputs * _unit_factor(outputs)).sum(dim=-1)


def _unit_factor(vectors: Tensor) -> Tensor:
    """The factors (N, …, 1) that make vectors along the last axis 1 long; at most 1e7, and constant there."""
    squares = vectors.square().sum(dim=-1, keepdim=True)
    return torch.rsqrt(squares.clamp(min=EPSILON**2))


def hinge(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `max(1 - y p, 0)`: (N, …, K) outputs give (N, …)."""
    return torch.relu(1 - _signs(shaped_like(targets, outputs)) * outputs).mean(dim=-1)


def squared_hinge(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `max(1 - y p, 0)²`: (N, …, K) outputs give (N, …)."""
    return torch.relu(1 - _signs(shaped_like(targets, outputs)) * outputs).square().mean(dim=-1)


def _signs(targets: Tensor) -> Tensor:
    """Targets as -1 and 1, where all are 0 or 1; Keras decides so batch by batch."""
    binary = ((targets == 0) | (targets == 1)).all()
    return torch.where(binary, 2 * targets - 1, targets)


def categorical_hinge(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """`max(1 + the largest wrong output - the right output, 0)`, ties sharing the gradient: (N, …, K) outputs give (N, …)."""
    y = one_hot_like(targets, outputs)
    return torch.relu(((1 - y) * outputs).amax(dim=-1) - (y * outputs).sum(dim=-1) + 1)
