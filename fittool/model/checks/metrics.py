"""Metrics, held against the output and the loss that they stand beside."""

from __future__ import annotations

from collections.abc import Iterator

from fittool.model.checks.findings import Finding, Output
from fittool.model.checks.last_layers import EACH, squash
from fittool.nn.losses import LogitsOrProbabilities
from fittool.nn.metrics import (
    AUC,
    BinaryAccuracy,
    BinaryCrossentropy,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    F1Score,
    FalseNegatives,
    FalsePositives,
    Metric,
    Precision,
    Recall,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
)
from fittool.nn.targets import Measure

_ACCURACIES = (
    BinaryAccuracy,
    SparseCategoricalAccuracy,
    CategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
_COUNTS = (Precision, Recall, TruePositives, TrueNegatives, FalsePositives, FalseNegatives)
_CROSSENTROPIES = (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy)


def metric_findings(output: Output) -> Iterator[Finding]:
    """Metrics that say nothing about this output."""
    for kind in ("metrics", "weighted_metrics"):
        for index, metric in enumerate(getattr(output.objective, kind)):
            meant = metric.resolved(output.targets.shape, output.shape)
            text = _of_numbers(output, metric, meant) or _of_classes(output, metric, meant) or _of_logits(output, metric, meant)
            if text is not None:
                path = (index,) if output.is_only else (output.name, index)
                yield Finding(text, ("compile", kind, *path))


def _of_numbers(output: Output, metric: Metric, meant: Measure) -> str | None:
    """A share of right answers, where answers are numbers that are never met exactly."""
    loss, targets = output.loss, output.targets
    regression = loss is None or loss.expects == "numbers"
    if not (isinstance(meant, _ACCURACIES) and regression) or (
        targets.lowest >= -1 and targets.highest <= 1 and _is_whole(output)
    ):
        return None
    return f"{metric.log_name} is a share of right classes, but the targets are numbers. Use mae or r2."


def _is_whole(output: Output) -> bool:
    return output.targets.kind != "numbers" or (output.targets.lowest, output.targets.highest) in ((0, 1), (-1, 1))


def _of_classes(output: Output, metric: Metric, meant: Measure) -> str | None:
    """A metric of the largest output, where there is one only or each stands for itself."""
    if isinstance(meant, F1Score) and meant.threshold is None:
        if output.shape[-1] == 1:
            found = f"{metric.log_name} takes the largest output of each sample for a yes, and there is only one."
            return f"{found} Give it a threshold: F1Score: {{threshold: 0.5}}."
        if output.activation in EACH and output.targets.kind == "numbers":
            found = (
                f"{metric.log_name} takes only the largest output of each sample for a yes, but {output.end}: each is on its own."
            )
            return f"{found} Give it a threshold: F1Score: {{threshold: 0.5}}."
    largest = isinstance(meant, CategoricalAccuracy | TopKCategoricalAccuracy)
    each = output.activation in EACH or (output.loss is not None and output.loss.expects == "probabilities")
    if largest and each and output.targets.kind == "numbers" and output.shape[-1] > 1:
        found = f"{metric.log_name} looks at the largest of the outputs alone, but {output.end}: each is a yes or no on its own."
        return f"{found} Use binary_accuracy."
    return None


def _of_logits(output: Output, metric: Metric, meant: Measure) -> str | None:
    """A metric of probabilities, where the outputs are logits."""
    if not (isinstance(output.loss, LogitsOrProbabilities) and output.loss.from_logits):
        return None
    if isinstance(meant, BinaryAccuracy) and meant.threshold == 0.5:
        found = f"{metric.log_name} counts outputs above 0.5, but the outputs are logits, which mean yes from 0 up."
        return f"{found} Use BinaryAccuracy: {{threshold: 0}}."
    if isinstance(meant, (AUC, *_CROSSENTROPIES)) and not meant.from_logits:
        return f"{metric.log_name} takes probabilities, but the outputs are logits. Give it from_logits: true."
    if isinstance(meant, _COUNTS) or (isinstance(meant, F1Score) and meant.threshold is not None):
        threshold = getattr(meant, "thresholds", getattr(meant, "threshold", None))
        found = f"{metric.log_name} counts outputs above {0.5 if threshold is None else threshold:g}, which are logits here."
        return f"{found} Give layer {output.node.name} activation: {squash(output)}, without from_logits."
    return None
