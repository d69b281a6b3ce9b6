"""Products of rows with a matrix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

from fittool.engines.numpy_engine.native.base import NativeOperation, scratch_of
from fittool.engines.numpy_engine.operations.base import BatchPhase, BatchSlice, Floats, OperationContext, Phase, SlicePhase
from fittool.engines.numpy_engine.operations.dense import Dense
from fittool.engines.numpy_engine.thread_pool import Task, TaskChain
from fittool.kernels.library import Library

_WORTH_CUTTING = 1 << 22
"""Below this many floating-point operations a product stays in one piece; threads would cost more than they bring."""
_PIECE = 64
"""Columns of a piece. However they are cut, each result is the same."""


class NativeDense(NativeOperation[Dense]):
    """y = x · kernel + bias over the last axis, and ReLU of it where one follows.

    Args:
        plain: The operation as NumPy does it.
        library: The kernels.
        rectified: Whether a ReLU that follows is done at once.
    """

    def __init__(self, plain: Dense, library: Library, rectified: bool = False) -> None:
        super().__init__(plain, library)
        self.rectified = self.needs_output = rectified

    def _cuts(self, context: OperationContext, size: int) -> list[tuple[int, int]]:
        """The pieces of an axis."""
        if self.flops_per_sample * context.batch < _WORTH_CUTTING:
            return [(0, size)]
        pieces = max(1, min(-(-size // _PIECE), 8))
        step = -(-size // pieces // _PIECE) * _PIECE
        return list(pairwise([*range(0, size, step), size]))

    def _kernel(self, context: OperationContext) -> Floats:
        return context.weights(self.plain.kernel, shape=(self.plain.inputs, self.plain.units))

    def forward(self, context: OperationContext) -> Iterable[Phase]:
        """One chain for each block of columns."""
        plain = self.plain
        bias = context.weights(plain.bias, shape=(-1,)) if plain.use_bias else None
        arrays: dict[str, Any] = {"x": _flat(context.x[0]), "kernel": self._kernel(context), "bias": bias, "y": _flat(context.y)}
        cuts = self._cuts(context, plain.units)
        chains: list[TaskChain] = [
            [self.library.task("dense", **arrays, first=first, stop=stop, rectified=self.rectified)] for first, stop in cuts
        ]
        yield BatchPhase(chains)

    def backward(self, context: OperationContext) -> Iterable[Phase]:
        """One chain for each block of the kernel's rows, and the bias with the first."""
        assert context.dy is not None
        if self.rectified:
            yield SlicePhase(partial(self._mask, context))
        plain, x, dy = self.plain, _flat(context.x[0]), _flat(context.dy)
        dkernel = context.gradient(plain.kernel, shape=(plain.inputs, plain.units))
        dbias = context.gradient(plain.bias, shape=(plain.units,)) if plain.use_bias else None
        chains: list[list[Task]] = []
        for number, (first, stop) in enumerate(self._cuts(context, plain.inputs)):
            arrays: dict[str, Any] = {"x": x, "dy": dy, "dkernel": dkernel, "dbias": None if number else dbias}
            chain: list[Task] = [self.library.task("dense_kernel_gradient", **arrays, first=first, stop=stop)]
            chain += self._input_gradient(context, number, first, stop)
            chains.append(chain)
        yield BatchPhase(list(chains))

    def _input_gradient(self, context: OperationContext, chain: int, first: int, stop: int) -> Iterator[Task]:
        if context.dx[0] is not None and context.dy is not None:
            arrays = {"dx": _flat(context.dx[0]), "kernel": self._kernel(context), "dy": _flat(context.dy)}
            yield self.library.task("dense_input_gradient", scratch_of(context, chain), **arrays, first=first, stop=stop)

    def _mask(self, context: OperationContext, part: BatchSlice) -> Iterable[Task]:
        assert context.dy is not None
        y, dy = (array[part.start : part.stop].reshape(-1) for array in (context.y, context.dy))
        yield self.library.task("rectify_gradient", y=y, dy=dy, dx=dy)


def _flat(array: Floats) -> Floats:
    return array.reshape(-1, array.shape[-1])
