"""The sums behind the values that are logged: which ones there are, how long they are, and the number that they give.

Engines only add to the sums, so those of one engine go on in another, and those of several processes can be added. All sums
are float64 and begin at 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.nn import metrics
from fittool.nn.losses import EPSILON
from fittool.nn.objectives import Objectives, loss_value_names, metrics_by_name
from fittool.nn.shapes import Shape
from fittool.nn.targets import Measure

Sums = NDArray[np.float64]
_NUMBERS_AT_ONCE = 2**20


class Accumulator(Protocol):
    """The sums of one value, a vector."""

    @property
    def size(self) -> int:
        """The length of the vector."""

    def result(self, sums: Sums) -> float:
        """The value of the sums, (size,); 0 before anything was added."""

    def results(self, table: Sums) -> Sums:
        """The values, (rows,), of many sums, (rows, size), as `result` gives them one by one."""


@dataclass(frozen=True)
class MeanAccumulator:
    """A weighted mean, [Σ weight · value, Σ weight].

    A loss counts each step's loss with its number of samples as the weight. A metric counts one value for each position: that
    of a loss, or 1 for a right answer; its weight is that of the sample, 0 where the class number is ignored.

    Attributes:
        measure: The metric; None for a loss.
    """

    measure: Measure | None = None

    @property
    def size(self) -> int:
        """The length of the vector."""
        return 2

    def result(self, sums: Sums) -> float:
        """The mean, or what the metric makes of it."""
        mean = float(sums[0] / sums[1]) if sums[1] else 0.0
        return self.measure.from_mean(mean) if isinstance(self.measure, metrics.LossMean) and sums[1] else mean

    def results(self, table: Sums) -> Sums:
        """The same of many sums, (rows, 2)."""
        if isinstance(self.measure, metrics.LossMean):
            return np.array([self.result(row) for row in table])
        return _ratio(table[:, 0], table[:, 1])


@dataclass(frozen=True)
class Counts:
    """Weighted counts at each threshold, (labels, thresholds) each."""

    true_positives: Sums
    false_positives: Sums
    true_negatives: Sums
    false_negatives: Sums


@dataclass(frozen=True)
class ThresholdAccumulator:
    """The numbers of ones, and of zeros, that lie between neighbouring thresholds: (2, labels, thresholds + 1), flat.

    An output belongs to the bin numbered by how many thresholds lie below it (one that equals a threshold is not above it; one
    that is no number belongs to bin 0), and counts with the weight of its sample.

    Attributes:
        measure: The metric; its `top_k`, `class_id` and `from_logits`, where it has them, change or choose the outputs first.
        thresholds: (T,) rising.
        labels: How many places of the last axis are counted apart; 1 for all together.
        even: Whether the thresholds are evenly spaced from 0 to 1; outputs beyond are then taken as 0 and 1, as in Keras.
    """

    measure: Measure
    thresholds: NDArray[np.float32]
    labels: int = 1
    even: bool = False

    @property
    def size(self) -> int:
        """The length of the vector."""
        return 2 * self.labels * (len(self.thresholds) + 1)

    def result(self, sums: Sums) -> float:
        """The metric of the counts."""
        return float(self._results(sums[None])[0])

    def results(self, table: Sums) -> Sums:
        """The same of many sums, (rows, size); so many at a time as do not need much memory."""
        step = max(1, _NUMBERS_AT_ONCE // self.size)
        return np.concatenate([self._results(table[start : start + step]) for start in range(0, len(table), step)])

    def _results(self, table: Sums) -> Sums:
        """(rows,) of (rows, size): the labels of all rows are looked at as if they were those of one."""
        halves = table.reshape(len(table), 2, self.labels, -1)
        ones, zeros = (halves[:, half].reshape(len(table) * self.labels, -1) for half in range(2))
        above = [np.cumsum(half[:, ::-1], axis=1)[:, ::-1] for half in (ones, zeros)]
        positives = [half[:, 1:] for half in above]
        negatives = [half[:, :1] - half[:, 1:] for half in above]
        counts = Counts(positives[0], positives[1], negatives[1], negatives[0])
        with np.errstate(all="ignore"):
            if isinstance(self.measure, metrics.AUC):
                return np.asarray(_area(self.measure, counts).reshape(len(table), -1).mean(axis=1))
            return _AT_THRESHOLD[type(self.measure)](counts)[:, 0]


@dataclass(frozen=True)
class ColumnAccumulator:
    """Four weighted sums of each column of the outputs, (4, columns) flat; R² also keeps how many values there were.

    F1 sums true positives, false positives, false negatives and ones; R² sums y, y², (y - output)² and 1.

    Attributes:
        measure: The metric.
        columns: Size of the outputs' last axis.
    """

    measure: metrics.F1Score | metrics.R2Score
    columns: int

    @property
    def size(self) -> int:
        """The length of the vector."""
        return 4 * self.columns + isinstance(self.measure, metrics.R2Score)

    def result(self, sums: Sums) -> float:
        """The score of all columns."""
        columns = sums[: 4 * self.columns].reshape(4, -1)
        if isinstance(self.measure, metrics.F1Score):
            return _f1_score(self.measure, columns)
        return _r2_score(self.measure, columns, float(sums[-1]))

    def results(self, table: Sums) -> Sums:
        """The same of many sums, (rows, size)."""
        return np.array([self.result(row) for row in table])


def accumulator_of(measure: Measure, output_shape: Shape) -> Accumulator:
    """The sums of a metric.

    Args:
        measure: The metric, resolved for its shapes.
        output_shape: Shape of the outputs without the batch axis, (…, K).
    """
    if isinstance(measure, metrics.F1Score | metrics.R2Score):
        return ColumnAccumulator(measure, output_shape[-1])
    if isinstance(measure, metrics.AUC):
        labels = output_shape[-1] if measure.multi_label else 1
        return ThresholdAccumulator(measure, _curve_thresholds(measure), labels, measure.thresholds is None)
    if type(measure) in _AT_THRESHOLD:
        return ThresholdAccumulator(measure, np.array([_threshold(measure)], np.float32))
    return MeanAccumulator(measure)


def running_values(objectives: Objectives, output_shapes: Mapping[str, Shape]) -> dict[str, Accumulator]:
    """The sums of every value that is logged, in the order of `value_names`; a state keeps them as `metrics/<name>`.

    Args:
        objectives: What is asked of each output.
        output_shapes: Shape of each output without the batch axis, by name.
    """
    found: dict[str, Accumulator] = {name: MeanAccumulator() for name in loss_value_names(objectives)}
    outputs = list(objectives)
    for name, entry in metrics_by_name(objectives).items():
        output = outputs[entry.output]
        shape = output_shapes[output]
        measure = entry.metric.resolved(objectives[output].target_shape, shape)
        found[name] = accumulator_of(measure, shape if entry.target is None else (*shape[:-1], 1))
    return found


def _threshold(measure: Any) -> float:
    if measure.thresholds is not None:
        return float(measure.thresholds)
    return 0.5 if getattr(measure, "top_k", None) is None else -1e10  # the k largest count as 1, however small they are


def _curve_thresholds(measure: metrics.AUC) -> NDArray[np.float32]:
    """(T,): those between 0 and 1, one below and one above all."""
    inner = np.arange(1, measure.num_thresholds - 1) / (measure.num_thresholds - 1)
    return np.array([-1e-7, *(inner if measure.thresholds is None else sorted(measure.thresholds)), 1 + 1e-7], np.float32)


def _ratio(numerator: Sums, denominator: Sums) -> Sums:
    """The quotient; 0 where nothing is divided by nothing."""
    return np.where(denominator == 0, 0.0, numerator / np.where(denominator == 0, 1, denominator))


def _precision(counts: Counts) -> Sums:
    """Ones among the outputs above each threshold."""
    return _ratio(counts.true_positives, counts.true_positives + counts.false_positives)


def _recall(counts: Counts) -> Sums:
    """Outputs above each threshold among the ones."""
    return _ratio(counts.true_positives, counts.true_positives + counts.false_negatives)


_AT_THRESHOLD: dict[type[Measure], Callable[[Counts], Sums]] = {
    metrics.TruePositives: lambda counts: counts.true_positives,
    metrics.FalsePositives: lambda counts: counts.false_positives,
    metrics.TrueNegatives: lambda counts: counts.true_negatives,
    metrics.FalseNegatives: lambda counts: counts.false_negatives,
    metrics.Precision: _precision,
    metrics.Recall: _recall,
}
"""The metrics with one threshold."""


def _area(measure: metrics.AUC, counts: Counts) -> Sums:
    """The area under each label's curve, (labels,)."""
    if measure.curve == "PR" and measure.summation_method == "interpolation":
        return _area_under(counts)
    if measure.curve == "ROC":
        along, heights = _ratio(counts.false_positives, counts.false_positives + counts.true_negatives), _recall(counts)
    else:
        along, heights = _recall(counts), _precision(counts)
    before, after = heights[:, :-1], heights[:, 1:]
    heights = {
        "interpolation": (before + after) / 2, "minoring": np.minimum(before, after), "majoring": np.maximum(before, after)
    }[measure.summation_method]  # fmt: skip
    area: Sums = ((along[:, :-1] - along[:, 1:]) * heights).sum(axis=1)
    return area


def _area_under(counts: Counts) -> Sums:
    """The area under precision over recall, with true and false positives taken to grow evenly between thresholds."""
    ones, above = counts.true_positives, counts.true_positives + counts.false_positives
    slope = _ratio(ones[:, :-1] - ones[:, 1:], np.maximum(above[:, :-1] - above[:, 1:], 0))
    intercept = ones[:, 1:] - slope * above[:, 1:]
    both = (above[:, :-1] > 0) & (above[:, 1:] > 0)
    growth = np.where(both, _ratio(above[:, :-1], above[:, 1:]), 1)
    increments = slope * (ones[:, :-1] - ones[:, 1:] + intercept * np.log(np.where(both, growth, 1)))
    area: Sums = _ratio(increments, ones[:, 1:] + counts.false_negatives[:, 1:]).sum(axis=1)
    return area


def _f1_score(measure: metrics.F1Score, columns: Sums) -> float:
    """F1 of (4, columns) counts."""
    if measure.average == "micro":
        columns = columns.sum(axis=1, keepdims=True)
    hits, false_positives, false_negatives, ones = columns
    precision = hits / (hits + false_positives + EPSILON)
    recall = hits / (hits + false_negatives + EPSILON)
    scores = 2 * precision * recall / (precision + recall + EPSILON)
    if measure.average == "weighted":
        return float((scores * ones / (ones.sum() + EPSILON)).sum())
    return float(scores.mean())


def _r2_score(measure: metrics.R2Score, columns: Sums, number: float) -> float:
    """R² of (4, columns) sums over `number` values; 0 before anything was added."""
    total, squares, residual, count = columns
    if not count.any():
        return 0.0
    with np.errstate(all="ignore"):
        spread = squares - total * (total / count)
        scores = 1 - residual / spread
        scores = np.where(np.isinf(scores), 0, scores)
        even = measure.class_aggregation == "uniform_average"
        score = float(scores.mean() if even else (spread * scores).sum() / spread.sum())
    variables = measure.num_regressors
    if not variables or variables >= number - 1:
        return score
    return 1 - (1 - score) * (number - 1) / (number - variables - 1)  # Theil 1961
