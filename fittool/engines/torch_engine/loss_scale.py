"""The scale of losses in float16, whose small gradients would else be rounded to 0 (Micikevicius et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

_START = 2.0**16
_GROWTH, _BACKOFF, _GROWS_AFTER = 2.0, 0.5, 2000


class LossScale:
    """A factor on losses, taken back from their gradients; halved where these overflow, doubled after 2,000 steps without.

    All of it stays on the device: a step whose gradients overflow is skipped without that the host knows.
    """

    def __init__(self, device: torch.device) -> None:
        self._scale = torch.full((), _START, device=device)
        self._good_steps = torch.zeros((), dtype=torch.int32, device=device)

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss, (), times the scale."""
        return loss * self._scale

    def take_back(self, gradients: list[Tensor]) -> Tensor:
        """Divide gradients (*shape) by the scale, in place; gives (), 1 where one is not finite, else 0."""
        overflow = torch.zeros((), device=self._scale.device)
        if gradients:
            torch._amp_foreach_non_finite_check_and_unscale_(gradients, overflow, self._scale.reciprocal())
        torch._amp_update_scale_(self._scale, self._good_steps, overflow, _GROWTH, _BACKOFF, _GROWS_AFTER)
        return overflow
