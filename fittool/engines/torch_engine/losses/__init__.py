"""The losses: Keras's formulas in tensors; their gradients are PyTorch's own.

`crossentropies` and `differences` have the formulas, one for each setting in `fittool.nn.losses`, `common` brings targets
into the form of the outputs. The engine's `losses_and_metrics` and `metrics` enter. Nothing here knows layers, weights or
optimizers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from fittool.engines.loss_formulas import loss_formulas
from fittool.engines.torch_engine.losses import crossentropies, differences
from fittool.engines.torch_engine.losses.common import one_hot_like, shaped_like
from fittool.nn import losses
from fittool.nn.losses import Loss

__all__ = ["FORMULAS", "LossFunction", "one_hot_like", "shaped_like"]

FORMULAS: dict[type[Loss], Callable[[Any, Tensor, Tensor], Tensor]] = loss_formulas(crossentropies, differences)
"""Every loss, with its formula `(loss, targets, outputs)`; targets as the data give them, outputs (N, …, K): (N, …)."""


class LossFunction:
    """One loss at work.

    Args:
        setting: The loss's setting.
    """

    def __init__(self, setting: Loss) -> None:
        self.setting, self._formula = setting, FORMULAS[type(setting)]
        self._is_plain = (
            isinstance(setting, losses.SparseCategoricalCrossentropy) and setting.from_logits and setting.ignore_class is None
        )

    def values(self, targets: Tensor, outputs: Tensor) -> Tensor:
        """One value for each position, (N, …), of targets (N, …) and outputs (N, …, K)."""
        return self._formula(self.setting, targets, outputs)

    def batch_loss(self, targets: Tensor, outputs: Tensor, weights: Tensor | None) -> Tensor:
        """The loss of a batch, (): the sum of its weighted values, divided as `Loss.divisor` says.

        Args:
            targets: (N, …), as the data give them.
            outputs: (N, …, K).
            weights: (N,) or the values' shape (N, …); None where all weigh 1.
        """
        kind = self.setting.divisor(weighted=weights is not None)
        if weights is None and kind == "positions" and self._is_plain:
            return crossentropies.sparse_mean(targets, outputs)
        values = self.values(targets, outputs)
        if weights is None and kind == "positions":
            return values.mean()
        if weights is not None:
            weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim)).to(values.dtype)
            values = values * weights
        if kind == "nothing":
            return values.sum()
        return values.sum() / values.numel() if kind == "positions" else self._by_weights(targets, values, weights)

    def _by_weights(self, targets: Tensor, values: Tensor, weights: Tensor | None) -> Tensor:
        """The sum of values divided by that of the weights that count; 0 where these are 0, without a gradient."""
        ignored = self.setting.ignored()
        counted = torch.ones_like(values) if weights is None else weights.expand_as(values)
        if ignored is not None:
            counted = torch.where(targets.reshape(values.shape) == ignored, 0, counted)
        divisor = counted.sum()
        nothing = divisor == 0
        return torch.where(nothing, 0, values.sum() / torch.where(nothing, 1, divisor))
