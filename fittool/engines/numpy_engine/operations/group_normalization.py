"""Normalisation of groups of channels, over all positions of a sample."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import BatchSlice, Floats, OperationContext, rows
from fittool.engines.numpy_engine.operations.normalization import LayerNormalization
from fittool.engines.numpy_engine.thread_pool import Task


class GroupNormalization(LayerNormalization):
    """Each sample's groups of channels to mean 0 and variance 1 over all positions, then times gamma plus beta."""

    def __init__(self, shape: tuple[int, ...], groups: int, epsilon: float, scale: bool, center: bool) -> None:
        super().__init__(shape, epsilon, scale, center)
        self.groups = groups

    def _kept(self, context: OperationContext, part: BatchSlice) -> tuple[Floats, Floats]:
        """What the backward half needs: the normalised values (rows, C) and 1 / deviation (n, 1, groups, 1)."""
        normal = context.extra("normal", self.shape, None)[part.start : part.stop].reshape(-1, self.channels)
        return normal, context.extra("inverse", (1, self.groups, 1), None)[part.start : part.stop]

    def _grouped(self, array: Floats, part: BatchSlice) -> Floats:
        """(n, positions, groups, channels of a group) view on a slice."""
        return array.reshape(part.size, self.positions, self.groups, -1)

    def _mean(self, array: Floats, out: Floats) -> Iterable[Task]:
        """Calls for the mean over positions and a group's channels, (n, 1, groups, 1)."""
        yield partial(np.add.reduce, array, (1, 3), None, out, True)
        yield partial(np.divide, out, out.dtype.type(array.shape[1] * array.shape[3]), out)

    def _forward_slice(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        kept, inverse = self._kept(context, part)
        x, y, normal = (self._grouped(array, part) for array in (rows(context.x[0], part), rows(context.y, part), kept))
        yield from self._mean(x, inverse)
        yield partial(np.subtract, x, inverse, normal)
        yield partial(np.multiply, normal, normal, y)
        yield from self._mean(y, inverse)
        yield partial(np.add, inverse, y.dtype.type(self.epsilon), inverse)
        yield partial(np.sqrt, inverse, inverse)
        yield partial(np.divide, 1, inverse, inverse)
        yield partial(np.multiply, normal, inverse, normal)
        yield from self._scaled(context, kept, rows(context.y, part))

    def _input_gradient(self, context: OperationContext, part: BatchSlice, product: Floats) -> Iterable[Task]:
        assert context.dy is not None and context.dx[0] is not None
        kept, inverse = self._kept(context, part)
        dx, normal, share = (self._grouped(array, part) for array in (rows(context.dx[0], part), kept, product))
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
