"""The product of a batch with a matrix. It sees the whole batch: each weight is read once, not once a slice."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from fittool.engines.numpy_engine.operations.base import (
    BatchPhase,
    Floats,
    Operation,
    OperationContext,
    Phase,
    ones,
    row_product,
)
from fittool.engines.numpy_engine.thread_pool import Task, TaskChain
from fittool.kernels import arithmetic

_COLUMNS = 256
"""Columns of a piece. Fixed, as BLAS sums in another order for another width, and the weights would depend on the threads."""
_WORTH_CUTTING = 1 << 22
"""Below this many floating-point operations a product stays in one piece; threads would cost more than they bring."""


class Dense(Operation):
    """y = x · kernel + bias over the last axis; further axes count as samples.

    Args:
        positions: The number of rows (inputs,) in each sample.
        prefix: What stands before the names of the parameters, which may have any shape of as many elements.
    """

    def __init__(self, inputs: int, units: int, use_bias: bool, positions: int = 1, prefix: str = "") -> None:
        self.inputs, self.units, self.use_bias = inputs, units, use_bias
        self.kernel, self.bias = f"{prefix}kernel", f"{prefix}bias"
        self.flops_per_sample = 2 * inputs * units * positions

    def _cuts(self, context: OperationContext, size: int) -> list[slice]:
        """Fixed pieces of an axis, whatever the number of threads."""
        if self.flops_per_sample * context.batch < _WORTH_CUTTING:
            return [slice(0, size)]
        return [slice(start, min(start + _COLUMNS, size)) for start in range(0, size, _COLUMNS)]

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """One chain for each block of columns."""
        x, y = _flat(context.x[0]), _flat(context.y)
        kernel = context.weights(self.kernel, shape=(self.inputs, self.units))
        chains: list[TaskChain] = []
        for cut in self._cuts(context, self.units):
            chain: list[Task] = [row_product(x, kernel[:, cut], y[:, cut], even=context.even)]
            if self.use_bias:
                chain.append(partial(np.add, y[:, cut], context.weights(self.bias, shape=(-1,))[cut], y[:, cut]))
            chains.append(chain)
        yield BatchPhase(chains)

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """One chain for each block of the kernel's rows, and the bias with the first."""
        assert context.dy is not None
        x, dy = _flat(context.x[0]), _flat(context.dy)
        shape = (self.inputs, self.units)
        kernel, gradient = context.weights(self.kernel, shape=shape), context.gradient(self.kernel, shape=shape)
        dx = None if context.dx[0] is None else _flat(context.dx[0])
        chains: list[list[Task]] = []
        for cut in self._cuts(context, self.inputs):
            chain: list[Task] = [partial(arithmetic.matmul, x[:, cut].T, dy, gradient[cut])]
            if dx is not None:
                chain.append(partial(arithmetic.matmul, dy, kernel[cut].T, dx[:, cut]))
            chains.append(chain)
        # With the first chain, which is there however the kernel is cut.
        if self.use_bias:
            bias = context.gradient(self.bias, shape=(1, self.units))
            chains[0].append(partial(arithmetic.matmul, ones(len(dy), dy.dtype), dy, bias))
        yield BatchPhase(list(chains))


def _flat(array: Floats) -> Floats:
    return array.reshape(-1, array.shape[-1])
