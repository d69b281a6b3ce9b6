"""Crossentropies, and other losses of probabilities and counts.

Probabilities are divided by their row's sum (categorical), then kept between 1e-7 and 1 - 1e-7, where the gradient is 0; with
logits the stable forms are used.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.engines.torch_engine.losses.common import class_numbers, one_hot_like, shaped_like
from fittool.nn.losses import (
    EPSILON,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    Loss,
    SparseCategoricalCrossentropy,
)


def _smooth_labels(loss: Any, targets: Tensor, classes: int) -> Tensor:
    """Targets moved towards `1 / classes`."""
    return targets * (1 - loss.label_smoothing) + loss.label_smoothing / classes if loss.label_smoothing else targets


def _kept(probabilities: Tensor) -> Tensor:
    """Probabilities away from 0 and 1."""
    return probabilities.clamp(EPSILON, 1 - EPSILON)


def sparse(loss: SparseCategoricalCrossentropy, targets: Tensor, outputs: Tensor) -> Tensor:
    """`-log p` of the true class: (N, …, K) outputs give (N, …)."""
    numbers, counted = class_numbers(targets, loss.ignore_class)
    rows = outputs.reshape(-1, outputs.shape[-1])
    if loss.from_logits:
        values = F.cross_entropy(rows, numbers, reduction="none")
    else:
        values = -torch.log(_kept(rows.gather(1, numbers[:, None])[:, 0] / rows.sum(dim=-1)))
    if counted is not None:
        values = torch.where(counted, values, 0)
        if loss.divisor(weighted=True) == "positions":  # the mean over all positions is to be that of those that count
            values = values * (counted.numel() / counted.sum().clamp(min=1).to(values.dtype))
    return values.view(outputs.shape[:-1])


def sparse_mean(targets: Tensor, logits: Tensor) -> Tensor:
    """The mean of `sparse` over all positions of logits (N, …, K), (), in one call, as it is the most frequent loss of all."""
    return F.cross_entropy(logits if logits.ndim == 2 else logits.reshape(-1, logits.shape[-1]), class_numbers(targets)[0])


def categorical(loss: CategoricalCrossentropy, targets: Tensor, outputs: Tensor) -> Tensor:
    """`-Σ y log p`: (N, …, K) outputs give (N, …)."""
    y = _smooth_labels(loss, one_hot_like(targets, outputs), outputs.shape[-1])
    if loss.from_logits:
        return -(y * torch.log_softmax(outputs, dim=-1)).sum(dim=-1)
    return -(y * torch.log(_kept(outputs / outputs.sum(dim=-1, keepdim=True)))).sum(dim=-1)


def binary(loss: BinaryCrossentropy, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `-y log p - (1 - y) log(1 - p)`: (N, …, K) outputs give (N, …)."""
    y = _smooth_labels(loss, shaped_like(targets, outputs), 2)
    if loss.from_logits:
        return F.binary_cross_entropy_with_logits(outputs, y, reduction="none").mean(dim=-1)
    p = _kept(outputs)
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean(dim=-1)


def categorical_focal(loss: CategoricalFocalCrossentropy, targets: Tensor, outputs: Tensor) -> Tensor:
    """`-Σ alpha (1 - p)^gamma y log p`: (N, …, K) outputs give (N, …)."""
    y = _smooth_labels(loss, one_hot_like(targets, outputs), outputs.shape[-1])
    rows = torch.softmax(outputs, dim=-1) if loss.from_logits else outputs
    p = _kept(rows / rows.sum(dim=-1, keepdim=True))
    return -(loss.alpha * y * (1 - p) ** loss.gamma * torch.log(p)).sum(dim=-1)


def binary_focal(loss: BinaryFocalCrossentropy, targets: Tensor, outputs: Tensor) -> Tensor:
    """Binary crossentropy times `(1 - q)^gamma`; q is not kept from 0 and 1, as in Keras: (N, …, K) outputs give (N, …)."""
    y = _smooth_labels(loss, shaped_like(targets, outputs), 2)
    raw = torch.sigmoid(outputs) if loss.from_logits else outputs
    p = _kept(raw)
    entropy = -(y * torch.log(p) + (1 - y) * torch.log(1 - p))
    wrong = 1 - (y * raw + (1 - y) * (1 - raw))
    # With a gamma below 1 the power is infinitely steep at 0, where the slope counts as 0.
    factor = torch.where(wrong > 0, wrong.clamp(min=EPSILON**2) ** loss.gamma, 0**loss.gamma)
    weight = y * loss.alpha + (1 - y) * (1 - loss.alpha) if loss.apply_class_balancing else 1
    return (weight * factor * entropy).mean(dim=-1)


def divergence(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """`Σ y log(y / p)`, both kept between 1e-7 and 1: (N, …, K) outputs give (N, …)."""
    y, p = shaped_like(targets, outputs).clamp(EPSILON, 1), outputs.clamp(EPSILON, 1)
    return (y * torch.log(y / p)).sum(dim=-1)


def poisson(loss: Loss, targets: Tensor, outputs: Tensor) -> Tensor:
    """The mean of `p - y log p`: (N, …, K) outputs give (N, …)."""
    return (outputs - shaped_like(targets, outputs) * torch.log(outputs + EPSILON)).mean(dim=-1)
