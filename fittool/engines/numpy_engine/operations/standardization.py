"""The steps of `augmentation.standardize` within a network, and the robust scale of a table's numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.augmentation.standardize import (
    EPSILON,
    Statistics,
    Steps,
    centres,
    centres_samples,
    deviations,
    scales,
    standardize,
)
from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, Operation, OperationContext
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels import arithmetic


class Standardization(Operation):
    """Rescaling, centring, division by standard deviations and whitening of images.

    Args:
        steps: Which of them are taken.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps

    def _statistics(self, context: OperationContext) -> Statistics:
        return Statistics(
            mean=context.weights("mean") if centres(self.steps) else None,
            std=context.weights("std") if scales(self.steps) else None,
            zca=context.weights("zca") if self.steps.zca_whitening else None,
        )

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        yield partial(self._apply, context, slice(part.start, part.stop))

    def _apply(self, context: OperationContext, samples: slice) -> None:
        context.y[samples] = standardize(context.x[0][samples], self.steps, self._statistics(context), context.y.dtype)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        if context.dx[0] is not None:
            yield partial(self._apply_back, context, context.dx[0], slice(part.start, part.stop))

    def _apply_back(self, context: OperationContext, dx: NDArray[Any], samples: slice) -> None:
        """The steps' transposes in the opposite order."""
        assert context.dy is not None
        gradient, statistics = context.dy[samples].copy(), self._statistics(context)
        if statistics.zca is not None:
            gradient = arithmetic.matmul(gradient.reshape(len(gradient), -1), statistics.zca.T).reshape(gradient.shape)
        if statistics.std is not None:
            gradient /= statistics.std + gradient.dtype.type(EPSILON)
        gradient = self._by_sample_back(context.x[0][samples], gradient)
        dx[samples] = gradient * gradient.dtype.type(1 if self.steps.rescale is None else self.steps.rescale)

    def _by_sample_back(self, x: NDArray[Any], gradient: NDArray[Any]) -> NDArray[Any]:
        """Through the division by each image's own standard deviation, then through its own centre."""
        if self.steps.samplewise_std_normalization:
            scaled = x if self.steps.rescale is None else x * x.dtype.type(self.steps.rescale)
            centred = scaled - arithmetic.mean(scaled, (1, 2, 3), keepdims=True)
            std, epsilon = deviations(centred), centred.dtype.type(EPSILON)
            along = arithmetic.mean(gradient * centred, (1, 2, 3), keepdims=True) / np.maximum(std, epsilon)
            gradient = (gradient - centred * along / (std + epsilon)) / (std + epsilon)
        if centres_samples(self.steps):
            gradient = gradient - arithmetic.mean(gradient, (1, 2, 3), keepdims=True)
        return gradient


class RobustScaling(Operation):
    """Y holds x with some columns centred, scaled and smoothly limited.

    Args:
        columns: Positions of the K columns.
        limit: What their values stay below; None: no limit.
    """

    def __init__(self, columns: Sequence[int], limit: float | None) -> None:
        self.columns, self.limit = np.array(columns), limit

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        yield partial(np.copyto, y, x)
        yield partial(self._scale, x, y, context.weights("center"), context.weights("scale"))

    def _scale(self, x: Floats, y: Floats, center: Floats, scale: Floats) -> None:
        scaled = (x[:, self.columns] - center) * scale
        y[:, self.columns] = scaled if self.limit is None else scaled / np.sqrt(1 + np.square(scaled / self.limit))

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is None:
            return
        x, dy, dx = (array[part.start : part.stop] for array in (context.x[0], context.dy, context.dx[0]))
        yield partial(np.copyto, dx, dy)
        yield partial(self._scale_back, x, dy, dx, context.weights("center"), context.weights("scale"))

    def _scale_back(self, x: Floats, dy: Floats, dx: Floats, center: Floats, scale: Floats) -> None:
        """The derivative of `z / √(1 + (z / limit)²)` is that root to the power -3."""
        slope = scale
        if self.limit is not None:
            slope = scale * arithmetic.power(1 + np.square((x[:, self.columns] - center) * scale / self.limit), -1.5)
        dx[:, self.columns] = dy[:, self.columns] * slope
