"""Numbers that were predicted, held against the true ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class TargetFigures:
    """The figures of one number to predict.

    Attributes:
        mae: The mean absolute error.
        rmse: The root of the mean squared error.
        r2: The share of the variance that is explained; None where the truth does not vary.
        residual_quantiles: Of truth minus prediction, by share.
    """

    mae: float
    rmse: float
    r2: float | None
    residual_quantiles: dict[float, float]

    @classmethod
    def of(cls, truth: NDArray[np.floating], predicted: NDArray[np.floating]) -> TargetFigures:
        """Of N samples, each (N,)."""
        truth = np.asarray(truth, np.float64)
        residual = truth - np.asarray(predicted, np.float64)
        squares, spread = float((residual**2).sum()), float(((truth - truth.mean()) ** 2).sum())
        return cls(
            float(np.abs(residual).mean()),
            float(np.sqrt((residual**2).mean())),
            1 - squares / spread if spread > 0 else None,
            dict(zip(QUANTILES, np.quantile(residual, QUANTILES).tolist(), strict=True)),
        )
