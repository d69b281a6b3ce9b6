"""The product of a batch with a matrix. It sees the whole batch: each weight is read once, not once a slice."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import Floats, Operation, Phase, Site, Whole, ones
from fittool.engines.numpy_engine.threads import Lane

_COLUMNS = 256
_WORTH_CUTTING = 1 << 22
"""Below this many floating-point operations a product stays in one piece; threads would cost more than they bring."""


class Dense(Operation):
    """y = x · kernel + bias over the last axis; further axes count as samples."""

    def __init__(self, inputs: int, units: int, use_bias: bool, positions: int = 1) -> None:
        self.inputs, self.units, self.use_bias = inputs, units, use_bias
        self.flops_per_sample = 2 * inputs * units * positions

    def _cuts(self, site: Site, size: int) -> list[slice]:
        """Fixed pieces of an axis, whatever the number of threads."""
        if self.flops_per_sample * site.batch < _WORTH_CUTTING:
            return [slice(0, size)]
        return [slice(start, min(start + _COLUMNS, size)) for start in range(0, size, _COLUMNS)]

    def forward(self, site: Site) -> Iterable[Phase]:
        """One lane for each block of columns."""
        x, y = _flat(site.x[0]), _flat(site.y)
        kernel = site.weights("kernel")
        lanes: list[Lane] = []
        for cut in self._cuts(site, self.units):
            lane = [partial(np.matmul, x, kernel[:, cut], y[:, cut])]
            if self.use_bias:
                lane.append(partial(np.add, y[:, cut], site.weights("bias")[cut], y[:, cut]))
            lanes.append(lane)
        yield Whole(lanes)

    def backward(self, site: Site) -> Iterable[Phase]:
        """One lane for each block of the kernel's rows, and the bias with the first."""
        assert site.dy is not None
        x, dy = _flat(site.x[0]), _flat(site.dy)
        kernel, gradient = site.weights("kernel"), site.gradient("kernel")
        dx = None if site.dx[0] is None else _flat(site.dx[0])
        lanes: list[list[partial[object]]] = []
        for cut in self._cuts(site, self.inputs):
            lane: list[partial[object]] = [partial(np.matmul, x[:, cut].T, dy, gradient[cut])]
            if dx is not None:
                lane.append(partial(np.matmul, dy, kernel[cut].T, dx[:, cut]))
            lanes.append(lane)
        if self.use_bias:
            lanes[0].append(partial(np.matmul, ones(len(dy), dy.dtype), dy, site.gradient("bias", shape=(1, self.units))))
        yield Whole(list(lanes))


def _flat(array: Floats) -> Floats:
    return array.reshape(-1, array.shape[-1])
