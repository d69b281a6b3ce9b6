"""The metrics as running sums: what a batch adds, and what the sums give.

The state of a metric is a float64 vector of a length that the metric knows, the same for every engine.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import Floats
from fittool.engines.numpy_engine.metrics.counts import area_under_curve, at_threshold
from fittool.engines.numpy_engine.metrics.means import MeanMetric, mean_of_loss, share_of_right
from fittool.engines.numpy_engine.metrics.scores import Determination, FScore
from fittool.nn import metrics
from fittool.nn.metrics import Metric
from fittool.nn.metrics.accuracies import ACCURACIES
from fittool.nn.shapes import Shape


class RunningMetric(Protocol):
    """One metric at work."""

    @property
    def size(self) -> int:
        """Length of the accumulator."""

    def update(
        self, accumulator: NDArray[np.float64], targets: NDArray[Any], outputs: Floats, weights: NDArray[Any] | None
    ) -> None:
        """Add a batch.

        Args:
            accumulator: (size,) sums, changed in place.
            targets: (N, …).
            outputs: (N, …, K).
            weights: (N,), or None where all samples weigh 1.

        Raises:
            DataError: Targets do not fit the outputs.
        """

    def result(self, accumulator: NDArray[np.float64]) -> float:
        """The metric of everything added so far; 0 before anything was."""


def metric_function(metric: Metric, target_shape: Shape, output_shape: Shape) -> RunningMetric:
    """The running sums behind a metric's setting.

    Args:
        metric: The setting.
        target_shape: Shape of the targets without the batch axis; decides what `accuracy` means.
        output_shape: Shape of the outputs without the batch axis.
    """
    measure = metric.resolved(target_shape, output_shape)
    if isinstance(measure, metrics.LossMean):
        return mean_of_loss(measure)
    if isinstance(measure, metrics.FunctionMetric):
        return MeanMetric(measure.values)
    if isinstance(measure, metrics.AUC):
        return area_under_curve(measure, output_shape[-1])
    if isinstance(measure, metrics.F1Score):
        return FScore(measure, output_shape[-1])
    if isinstance(measure, metrics.R2Score):
        return Determination(measure, output_shape[-1])
    return share_of_right(measure) if isinstance(measure, ACCURACIES) else at_threshold(measure)
