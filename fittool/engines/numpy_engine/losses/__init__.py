"""The losses and their gradients with respect to the outputs: Keras's formulas, written out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import crossentropies, differences, margins
from fittool.engines.numpy_engine.losses.common import Floats, class_numbers, one_hot_like, shaped_like
from fittool.nn import losses
from fittool.nn.losses import Loss

__all__ = ["Floats", "LossFunction", "class_numbers", "loss_function", "one_hot_like", "shaped_like"]

_FORMULAS: dict[type[Loss], Any] = {
    losses.SparseCategoricalCrossentropy: crossentropies.sparse,
    losses.CategoricalCrossentropy: crossentropies.categorical,
    losses.CategoricalFocalCrossentropy: crossentropies.categorical_focal,
    losses.BinaryCrossentropy: crossentropies.binary,
    losses.BinaryFocalCrossentropy: crossentropies.binary_focal,
    losses.KLDivergence: margins.divergence,
    losses.Poisson: margins.poisson,
    losses.MeanSquaredError: differences.squared,
    losses.MeanAbsoluteError: differences.absolute,
    losses.MeanAbsolutePercentageError: differences.absolute_percentage,
    losses.MeanSquaredLogarithmicError: differences.squared_logarithmic,
    losses.Huber: differences.huber,
    losses.LogCosh: differences.log_cosh,
    losses.CosineSimilarity: differences.cosine_similarity,
    losses.Hinge: margins.hinge,
    losses.SquaredHinge: margins.squared_hinge,
    losses.CategoricalHinge: margins.categorical_hinge,
}


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

    def of_batch(
        self,
        targets: NDArray[Any],
        outputs: Floats,
        weights: NDArray[Any] | None,
        gradient: Floats | None,
        squashed: Floats | None = None,
    ) -> float:
        """The loss of a batch, by the setting's `reduction`.

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
        return float(values.sum(dtype=np.float64) / divisor) if divisor else 0.0

    def _divisor(self, targets: NDArray[Any], values: Floats, weights: NDArray[Any] | None) -> float:
        """What the sum of weighted values is divided by."""
        if self.setting.reduction == "sum":
            return 1.0
        ignored = self.setting.ignored()
        if self.setting.reduction != "mean_with_sample_weight" or (weights is None and ignored is None):
            return float(values.size)
        counted = np.broadcast_to(1 if weights is None else weights, values.shape)
        return float(counted.sum(dtype=np.float64, where=True if ignored is None else targets.reshape(values.shape) != ignored))


def loss_function(loss: Loss) -> LossFunction:
    """The formula behind a loss's setting."""
    return LossFunction(loss)
