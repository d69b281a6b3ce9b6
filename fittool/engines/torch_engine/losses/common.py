"""Targets in the form and precision of the outputs; whether they fit was looked at on the host, before they came here."""

from __future__ import annotations

import torch
from torch import Tensor


def shaped_like(targets: Tensor, outputs: Tensor) -> Tensor:
    """Targets in the shape (N, …, K) and precision of the outputs; an axis of size 1 may be missing or too many at the end."""
    return targets.reshape(outputs.shape).to(outputs.dtype)


def one_hot_like(targets: Tensor, outputs: Tensor) -> Tensor:
    """One-hot targets (N, …, K) in the precision of the outputs."""
    return targets.to(outputs.dtype)


def class_numbers(targets: Tensor, ignored: int | None = None) -> tuple[Tensor, Tensor | None]:
    """Class numbers as a row, (positions,) int64, those to ignore replaced by 0; and (positions,) where they count."""
    numbers = targets if targets.ndim == 1 else targets.reshape(-1)
    numbers = numbers if numbers.dtype == torch.int64 else numbers.to(torch.int64)
    if ignored is None:
        return numbers, None
    counted = numbers != ignored
    return torch.where(counted, numbers, 0), counted
