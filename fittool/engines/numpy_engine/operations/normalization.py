"""Batch, layer and group normalisation, and the fixed normalisation of inputs.

Channel vectors are repeated over a row of positions first, so that NumPy's inner loops are long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from fittool.engines.numpy_engine.operations.base import (
    BatchPhase,
    BatchSlice,
    Floats,
    Operation,
    OperationContext,
    Phase,
    SlicePhase,
    accumulate,
    ones,
    product_into,
    row_product,
    rows,
)
from fittool.engines.numpy_engine.thread_pool import Task
from fittool.kernels import arithmetic


class _Rows:
    """Per-channel vectors, each repeated to the length of one row of positions."""

    def __init__(self, shape: tuple[int, ...], count: int, dtype: Any) -> None:
        self.channels = shape[-1]
        self.repeats = shape[-2] if len(shape) > 1 else 1
        self.wide = np.zeros((count, self.repeats * self.channels), dtype)
        self.vectors = np.zeros((count, self.channels), dtype)

    def spread(self) -> None:
        """Repeat the vectors over the rows."""
        self.wide.reshape(len(self.wide), self.repeats, self.channels)[...] = self.vectors[:, None, :]

    def view(self, array: Floats, part: BatchSlice) -> Floats:
        """A slice of (N, …, W, C) as (rows, W · C)."""
        return array[part.start : part.stop].reshape(-1, self.repeats * self.channels)


class BatchNormalization(Operation):
    """Each channel to mean 0 and variance 1 over batch and positions, then times gamma plus beta.

    Mean and squared deviations of the slices are merged by Chan, Golub and LeVeque's formula (1979), so a mean far
    from zero costs no digits. A frozen layer uses its moving statistics in training too, as in Keras.
    """

    def __init__(
        self, shape: tuple[int, ...], momentum: float, epsilon: float, scale: bool, center: bool, frozen: bool = False
    ) -> None:
        self.shape, self.momentum, self.epsilon, self.scale, self.center = shape, momentum, epsilon, scale, center
        self.frozen = frozen
        self.positions = math.prod(shape[:-1])

    def _gamma(self, context: OperationContext) -> Floats:
        return context.weights("gamma") if self.scale else np.ones(self.shape[-1], context.y.dtype)

    def _beta(self, context: OperationContext) -> Floats:
        return context.weights("beta") if self.center else np.zeros(self.shape[-1], context.y.dtype)

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """Statistics slice by slice, a meeting to merge them, then one multiplication and one addition."""
        factors = _Rows(self.shape, 2, context.y.dtype)
        statistics = context.extra("statistics", (3, self.shape[-1]), None)[0]
        if context.training and not self.frozen:
            slices = np.zeros((2, len(context.parts), self.shape[-1]), context.y.dtype)
            yield SlicePhase(partial(self._measure, context, slices))
            yield BatchPhase(
                [[partial(self._merge, context, slices, statistics), partial(self._factors, context, statistics, factors)]]
            )
        else:
            yield BatchPhase([[partial(self._recall, context, statistics), partial(self._factors, context, statistics, factors)]])
        yield SlicePhase(partial(self._scale_slice, context, factors))

    def _measure(self, context: OperationContext, slices: Floats, part: BatchSlice) -> Iterable[Task]:
        """Mean and sum of squared deviations of one slice; y is free to hold the deviations."""
        x, y = rows(context.x[0], part), rows(context.y, part)
        total = ones(len(x), y.dtype)
        mean, squares = slices[0, part.index : part.index + 1], slices[1, part.index : part.index + 1]
        yield partial(arithmetic.matmul, total / y.dtype.type(len(x)), x, mean)
        yield partial(np.subtract, x, mean, y)
        yield partial(np.multiply, y, y, y)
        yield partial(arithmetic.matmul, total, y, squares)

    def _merge(self, context: OperationContext, slices: Floats, statistics: Floats) -> None:
        """Batch mean and biased variance, and the moving ones."""
        means, squares = slices
        # Slices differ in size where the batch does not divide evenly, so each counts by its samples.
        weights = np.array([part.size / context.batch for part in context.parts], means.dtype)
        mean = weights @ means
        variance = squares.sum(axis=0) / (context.batch * self.positions) + weights @ np.square(means - mean)
        statistics[0], statistics[1] = mean, variance
        for name, now in (("moving_mean", mean), ("moving_variance", variance)):
            moving = context.weights(name)
            moving += (now - moving) * moving.dtype.type(1 - self.momentum)

    def _recall(self, context: OperationContext, statistics: Floats) -> None:
        statistics[0], statistics[1] = context.weights("moving_mean"), context.weights("moving_variance")

    def _factors(self, context: OperationContext, statistics: Floats, factors: _Rows) -> None:
        """Y = x · factor + offset."""
        mean, variance = statistics[0], statistics[1]
        statistics[2] = 1 / np.sqrt(variance + mean.dtype.type(self.epsilon))
        factors.vectors[0] = self._gamma(context) * statistics[2]
        factors.vectors[1] = self._beta(context) - mean * factors.vectors[0]
        factors.spread()

    def _scale_slice(self, context: OperationContext, factors: _Rows, part: BatchSlice) -> Iterable[Task]:
        x, y = factors.view(context.x[0], part), factors.view(context.y, part)
        yield partial(np.multiply, x, factors.wide[0], y)
        yield partial(np.add, y, factors.wide[1], y)

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """Two sums slice by slice, a meeting, then dx = dy · a + x · b + c."""
        statistics = context.extra("statistics", (3, self.shape[-1]), None)[0]
        slices = np.zeros((2, len(context.parts), self.shape[-1]), context.y.dtype)
        factors = _Rows(self.shape, 3, context.y.dtype)
        yield SlicePhase(partial(self._sum_slice, context, statistics, slices))
        yield BatchPhase([[partial(self._gradients, context, statistics, slices, factors)]])
        if context.dx[0] is not None:
            yield SlicePhase(partial(self._input_gradient, context, factors))

    def _sum_slice(self, context: OperationContext, statistics: Floats, slices: Floats, part: BatchSlice) -> Iterable[Task]:
        """The sums of dy and of dy · (x - mean)."""
        assert context.dy is not None
        x, dy = rows(context.x[0], part), rows(context.dy, part)
        centred = context.scratch.array(part.thread, "product", x.shape)
        total = ones(len(x), dy.dtype)
        yield partial(arithmetic.matmul, total, dy, slices[0, part.index : part.index + 1])
        yield partial(np.subtract, x, statistics[0], centred)
        yield partial(np.multiply, centred, dy, centred)
        yield partial(arithmetic.matmul, total, centred, slices[1, part.index : part.index + 1])

    def _gradients(self, context: OperationContext, statistics: Floats, slices: Floats, factors: _Rows) -> None:
        mean, _, inverse = statistics
        sums, products = slices.sum(axis=1)
        dgamma = products * inverse
        if self.scale:
            context.gradient("gamma")[...] = dgamma
        if self.center:
            context.gradient("beta")[...] = sums
        count = mean.dtype.type(context.batch * self.positions)
        factors.vectors[0] = self._gamma(context) * inverse
        # Statistics that are fixed do not depend on x: then b and c stay 0.
        if context.training and not self.frozen:
            factors.vectors[1] = -factors.vectors[0] * inverse * dgamma / count
            factors.vectors[2] = -factors.vectors[0] * sums / count - factors.vectors[1] * mean
        factors.spread()

    def _input_gradient(self, context: OperationContext, factors: _Rows, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None and context.dx[0] is not None
        x, dy, dx = (factors.view(array, part) for array in (context.x[0], context.dy, context.dx[0]))
        share = context.scratch.array(part.thread, "product", x.shape)
        yield partial(np.multiply, dy, factors.wide[0], dx)
        yield partial(np.multiply, x, factors.wide[1], share)
        yield partial(np.add, dx, share, dx)
        yield partial(np.add, dx, factors.wide[2], dx)


class LayerNormalization(Operation):
    """Each sample's position to mean 0 and variance 1 over its channels, then times gamma plus beta."""

    def __init__(self, shape: tuple[int, ...], epsilon: float, scale: bool, center: bool) -> None:
        self.shape, self.epsilon, self.scale, self.center = shape, epsilon, scale, center
        self.grouped_gradients = tuple((name,) for name, used in (("gamma", scale), ("beta", center)) if used)
        self.positions, self.channels = math.prod(shape[:-1]), shape[-1]

    def cache(self, context: OperationContext, part: BatchSlice) -> tuple[Floats, Floats]:
        """Arrays kept for the backward half: the normalised values (rows, C) and 1 / deviation (rows, 1)."""
        normal = context.extra("normal", self.shape, None)[part.start : part.stop].reshape(-1, self.channels)
        inverse = context.extra("inverse", (self.positions,), None)[part.start : part.stop].reshape(-1, 1)
        return normal, inverse

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        x, y = rows(context.x[0], part), rows(context.y, part)
        normal, inverse = self.cache(context, part)
        mean = np.full((self.channels, 1), 1 / self.channels, y.dtype)  # BLAS sums short rows several times faster than `mean`
        yield row_product(x, mean, inverse, even=part.even)
        yield partial(np.subtract, x, inverse, normal)
        yield partial(np.multiply, normal, normal, y)
        yield row_product(y, mean, inverse, even=part.even)
        yield partial(np.add, inverse, y.dtype.type(self.epsilon), inverse)
        yield partial(np.sqrt, inverse, inverse)
        yield partial(np.divide, 1, inverse, inverse)
        yield partial(np.multiply, normal, inverse, normal)
        yield from self._scale_and_shift(context, normal, y)

    def _scale_and_shift(self, context: OperationContext, normal: Floats, y: Floats) -> Iterable[Task]:
        yield partial(np.multiply, normal, context.weights("gamma") if self.scale else 1, y)
        if self.center:
            yield partial(np.add, y, context.weights("beta"), y)

    def _backward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        dy = rows(context.dy, part)
        normal, _ = self.cache(context, part)
        product = context.scratch.array(part.thread, "product", dy.shape)
        for name, used, factor in (("gamma", self.scale, normal), ("beta", self.center, None)):
            if used:
                yield from self._sums(context, part, name, dy, factor, product)
        if context.dx[0] is not None:
            yield from self._input_gradient(context, part, product)

    def _input_gradient(self, context: OperationContext, part: BatchSlice, product: Floats) -> Iterable[Task]:
        assert context.dy is not None and context.dx[0] is not None
        dy, dx = rows(context.dy, part), rows(context.dx[0], part)
        normal, inverse = self.cache(context, part)
        mean = np.full((self.channels, 1), 1 / self.channels, dy.dtype)
        column = np.empty((len(dy), 1), dy.dtype)
        yield partial(np.multiply, dy, context.weights("gamma") if self.scale else 1, dx)
        yield partial(np.multiply, dx, normal, product)
        yield partial(arithmetic.matmul, product, mean, column)
        yield partial(np.multiply, normal, column, product)
        yield partial(arithmetic.matmul, dx, mean, column)
        yield partial(np.subtract, dx, product, dx)
        yield partial(np.subtract, dx, column, dx)
        yield partial(np.multiply, dx, inverse, dx)

    def _sums(
        self, context: OperationContext, part: BatchSlice, name: str, dy: Floats, factor: Floats | None, product: Floats
    ) -> Iterable[Task]:
        target = context.group_gradient(part, name, shape=(1, self.channels))
        if factor is not None:
            yield partial(np.multiply, dy, factor, product)
        total = partial(product_into, ones(len(dy), dy.dtype), dy if factor is None else product)
        yield from accumulate(target, total, part.first, np.empty_like(target))


class GroupNormalization(LayerNormalization):
    """Each sample's groups of channels to mean 0 and variance 1 over all positions, then times gamma plus beta."""

    def __init__(self, shape: tuple[int, ...], groups: int, epsilon: float, scale: bool, center: bool) -> None:
        super().__init__(shape, epsilon, scale, center)
        self.groups = groups

    def cache(self, context: OperationContext, part: BatchSlice) -> tuple[Floats, Floats]:
        """Arrays kept for the backward half: the normalised values (rows, C) and 1 / deviation (n, 1, groups, 1)."""
        normal = context.extra("normal", self.shape, None)[part.start : part.stop].reshape(-1, self.channels)
        return normal, context.extra("inverse", (1, self.groups, 1), None)[part.start : part.stop]

    def _by_group(self, array: Floats, part: BatchSlice) -> Floats:
        """(n, positions, groups, channels of a group) view on a slice."""
        return array.reshape(part.size, self.positions, self.groups, -1)

    def _mean(self, array: Floats, out: Floats) -> Iterable[Task]:
        """Calls for the mean over positions and a group's channels, (n, 1, groups, 1)."""
        yield partial(arithmetic.sum, array, (1, 3), None, out, True)
        yield partial(np.divide, out, out.dtype.type(array.shape[1] * array.shape[3]), out)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        kept, inverse = self.cache(context, part)
        x, y, normal = (self._by_group(array, part) for array in (rows(context.x[0], part), rows(context.y, part), kept))
        yield from self._mean(x, inverse)
        yield partial(np.subtract, x, inverse, normal)
        yield partial(np.multiply, normal, normal, y)
        yield from self._mean(y, inverse)
        yield partial(np.add, inverse, y.dtype.type(self.epsilon), inverse)
        yield partial(np.sqrt, inverse, inverse)
        yield partial(np.divide, 1, inverse, inverse)
        yield partial(np.multiply, normal, inverse, normal)
        yield from self._scale_and_shift(context, kept, rows(context.y, part))

    def _input_gradient(self, context: OperationContext, part: BatchSlice, product: Floats) -> Iterable[Task]:
        assert context.dy is not None and context.dx[0] is not None
        kept, inverse = self.cache(context, part)
        dx, normal, share = (self._by_group(array, part) for array in (rows(context.dx[0], part), kept, product))
        mean = np.empty_like(inverse)
        gamma = context.weights("gamma") if self.scale else 1
        yield partial(np.multiply, rows(context.dy, part), gamma, rows(context.dx[0], part))
        yield partial(np.multiply, dx, normal, share)
        yield from self._mean(share, mean)
        yield partial(np.multiply, normal, mean, share)
        yield from self._mean(dx, mean)
        yield partial(np.subtract, dx, share, dx)
        yield partial(np.subtract, dx, mean, dx)
        yield partial(np.multiply, dx, inverse, dx)


class Normalization(Operation):
    """Inputs by fixed statistics: (x - mean) / max(deviation, epsilon)."""

    in_place = True
    epsilon = 1e-7

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """The deviation first, then every slice."""
        deviation = np.zeros(context.weights("variance").shape, context.y.dtype)
        yield BatchPhase([[partial(self.fill_deviation, context, deviation)]])
        yield SlicePhase(partial(self._apply, context, deviation))

    def fill_deviation(self, context: OperationContext, deviation: Floats) -> None:
        """Set what is divided by, (C,)."""
        np.maximum(np.sqrt(context.weights("variance")), deviation.dtype.type(self.epsilon), out=deviation)

    def _apply(self, context: OperationContext, deviation: Floats, part: BatchSlice) -> Iterable[Task]:
        x, y = context.x[0][part.start : part.stop], context.y[part.start : part.stop]
        yield partial(np.subtract, x, context.weights("mean"), y)
        yield partial(np.divide, y, deviation, y)

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """The same factor on the gradient."""
        deviation = np.zeros(context.weights("variance").shape, context.y.dtype)
        yield BatchPhase([[partial(self.fill_deviation, context, deviation)]])
        yield SlicePhase(partial(self._apply_back, context, deviation))

    def _apply_back(self, context: OperationContext, deviation: Floats, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        if context.dx[0] is not None:
            yield partial(np.divide, context.dy[part.start : part.stop], deviation, context.dx[0][part.start : part.stop])
