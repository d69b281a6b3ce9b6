"""Sums over the processes that train one network: of gradients once a step, and of statistics inside of it where that is asked.

Each process derives the loss of its own samples, weighted with their part of the whole batch, so that the sums are the loss and
the gradients of the whole batch, however uneven the parts. Everything of a step lies in one flat tensor and costs one call of
PyTorch's `all_reduce`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fittool.data.batch import Batch
from fittool.errors import MachineError
from fittool.process_group import ProcessGroup


class Exchange:
    """The other processes, as a step sees them.

    Args:
        group: The processes.
        device: Where this one computes.

    Raises:
        MachineError: There is no graphics card for it.
    """

    def __init__(self, group: ProcessGroup, device: torch.device) -> None:
        _check_card(device)
        self._group = group
        self._flat: Tensor | None = None

    def share(self, batch: Batch) -> float:
        """The part of the whole batch's samples that this process's are: its loss counts so much."""
        return batch.size / batch.whole_size if batch.size else 0.0

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Add up tensors (*shape) of one dtype over all processes, in place, without a wait of the host for a device."""
        size = sum(tensor.numel() for tensor in tensors)
        if self._flat is None or self._flat.numel() != size or self._flat.dtype != tensors[-1].dtype:
            self._flat = torch.empty(size, dtype=tensors[-1].dtype, device=tensors[-1].device)
        parts = self._flat.split([tensor.numel() for tensor in tensors])
        views = [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]
        torch._foreach_copy_(views, list(tensors))
        self._group.sum_in_place(self._flat)
        torch._foreach_copy_(list(tensors), views)

    def sum_within(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor (*shape) over all processes, through which the derivative goes back to each of them."""
        summed: Tensor = _Sum.apply(tensor, self._group)  # type: ignore[no-untyped-call]
        return summed


class _Sum(torch.autograd.Function):  # type: ignore[misc]
    @staticmethod
    def forward(context: Any, tensor: Tensor, group: ProcessGroup) -> Tensor:  # type: ignore[override]
        context.group = group
        total = tensor.contiguous().clone()
        group.sum_in_place(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        # The sum is the same number in all processes, so each one's loss depends on it.
        total = gradient.contiguous().clone()
        context.group.sum_in_place(total)
        return total, None


def _check_card(device: torch.device) -> None:
    number, cards = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
    if device.type == "cuda" and number >= cards:
        text = f"Process {number + 1} of this machine has no graphics card of its own, as there are {cards}."
        raise MachineError(f"{text} Use --devices {cards}, or engine.torch.device: cpu.")
