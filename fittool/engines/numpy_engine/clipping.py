"""Gradients kept within bounds, by value, by the norm of each weight array, or by the norm of all together.

Norms are summed segment by segment in a fixed order, so that they do not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.thread_pool import TaskChain, ThreadPool
from fittool.nn.optimizers import Optimizer


class Clipping:
    """One optimizer's limit on the gradients.

    Args:
        optimizer: Says which of Keras's limits holds, if any: `clipnorm`, `clipvalue` or `global_clipnorm`.
        gradients: (P,) all gradients, which are clipped in place.
        bounds: For each weight array, where in `gradients` its own begin and end.
        piece: The longest part that is worked on at once.
        pool: The threads.
    """

    def __init__(
        self, optimizer: Optimizer, gradients: NDArray[Any], bounds: Sequence[tuple[int, int]], piece: int, pool: ThreadPool
    ) -> None:
        self._gradients, self._pool = gradients, pool
        self._value, self._limit = optimizer.clipvalue, optimizer.clipnorm or optimizer.global_clipnorm
        parts = [
            (array, slice(begin, min(begin + piece, stop)))
            for array, (start, stop) in enumerate(bounds)
            for begin in range(start, stop, piece)
        ]
        together = optimizer.clipnorm is None
        self._array_of = np.array([0 if together else array for array, _ in parts], np.intp)
        self._squares, self._factors = np.zeros(len(parts)), np.ones(len(parts))
        self._measuring: list[TaskChain] = [[partial(self._measure, number, part)] for number, (_, part) in enumerate(parts)]
        self._scaling: list[TaskChain] = [[partial(self._scale, number, part)] for number, (_, part) in enumerate(parts)]
        self._cutting: list[TaskChain] = [[partial(self._cut, part)] for _, part in parts]

    def apply(self) -> None:
        """Clip the gradients; one that is not finite spreads as in Keras: over its array, or over all."""
        if self._value is not None:
            self._pool.run(self._cutting)
        if self._limit is None:
            return
        self._pool.run(self._measuring)
        norms = np.sqrt(np.bincount(self._array_of, self._squares))
        factors = self._limit / np.maximum(norms, self._limit)
        np.take(factors, self._array_of, out=self._factors)
        if not (factors == 1).all():
            self._pool.run(self._scaling)

    def _measure(self, number: int, part: slice) -> None:
        self._squares[number] = np.dot(self._gradients[part], self._gradients[part])

    def _scale(self, number: int, part: slice) -> None:
        np.multiply(self._gradients[part], self._gradients.dtype.type(self._factors[number]), self._gradients[part])

    def _cut(self, part: slice) -> None:
        assert self._value is not None
        np.clip(self._gradients[part], -self._value, self._value, out=self._gradients[part])
