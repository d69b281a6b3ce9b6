"""Batch normalization, with an addition and a ReLU that follow."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import (
    BatchPhase,
    BatchSlice,
    Floats,
    OperationContext,
    Phase,
    SlicePhase,
    rows,
)
from fittool.engines.numpy_engine.operations.normalization import BatchNormalization
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels.library import Library


class NativeBatchNormalization(NativeOperation[BatchNormalization]):
    """Each channel to mean 0 and variance 1, times gamma plus beta; then perhaps plus the second input, and ReLU.

    Args:
        plain: The operation as NumPy does it.
        library: The kernels.
        rectified: Whether a ReLU that follows is done at once.
        adds: Whether there is a second input, which is added.
    """

    def __init__(self, plain: BatchNormalization, library: Library, rectified: bool = False, adds: bool = False) -> None:
        super().__init__(plain, library)
        self.rectified, self.adds = rectified, adds
        self.needs_output = rectified

    def _parameters(self, context: OperationContext) -> dict[str, Floats | None]:
        plain = self.plain
        gamma, beta = (context.weights(n) if used else None for n, used in (("gamma", plain.scale), ("beta", plain.center)))
        return {"gamma": gamma, "beta": beta}

    def _statistics(self, context: OperationContext) -> Floats:
        """(5, C), kept for the backward half: mean, variance, 1 / deviation; and the factor and offset of y = x · f + o."""
        statistics: Floats = context.extra("statistics", (5, self.plain.shape[-1]), None)[0]
        return statistics

    def _learns(self, context: OperationContext) -> bool:
        """True where the statistics are the batch's own."""
        return context.training and not self.plain.frozen

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """Moments slice by slice, a meeting to merge them, then one multiplication and one addition."""
        statistics = self._statistics(context)
        if self._learns(context):
            slices = np.zeros((2, len(context.parts), self.plain.shape[-1]), context.y.dtype)
            yield SlicePhase(partial(self._measure, context, slices))
            merging: list[Task] = [self._merge(context, slices, statistics)]
            mean, variance = statistics[0], statistics[1]
        else:
            merging, (mean, variance) = [], (context.weights("moving_mean"), context.weights("moving_variance"))
        arrays: dict[str, Any] = dict(zip(("inverse", "factor", "offset"), statistics[2:], strict=True))
        arrays |= self._parameters(context) | {"mean": mean, "variance": variance}
        merging.append(self.library.task("normalization_factors", **arrays, epsilon=self.plain.epsilon))
        yield BatchPhase([merging])
        yield SlicePhase(partial(self._normalize, context))

    def _measure(self, context: OperationContext, slices: Floats, part: BatchSlice) -> Iterable[Task]:
        mean, squares = slices[0, part.index], slices[1, part.index]
        yield self.library.task("moments", x=rows(context.x[0], part), mean=mean, squares=squares)

    def _merge(self, context: OperationContext, slices: Floats, statistics: Floats) -> Task:
        # Slices differ in size where the batch does not divide evenly, so each counts by its samples.
        shares = np.array([part.size / context.batch for part in context.parts], np.float32)
        arrays: dict[str, Any] = {
            "means": slices[0],
            "squares": slices[1],
            "shares": shares,
            "mean": statistics[0],
            "variance": statistics[1],
        }
        arrays |= {name: context.weights(name) for name in ("moving_mean", "moving_variance")}
        total = context.batch * self.plain.positions
        return self.library.task("merge_moments", **arrays, total=total, rate=1 - self.plain.momentum)

    def _normalize(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        other = rows(context.x[1], part) if self.adds else None
        *_, factor, offset = self._statistics(context)
        arrays = {"x": rows(context.x[0], part), "factor": factor, "offset": offset, "other": other, "y": rows(context.y, part)}
        yield self.library.task("normalize", **arrays, rectified=self.rectified)

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """Two sums slice by slice, a meeting, then dx = dy · a + x · b + c."""
        channels = self.plain.shape[-1]
        slices = np.zeros((2, len(context.parts), channels), context.y.dtype)
        factors = np.zeros((3, channels), context.y.dtype)
        yield SlicePhase(partial(self._sum, context, slices))
        yield BatchPhase([[self._gradients(context, slices, factors)]])
        if context.dx[0] is not None:
            yield SlicePhase(partial(self._input_gradient, context, factors))

    def _mean(self, context: OperationContext) -> Floats:
        return self._statistics(context)[0] if self._learns(context) else context.weights("moving_mean")

    def _sum(self, context: OperationContext, slices: Floats, part: BatchSlice) -> Iterable[Task]:
        """The sums of dy and of dy · (x - mean); where a ReLU is done at once, dy is set to 0 where it let nothing through."""
        assert context.dy is not None
        dy = rows(context.dy, part)
        sums = {"sums": slices[0, part.index], "products": slices[1, part.index]}
        arrays = {"x": rows(context.x[0], part), "dy": dy, "mean": self._mean(context), **sums}
        if self.rectified:
            arrays |= {"y": rows(context.y, part), "masked": rows(self._masked(context), part)}
        yield self.library.task("normalization_sums", **arrays)

    def _masked(self, context: OperationContext) -> Floats:
        """(N, …): where the gradient goes that the ReLU lets through, which is also that of what was added."""
        assert context.dy is not None
        added = context.dx[1] if self.adds else None
        return context.dy if added is None else added

    def _gradients(self, context: OperationContext, slices: Floats, factors: Floats) -> Task:
        plain, fixed = self.plain, not self._learns(context)
        inverse, gamma = self._statistics(context)[2], self._parameters(context)["gamma"]
        arrays: dict[str, Any] = {
            "sums": slices[0],
            "products": slices[1],
            "mean": self._mean(context),
            "inverse": inverse,
            "gamma": gamma,
        }
        arrays |= {"dgamma": context.gradient("gamma") if plain.scale else None, "factors": factors}
        arrays |= {"dbeta": context.gradient("beta") if plain.center else None}
        total = context.batch * plain.positions
        return self.library.task("normalization_gradients", **arrays, total=total, fixed=fixed)

    def _input_gradient(self, context: OperationContext, factors: Floats, part: BatchSlice) -> Iterable[Task]:
        assert context.dx[0] is not None
        x, dy, dx = (rows(array, part) for array in (context.x[0], self._masked(context), context.dx[0]))
        yield self.library.task("normalization_input_gradient", x=x, dy=dy, factors=factors, dx=dx)
