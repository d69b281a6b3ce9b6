"""Batch, layer and group normalization, and the fixed normalization of inputs, with Keras's formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.augmentation.standardize import EPSILON, centres, centres_samples, scales
from fittool.engines.torch_engine.activations import Function
from fittool.engines.torch_engine.operations.exchange import Exchange
from fittool.engines.torch_engine.step import StepContext

_SMALLEST_DEVIATION = 1e-7


def batch_normalization(
    name: str, gamma: Tensor | None, beta: Tensor | None, moving: tuple[Tensor, Tensor], epsilon: float, *, frozen: bool
) -> Callable[..., Tensor]:
    """Each channel to mean 0 and variance 1 over batch and positions, then times gamma plus beta.

    In training the batch's mean and 1 / deviation are left in the context: the moving averages follow them once the step's
    forward half is over, all in one go.

    The function that is given takes inputs (N, …, C), the context, and `last`: what is done to each element of the result, in its
    place.

    Args:
        name: The layer's.
        gamma, beta: (C,), or None.
        moving: Moving mean and variance, (C,) each.
        epsilon: Added to the variance.
        frozen: Whether the moving averages stand in for the batch's own always.
    """

    def call(x: Tensor, context: StepContext, last: Function | None = None) -> Tensor:
        turned = x.movedim(-1, 1)
        if frozen or not context.training:
            y = F.batch_norm(turned, *moving, gamma, beta, False, 0.0, epsilon)
            return (y if last is None else last(y)).movedim(1, -1)
        if context.exchange is not None:
            part = float(context.counts)
            y, mean, inverse = _over_all_processes(turned, gamma, beta, epsilon, context.exchange, part)
        else:
            y, mean, inverse = torch.native_batch_norm(turned, gamma, beta, None, None, True, 0.0, epsilon)
        context.moments[name] = mean.detach(), inverse.detach()
        return (y if last is None else last(y)).movedim(1, -1)

    return call


def _over_all_processes(
    x: Tensor, gamma: Tensor | None, beta: Tensor | None, epsilon: float, exchange: Exchange, part: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch normalization of (N, C, …) by the statistics of all processes' samples; PyTorch's own is for graphics cards alone.

    `part` is 0 where the samples stand in for none, else 1.

    Returns:
        The result (N, C, …), mean and 1 / deviation (C,) each.
    """
    values, shape = x.float() if x.dtype.itemsize < torch.float32.itemsize else x, (1, -1, *[1] * (x.ndim - 2))
    axes = [0, *range(2, x.ndim)]
    count = values.new_full((1,), values.numel() // values.shape[1])
    sums = exchange.sum_within(torch.cat([values.sum(axes), count]) * part)
    mean, count = sums[:-1] / sums[-1], sums[-1].detach()
    centred = values - mean.view(shape)  # in a second pass, as the difference of two sums of squares would lose digits
    inverse = torch.rsqrt(exchange.sum_within(centred.square().sum(axes) * part) / count + epsilon)
    y = centred * inverse.view(shape)
    y = y if gamma is None else y * gamma.view(shape)
    return (y if beta is None else y + beta.view(shape)).to(x.dtype), mean, inverse


class MovingAverages:
    """The moving means and variances of all batch normalizations of a network, which follow those of the batches.

    The variance is the biased one, as in Keras; PyTorch's own would be the unbiased one.
    """

    def __init__(self, entries: Mapping[str, tuple[Tensor, Tensor, float, float]], following: Sequence[str] = ()) -> None:
        # By layer: moving mean, moving variance, momentum, epsilon. Those of frozen layers stay.
        self._entries, self._following = dict(entries), tuple(following)

    def shared(self, moments: Mapping[str, tuple[Tensor, Tensor]], share: float) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and variance of this process's samples, (C,) each, times its share of all samples; zeros where it has none."""
        found = {}
        for name in self._following:
            mean, variance, _, epsilon = self._entries[name]
            if name in moments:
                own, inverse = moments[name]
                found[name] = own.to(mean.dtype) * share, (inverse.to(mean.dtype).pow(-2) - epsilon) * share
            else:
                found[name] = torch.zeros_like(mean), torch.zeros_like(variance)
        return found

    def of_all(self, summed: Mapping[str, tuple[Tensor, Tensor]]) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and 1 / deviation, (C,) each, from the sums of `shared` over all processes."""
        return {name: (mean, (variance + self._entries[name][3]).rsqrt()) for name, (mean, variance) in summed.items()}

    def follow(self, moments: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Move towards mean and 1 / deviation of a batch, (C,) each, by layer."""
        if not moments:
            return
        found, uses = [], Counter[int]()
        for name, values in moments.items():
            mean, variance, momentum, epsilon = self._entries[name]
            found.append(((mean, variance, (uses[id(mean)], momentum), epsilon), values))
            uses[id(mean)] += 1  # a layer that shares the averages of another follows after it, not at once with it
        for turn, momentum in sorted({entry[2] for entry, _ in found}):
            group = [(entry, values) for entry, values in found if entry[2] == (turn, momentum)]
            variances = torch._foreach_pow([inverse for _, (_, inverse) in group], -2.0)
            torch._foreach_sub_(variances, [entry[3] for entry, _ in group])
            moving = [entry[0] for entry, _ in group] + [entry[1] for entry, _ in group]
            now = [mean for _, (mean, _) in group] + list(variances)
            torch._foreach_lerp_(moving, [value.to(moving[0].dtype) for value in now], 1 - momentum)


def layer_normalization(x: Tensor, gamma: Tensor | None, beta: Tensor | None, epsilon: float) -> Tensor:
    """Each position of (N, …, C) to mean 0 and variance 1 over its channels, then times gamma plus beta, (C,) each."""
    return F.layer_norm(x, x.shape[-1:], gamma, beta, epsilon)


def group_normalization(x: Tensor, groups: int, gamma: Tensor | None, beta: Tensor | None, epsilon: float) -> Tensor:
    """Groups of channels of (N, …, C) to mean 0 and variance 1 over all positions, then times gamma plus beta, (C,) each."""
    if gamma is None and beta is not None:
        gamma = torch.ones_like(beta)  # PyTorch's derivative fails on an offset without a factor
    turned = x.movedim(-1, 1)
    if not turned.requires_grad:
        turned = turned.contiguous()  # PyTorch's derivative by gamma alone fails on channels that lie last
    return F.group_norm(turned, groups, gamma, beta, epsilon).movedim(1, -1)


def normalization(x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Inputs (N, …, C) by fixed statistics, (C,) each: (x - mean) / max(deviation, 1e-7)."""
    return (x - mean) / torch.sqrt(variance).clamp(min=_SMALLEST_DEVIATION)


def standardization(images: Tensor, steps: Any, statistics: Mapping[str, Tensor]) -> Tensor:
    """The steps of `fittool.augmentation.standardize` on images (N, H, W, C).

    Args:
        images: The images.
        steps: Which are taken, a `Standardization` layer.
        statistics: `mean` and `std` (C,), `zca` (H · W · C, H · W · C), as far as the steps need them.
    """
    values = images if steps.rescale is None else images * steps.rescale
    axes = tuple(range(1, values.ndim))
    if centres_samples(steps):
        values = values - values.mean(dim=axes, keepdim=True)
    if steps.samplewise_std_normalization:
        values = values / (torch.sqrt(values.square().mean(dim=axes, keepdim=True)) + EPSILON)
    if centres(steps):
        values = values - statistics["mean"]
    if scales(steps):
        values = values / (statistics["std"] + EPSILON)
    if steps.zca_whitening:
        values = (values.reshape(len(values), -1) @ statistics["zca"]).view_as(values)
    return values
