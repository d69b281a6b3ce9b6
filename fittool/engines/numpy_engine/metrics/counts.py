"""Metrics of ones and zeros above thresholds: precision, recall, areas under curves.

Their state is how many ones, and how many zeros, lie between neighbouring thresholds: (2, labels, thresholds + 1), flat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.losses import Floats, shaped_like
from fittool.engines.numpy_engine.metrics.weights import spread
from fittool.nn import metrics
from fittool.nn.activations import sigmoid

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Weighted counts at each threshold, (labels, thresholds) each."""

    true_positives: Numbers
    false_positives: Numbers
    true_negatives: Numbers
    false_negatives: Numbers


@dataclass(frozen=True)
class ThresholdMetric:
    """A number from counts at thresholds.

    Attributes:
        thresholds: (T,) rising.
        finish: Makes the number of the counts.
        labels: How many places of the last axis are counted apart; 1 for all together.
        even: Whether the thresholds are evenly spaced from 0 to 1; outputs beyond are then taken as 0 and 1, as in Keras.
        prepare: Applied to the outputs first.
        place: The only place of the last axis that counts; None for all.
    """

    thresholds: NDArray[np.float32]
    finish: Callable[[Counts], float]
    labels: int = 1
    even: bool = False
    prepare: Callable[[Floats], Floats] | None = None
    place: int | None = None

    @property
    def size(self) -> int:
        """Length of the accumulator."""
        return 2 * self.labels * (len(self.thresholds) + 1)

    def update(self, accumulator: Numbers, targets: NDArray[Any], outputs: Floats, weights: NDArray[Any] | None) -> None:
        """Add a batch."""
        truth = shaped_like(targets, outputs) != 0
        outputs = outputs if self.prepare is None else self.prepare(outputs)
        if self.place is not None:
            truth, outputs = truth[..., self.place, None], outputs[..., self.place, None]
        bins = self._bins(outputs) + (len(self.thresholds) + 1) * (np.arange(outputs.shape[-1]) % self.labels)
        bins = np.where(truth, bins, bins + self.size // 2)
        counted = None if weights is None else spread(weights, outputs.shape).reshape(-1)
        accumulator += np.bincount(bins.reshape(-1), counted, minlength=self.size)

    def _bins(self, outputs: Floats) -> NDArray[np.int64]:
        """How many thresholds lie below each output; none below one that is no number."""
        outputs = np.nan_to_num(outputs.astype(np.float32, copy=False), nan=-np.inf)
        if not self.even:
            return np.searchsorted(self.thresholds, outputs, side="left").astype(np.int64)
        steps = np.float32(len(self.thresholds) - 1)
        return np.maximum(np.ceil(np.clip(outputs, 0, 1) * steps), 1).astype(np.int64)

    def result(self, accumulator: Numbers) -> float:
        """The metric of everything added so far."""
        ones, zeros = accumulator.reshape(2, self.labels, -1)
        above = [np.cumsum(part[:, ::-1], axis=1)[:, ::-1] for part in (ones, zeros)]
        positives = [part[:, 1:] for part in above]
        negatives = [part[:, :1] - part[:, 1:] for part in above]
        with np.errstate(all="ignore"):
            return self.finish(Counts(positives[0], positives[1], negatives[1], negatives[0]))


def ratio(numerator: Numbers, denominator: Numbers) -> Numbers:
    """The quotient; 0 where nothing is divided by nothing."""
    return np.where(denominator == 0, 0.0, numerator / np.where(denominator == 0, 1, denominator))


def precision(counts: Counts) -> Numbers:
    """Ones among the outputs above each threshold."""
    return ratio(counts.true_positives, counts.true_positives + counts.false_positives)


def recall(counts: Counts) -> Numbers:
    """Outputs above each threshold among the ones."""
    return ratio(counts.true_positives, counts.true_positives + counts.false_negatives)


_FINISHES: dict[type[metrics.Metric], Callable[[Counts], Numbers]] = {
    metrics.TruePositives: lambda counts: counts.true_positives,
    metrics.FalsePositives: lambda counts: counts.false_positives,
    metrics.TrueNegatives: lambda counts: counts.true_negatives,
    metrics.FalseNegatives: lambda counts: counts.false_negatives,
    metrics.Precision: precision,
    metrics.Recall: recall,
}


def at_threshold(metric: Any) -> ThresholdMetric:
    """The running counts of a metric with one threshold."""
    finish, top_k = _FINISHES[type(metric)], getattr(metric, "top_k", None)
    default = 0.5 if top_k is None else -1e10
    threshold = default if metric.thresholds is None else metric.thresholds
    return ThresholdMetric(
        np.array([threshold], np.float32),
        lambda counts: float(finish(counts)[0, 0]),
        prepare=None if top_k is None else lambda outputs: _largest_only(outputs, top_k),
        place=getattr(metric, "class_id", None),
    )


def _largest_only(outputs: Floats, k: int) -> Floats:
    """All but the k largest outputs of a row set to minus infinity."""
    order = np.argsort(-outputs, axis=-1, kind="stable")[..., :k]
    kept = np.full_like(outputs, -np.inf)
    np.put_along_axis(kept, order, np.take_along_axis(outputs, order, -1), -1)
    return kept


def area_under_curve(metric: metrics.AUC, labels: int) -> ThresholdMetric:
    """The running counts of a curve with one point for each threshold.

    Args:
        metric: The setting.
        labels: Size of the outputs' last axis.
    """
    even = metric.thresholds is None
    inner = np.arange(1, metric.num_thresholds - 1) / (metric.num_thresholds - 1) if even else sorted(metric.thresholds or ())
    return ThresholdMetric(
        np.array([-1e-7, *inner, 1 + 1e-7], np.float32),
        lambda counts: float(_area(metric, counts).mean()),
        labels if metric.multi_label else 1,
        even,
        sigmoid if metric.from_logits else None,
    )


def _area(metric: metrics.AUC, counts: Counts) -> Numbers:
    """The area under each label's curve, (labels,)."""
    if metric.curve == "PR" and metric.summation_method == "interpolation":
        return _interpolated(counts)
    if metric.curve == "ROC":
        along, heights = ratio(counts.false_positives, counts.false_positives + counts.true_negatives), recall(counts)
    else:
        along, heights = recall(counts), precision(counts)
    before, after = heights[:, :-1], heights[:, 1:]
    heights = {
        "interpolation": (before + after) / 2, "minoring": np.minimum(before, after), "majoring": np.maximum(before, after)
    }[metric.summation_method]  # fmt: skip
    area: Numbers = ((along[:, :-1] - along[:, 1:]) * heights).sum(axis=1)
    return area


def _interpolated(counts: Counts) -> Numbers:
    """The area under precision over recall, with true and false positives taken to grow evenly between thresholds."""
    ones, above = counts.true_positives, counts.true_positives + counts.false_positives
    slope = ratio(ones[:, :-1] - ones[:, 1:], np.maximum(above[:, :-1] - above[:, 1:], 0))
    intercept = ones[:, 1:] - slope * above[:, 1:]
    both = (above[:, :-1] > 0) & (above[:, 1:] > 0)
    growth = np.where(both, ratio(above[:, :-1], above[:, 1:]), 1)
    increments = slope * (ones[:, :-1] - ones[:, 1:] + intercept * np.log(np.where(both, growth, 1)))
    area: Numbers = ratio(increments, ones[:, 1:] + counts.false_negatives[:, 1:]).sum(axis=1)
    return area
