"""The sums of the metrics: what a batch adds to each, by `fittool.nn.accumulators`. Nothing here waits for a device."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fittool.engines.torch_engine.losses import LossFunction, shaped_like
from fittool.engines.torch_engine.losses.common import class_numbers
from fittool.nn import losses, metrics
from fittool.nn.accumulators import Accumulator, ColumnAccumulator, MeanAccumulator, ThresholdAccumulator
from fittool.nn.shapes import Shape

Update = Callable[[Tensor, Tensor, Tensor, Tensor | None], int]
"""`update(sums, targets, outputs, weights)` adds a batch, and gives what is still to be added to the second of the sums.

sums: (size,), changed in place. targets: (N, …), as the data give them. outputs: (N, …, K). weights: (N,) or more axes of the
outputs, or None where all samples weigh 1; then how many there are is known without the device, and counted on the host.
"""
Values = Callable[[Tensor, Tensor], Tensor]
"""`values(targets, outputs)` gives one number or truth value for each position, (N, …)."""


def metric_update(accumulator: Accumulator) -> Update:
    """The function that adds a batch to the sums of a metric."""
    if isinstance(accumulator, ThresholdAccumulator):
        return _Counting(accumulator)
    if isinstance(accumulator, ColumnAccumulator):
        return partial(_add_columns, accumulator, _f1_parts if isinstance(accumulator.measure, metrics.F1Score) else _r2_parts)
    assert isinstance(accumulator, MeanAccumulator) and accumulator.measure is not None
    return partial(_add_mean, _values(accumulator.measure), accumulator.measure.ignored())


def _position_weights(weights: Tensor | None, shape: Shape, like: Tensor) -> Tensor:
    """(N, …) of the given shape: the weight of every position, that of its sample or its own; 1 where there are none."""
    if weights is None:
        return torch.ones(shape, dtype=like.dtype, device=like.device)
    return weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim)).to(like.dtype).expand(shape)


def _add_mean(
    values_of: Values, ignored: int | None, sums: Tensor, targets: Tensor, outputs: Tensor, weights: Tensor | None
) -> int:
    values = values_of(targets, outputs)
    if weights is not None and len(values) != len(weights):
        weights = None  # a function of the user's gave one number for the whole batch
    if weights is None and ignored is None:
        sums[:1].add_(values.sum(dtype=sums.dtype))
        return values.numel()
    counted = _position_weights(weights, values.shape, sums)
    if ignored is not None:
        counted = torch.where(targets.reshape(values.shape) == ignored, 0, counted)
    sums.add_(torch.stack([(values * counted).sum(), counted.sum()]))
    return 0


def _values(measure: Any) -> Values:
    """The values of a loss, or which answers are right."""
    if isinstance(measure, metrics.LossMean):
        return _loss_values(measure.loss())
    if isinstance(measure, metrics.FunctionMetric):
        return partial(_function_values, measure)
    if isinstance(measure, metrics.BinaryAccuracy):
        return lambda targets, outputs: (outputs > measure.threshold) == shaped_like(targets, outputs)
    if isinstance(measure, metrics.SparseCategoricalAccuracy):
        return lambda targets, outputs: outputs.argmax(dim=-1) == _numbers(targets, outputs)
    if isinstance(measure, metrics.CategoricalAccuracy):
        return lambda targets, outputs: outputs.argmax(dim=-1) == targets.argmax(dim=-1)
    if isinstance(measure, metrics.SparseTopKCategoricalAccuracy):
        return lambda targets, outputs: _among_largest(_numbers(targets, outputs), outputs, measure.k)
    return lambda targets, outputs: _among_largest(targets.argmax(dim=-1), outputs, measure.k)


def _function_values(measure: metrics.FunctionMetric, targets: Tensor, outputs: Tensor) -> Tensor:
    """A function of the user's takes arrays, so this is the one metric that waits for a device."""
    found = measure.values(targets.cpu().numpy(), outputs.detach().cpu().numpy())
    return torch.from_numpy(np.array(found)).to(outputs.device)


def _loss_values(loss: losses.Loss) -> Values:
    """The loss's values; those of ignored class numbers are of no meaning, and the others as if there were none such."""
    if isinstance(loss, losses.SparseCategoricalCrossentropy) and loss.ignore_class is not None:
        # The loss itself scales the values that count, so that its mean over all positions is theirs; the sum of the weights,
        # which divides a metric, leaves ignored positions out already.
        ignored, counting_all = loss.ignore_class, _loss_values(losses.SparseCategoricalCrossentropy(loss.from_logits))
        return lambda targets, outputs: counting_all(torch.where(targets == ignored, 0, targets), outputs)
    return LossFunction(loss).values


def _numbers(targets: Tensor, outputs: Tensor) -> Tensor:
    numbers, _ = class_numbers(targets)
    return numbers if outputs.ndim == 2 else numbers.view(outputs.shape[:-1])


def _among_largest(numbers: Tensor, outputs: Tensor, k: int) -> Tensor:
    """True where fewer than k outputs are larger than the one at the class number, and that one is a number."""
    # Only larger outputs count against it: among equal ones the class number is found, as in Keras.
    chosen = outputs.gather(-1, numbers[..., None])
    return ((outputs > chosen).sum(dim=-1) < k) & torch.isfinite(chosen[..., 0])


class _Counting:
    """Counts outputs between thresholds, ones and zeros apart."""

    def __init__(self, accumulator: ThresholdAccumulator) -> None:
        self._accumulator = accumulator
        self._thresholds: Tensor | None = None
        self._labels: Tensor | None = None

    def __call__(self, sums: Tensor, targets: Tensor, outputs: Tensor, weights: Tensor | None) -> int:
        accumulator = self._accumulator
        truth, outputs = _choose(accumulator.measure, shaped_like(targets, outputs) != 0, outputs)
        bins = self._bins(outputs) + self._first_bins(outputs)
        bins = torch.where(truth, bins, bins + accumulator.size // 2)
        counted = _position_weights(weights, outputs.shape, sums).reshape(-1)
        sums.scatter_add_(0, bins.reshape(-1), counted)
        return 0

    def _first_bins(self, outputs: Tensor) -> Tensor:
        """(K,): where the bins of each place of the last axis begin."""
        if self._labels is None:
            places = torch.arange(outputs.shape[-1], device=outputs.device) % self._accumulator.labels
            self._labels = places * (len(self._accumulator.thresholds) + 1)
        return self._labels

    def _bins(self, outputs: Tensor) -> Tensor:
        """(N, …, K): how many thresholds lie below each output; none below one that is no number."""
        outputs = torch.nan_to_num(outputs.to(torch.float32), nan=-torch.inf)
        if self._accumulator.even:
            # Even thresholds need no search; float32, because Keras decides at a threshold with that rounding.
            steps = len(self._accumulator.thresholds) - 1
            return torch.ceil(outputs.clamp(0, 1) * steps).clamp(min=1).to(torch.int64)
        if self._thresholds is None:
            self._thresholds = torch.from_numpy(np.array(self._accumulator.thresholds)).to(outputs.device)
        return torch.searchsorted(self._thresholds, outputs.contiguous())


def _choose(measure: Any, truth: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Truth and outputs, (N, …, K) both, as the metric looks at them; with a `class_id`, (N, …, 1)."""
    if isinstance(measure, metrics.AUC):
        return truth, torch.sigmoid(outputs) if measure.from_logits else outputs
    if isinstance(measure, metrics.Precision | metrics.Recall):
        if measure.top_k is not None:
            outputs = _largest_only(outputs, measure.top_k)
        if measure.class_id is not None:
            return truth[..., measure.class_id, None], outputs[..., measure.class_id, None]
    return truth, outputs


def _largest_only(outputs: Tensor, k: int) -> Tensor:
    """All but the k largest outputs of a row set to minus infinity; of equal ones, the first stay."""
    order = torch.sort(outputs, dim=-1, descending=True, stable=True).indices[..., :k]
    return torch.full_like(outputs, -torch.inf).scatter_(-1, order, outputs.gather(-1, order))


def _add_columns(
    accumulator: ColumnAccumulator,
    parts_of: Callable[[Any, Tensor, Tensor], tuple[Tensor, ...]],
    sums: Tensor,
    targets: Tensor,
    outputs: Tensor,
    weights: Tensor | None,
) -> int:
    y = targets.reshape(outputs.shape).to(outputs.dtype).to(sums.dtype)
    counted = _position_weights(weights, outputs.shape, sums)
    parts = [(part * counted).reshape(-1, accumulator.columns).sum(dim=0) for part in parts_of(accumulator.measure, y, outputs)]
    sums[: 4 * accumulator.columns].add_(torch.cat(parts))
    if accumulator.size > 4 * accumulator.columns:
        sums[4 * accumulator.columns :].add_(y.numel())
    return 0


def _f1_parts(measure: metrics.F1Score, y: Tensor, outputs: Tensor) -> tuple[Tensor, ...]:
    if measure.threshold is None:
        positive = (outputs >= outputs.amax(dim=-1, keepdim=True)) & (outputs.abs() > 1e-9)
    else:
        positive = outputs > measure.threshold
    return positive * y, positive * (1 - y), ~positive * y, y


def _r2_parts(measure: metrics.R2Score, y: Tensor, outputs: Tensor) -> tuple[Tensor, ...]:
    return y, y * y, (y - outputs) ** 2, torch.ones_like(y)
