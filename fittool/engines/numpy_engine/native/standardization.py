"""Fixed statistics of channels, at the network's entry."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from fittool.augmentation.standardize import EPSILON, centres, centres_samples, scales
from fittool.engines.numpy_engine.native.base import NativeOperation
from fittool.engines.numpy_engine.operations.base import BatchPhase, BatchSlice, Floats, OperationContext, Phase, SlicePhase, rows
from fittool.engines.numpy_engine.operations.normalization import Normalization
from fittool.engines.numpy_engine.operations.standardization import Standardization
from fittool.engines.numpy_engine.thread_pool import Task


class NativeNormalization(NativeOperation[Normalization]):
    """(x - mean) / max(deviation, epsilon), to the bit as NumPy does it."""

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The deviation first, then every slice."""
        deviation = np.zeros(context.weights("variance").shape, context.y.dtype)
        yield BatchPhase([[partial(self.plain.fill_deviation, context, deviation)]])
        arrays = {"center": context.weights("mean"), "divisor": deviation}
        yield SlicePhase(partial(self._apply, context, context.x[0], context.y, arrays))

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """The same factor on the gradient."""
        if context.dx[0] is None or context.dy is None:
            return
        deviation = np.zeros(context.weights("variance").shape, context.y.dtype)
        yield BatchPhase([[partial(self.plain.fill_deviation, context, deviation)]])
        yield SlicePhase(partial(self._apply, context, context.dy, context.dx[0], {"divisor": deviation}))

    def _apply(self, context: OperationContext, x: Floats, y: Floats, arrays: dict[str, Any], part: BatchSlice) -> Iterable[Task]:
        yield self._task(context, part, "by_channel", x=rows(x, part), y=rows(y, part), **arrays)


class NativeStandardization(NativeOperation[Standardization]):
    """Rescaling, each channel's mean off, division by its standard deviation."""

    @staticmethod
    def fits(operation: Standardization) -> bool:
        """Tell whether all steps are by channel."""
        return not (centres_samples(operation.steps) or operation.steps.zca_whitening)

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The divisor first, then every slice."""
        steps, arrays = self.plain.steps, dict[str, Any]()
        if centres(steps):
            arrays["center"] = context.weights("mean")
        if scales(steps):
            std = context.weights("std")
            arrays["divisor"] = np.ones(std.shape, std.dtype)
            yield BatchPhase([[partial(np.add, std, std.dtype.type(EPSILON), arrays["divisor"])]])
        yield SlicePhase(partial(self._apply, context, arrays))

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """As NumPy does it."""
        return self.plain.backward(context)

    def _apply(self, context: OperationContext, arrays: dict[str, Any], part: BatchSlice) -> Iterable[Task]:
        x, y = rows(context.x[0], part), rows(context.y, part)
        rescale = self.plain.steps.rescale
        if rescale is not None:
            yield self._task(context, part, "scale", x=x.reshape(-1), y=y.reshape(-1), factor=rescale, offset=0)
            x = y
        yield self._task(context, part, "by_channel", x=x, y=y, **arrays)
