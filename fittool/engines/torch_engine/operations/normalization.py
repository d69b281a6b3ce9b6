"""Batch, layer and group normalization, and the fixed normalization of inputs, with Keras's formulas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from fittool.augmentation.standardize import EPSILON, centres, centres_samples, scales
from fittool.engines.torch_engine.step import StepContext

_SMALLEST_DEVIATION = 1e-7


def batch_normalization(
    name: str, gamma: Tensor | None, beta: Tensor | None, moving: tuple[Tensor, Tensor], epsilon: float, *, frozen: bool
) -> Callable[[Tensor, StepContext], Tensor]:
    """Each channel to mean 0 and variance 1 over batch and positions, then times gamma plus beta.

    In training the batch's mean and 1 / deviation are left in the context: the moving averages follow them once the step's
    forward half is over, all in one go.

    Args:
        name: The layer's.
        gamma, beta: (C,), or None.
        moving: Moving mean and variance, (C,) each.
        epsilon: Added to the variance.
        frozen: Whether the moving averages stand in for the batch's own always.
    """

    def call(x: Tensor, context: StepContext) -> Tensor:
        turned = x.movedim(-1, 1)
        if frozen or not context.training:
            return F.batch_norm(turned, *moving, gamma, beta, False, 0.0, epsilon).movedim(1, -1)
        y, mean, inverse = torch.native_batch_norm(turned, gamma, beta, None, None, True, 0.0, epsilon)
        context.moments[name] = mean.detach(), inverse.detach()
        return y.movedim(1, -1)

    return call


class MovingAverages:
    """The moving means and variances of all batch normalizations of a network, which follow those of the batches.

    The variance is the biased one, as in Keras; PyTorch's own would be the unbiased one.
    """

    def __init__(self, entries: Mapping[str, tuple[Tensor, Tensor, float, float]]) -> None:
        # By layer: moving mean, moving variance, momentum, epsilon.
        self._entries = dict(entries)

    def follow(self, moments: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Move towards mean and 1 / deviation of a batch, (C,) each, by layer."""
        found = [(self._entries[name], values) for name, values in moments.items()]
        for momentum in sorted({entry[2] for entry, _ in found}):
            group = [(entry, values) for entry, values in found if entry[2] == momentum]
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
    return F.group_norm(x.movedim(-1, 1), groups, gamma, beta, epsilon).movedim(1, -1)


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
