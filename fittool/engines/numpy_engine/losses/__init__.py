"""The losses and their gradients with respect to the outputs: Keras's formulas, written out.

`crossentropies` and `differences` have the formulas, one for each setting in `fittool.nn.losses`, `common` brings targets
into the form of the outputs. The engine's `losses_and_metrics` and `metrics` enter. Nothing here knows layers, weights or
optimizers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.loss_formulas import loss_formulas
from fittool.engines.numpy_engine.losses import crossentropies, differences
from fittool.engines.numpy_engine.losses.common import Floats, one_hot_like, shaped_like
from fittool.kernels import arithmetic
from fittool.nn.losses import Loss

__all__ = ["Floats", "LossFunction", "loss_function", "one_hot_like", "shaped_like"]

_FORMULAS = loss_formulas(crossentropies, differences)


@dataclass(frozen=True)
class LossFunction:
    """One loss at work.

    Attributes:
        setting: The loss's setting.
    """

    setting: Loss

    def __call__(self, targets: NDArray[Any], outputs: Floats, gradient: Floats | None, squashed: Floats | None = None) -> Floats:
        """One value for each position; infinite and undefined ones are results, found by whoever reads the loss.

        Args:
            targets: (N, …), as the data give them.
            outputs: (N, …, K), float32 or float64.
            gradient: Like outputs and contiguous, takes d(value) / d(outputs) of each position; None if not wanted.
            squashed: Where outputs are logits, the probabilities that the network has made of them, (N, …, K), if it has.

        Returns:
            (N, …).

        Raises:
            DataError: Targets have another shape, or a class number has no output.
        """
        further = {} if squashed is None else {"squashed": squashed}
        values: Floats = _FORMULAS[type(self.setting)](self.setting, targets, outputs, gradient, **further)
        return values

    def batch_loss(
        self,
        targets: NDArray[Any],
        outputs: Floats,
        weights: NDArray[Any] | None,
        gradient: Floats | None,
        squashed: Floats | None = None,
    ) -> float:
        """The loss of a batch: the sum of its weighted values, divided as `Loss.divisor` says.

        Args:
            targets: (N, …), as the data give them.
            outputs: (N, …, K), float32 or float64.
            weights: (N,) or the values' shape (N, …); None where all weigh 1.
            gradient: Like outputs and contiguous, takes d(loss) / d(outputs); None if not wanted.
            squashed: As for a call.

        Raises:
            DataError: Targets have another shape, or a class number has no output.
        """
        values = self(targets, outputs, gradient, squashed)
        if weights is not None:
            weights = np.asarray(weights, outputs.dtype)
            weights = weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))
            values = values * weights
        divisor = self._divisor(targets, values, weights)
        if gradient is not None:
            if weights is not None:
                np.multiply(gradient, weights[..., None], gradient)
            np.divide(gradient, divisor, gradient) if divisor else gradient.fill(0)
        # In float64, so that the loss of a large batch does not depend on the order in which NumPy adds float32 numbers.
        return float(arithmetic.sum(values, None, np.float64) / divisor) if divisor else 0.0

    def _divisor(self, targets: NDArray[Any], values: Floats, weights: NDArray[Any] | None) -> float:
        kind = self.setting.divisor(weighted=weights is not None)
        if kind != "weights":
            return float(values.size) if kind == "positions" else 1.0
        counted, ignored = np.broadcast_to(1 if weights is None else weights, values.shape), self.setting.ignored()
        kept = True if ignored is None else targets.reshape(values.shape) != ignored
        return float(arithmetic.sum(counted, dtype=np.float64, where=kept))


def loss_function(loss: Loss) -> LossFunction:
    """The formula behind a loss's setting."""
    return LossFunction(loss)
