"""The optimizer at work on the flat weights, piece by piece so that each piece stays in the cache.

In which order a step is done stands in `fittool.engines.training_steps`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.native.optimizers import native_rule
from fittool.engines.numpy_engine.optimizers import UpdateRule, update_rules
from fittool.engines.numpy_engine.parameters import ParameterStore, ParameterView
from fittool.engines.numpy_engine.thread_pool import TaskChain, ThreadPool
from fittool.engines.state import TensorInfo
from fittool.engines.training_steps import StepCounter, TrainingStep
from fittool.engines.update_counts import Neighbours, UpdateCounts
from fittool.kernels import arithmetic
from fittool.kernels.library import Library
from fittool.nn.optimizers import Optimizer

_PIECE = 64 * 1024
"""Elements worked on at once: weights, gradients, two slots and scratch are a megabyte and a quarter of float32, what the
second cache of a core holds; the pieces are the same for any number of threads."""


class _Piece(NamedTuple):
    """Views on n neighbouring weights, their gradients and slots, (n,) each, and on scratch, (rows, n); and what moves them.

    They have all missed as many of the optimizer's updates.
    """

    rule: UpdateRule[Any]
    weights: NDArray[Any]
    gradients: NDArray[Any]
    slots: dict[str, NDArray[Any]]
    scratch: NDArray[Any]
    places: slice
    missed: int


class OptimizerStep:
    """One optimizer with its slots: flat arrays as long as the trainable weights, in the same order."""

    def __init__(self, optimizer: Optimizer, store: ParameterStore, pool: ThreadPool, library: Library | None = None) -> None:
        self._counter, self._optimizer = StepCounter(optimizer), optimizer
        self._store, self._pool, self._library = store, pool, library
        size, dtype = store.trainable.size, store.trainable.dtype
        self._slots: dict[str, NDArray[Any]] = {name: np.full(size, start, dtype) for name, start in optimizer.slots().items()}
        self.counts = UpdateCounts(optimizer, self._counter, (view.name for view in store.trainable_views()), store.views)
        self._moving: list[TaskChain]
        self._collecting: list[TaskChain]
        self._cut_into_pieces(self.counts.runs())
        bounds = [(view.start, view.stop) for view in store.trainable_views()]
        self._clipping = Clipping(optimizer, store.gradients, bounds, _PIECE, pool)
        self._now: TrainingStep
        self._factors: NDArray[Any] | None = None  # (P,) on the rate of each weight; None where all are 1

    def set_rates(self, rates: Mapping[str, float]) -> None:
        """Move the weights of some layers, by name, at so many times the rate from now on; all others at the rate itself."""
        factors = np.ones(self._store.trainable.size, self._store.trainable.dtype)
        for view in self._store.trainable_views():
            factors[view.start : view.stop] = rates.get(view.name.rpartition("/")[0], 1.0)
        self._factors = None if np.all(factors == 1) else factors

    @property
    def iterations(self) -> int:
        """The number of steps done."""
        return self._counter.iterations

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self._counter.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._counter.learning_rate = rate

    def step(self) -> None:
        """Move the weights by the gradients, or keep these for the step that ends the group."""
        self._now = self._counter.next()
        if self._counter.group > 1:
            self._pool.run(self._collecting)
        if self._now.updates:
            self._clipping.apply()
        if self._now.updates or self._now.average_kept is not None:
            self._pool.run(self._moving)

    def skip(self) -> None:
        """Count a step that moves nothing."""
        self._counter.skip()

    def finish(self) -> None:
        """At the end of training, put the moving average of the weights in their place, if there is one."""
        if self._counter.ends_with_average:
            self._store.trainable[:] = self._slots["average"]

    def _cut_into_pieces(self, runs: list[Neighbours]) -> None:
        """List the calls that move all weights."""
        self._runs = runs
        places = list(_places(self._optimizer, self._store, self._library, runs))
        rows = max((rule.scratch_rows for rule, _, _ in places), default=0)
        longest = max((there.stop - there.start for _, there, _ in places), default=0)
        # The pool gives chain i to thread i modulo the threads, so a thread meets the same rows of scratch, warm, each time.
        scratch = np.zeros((self._pool.threads, rows, longest), self._store.trainable.dtype)
        pieces = [
            self._piece(rule, there, scratch[number % self._pool.threads], missed)
            for number, (rule, there, missed) in enumerate(places)
        ]
        self._moving = [[partial(self._move, piece)] for piece in pieces]
        self._collecting = [[partial(self._collect, piece)] for piece in pieces]

    def _piece(self, rule: UpdateRule[Any], places: slice, scratch: NDArray[Any], missed: int) -> _Piece:
        slots = {name: array[places] for name, array in self._slots.items()}
        weights, gradients = self._store.trainable[places], self._store.gradients[places]
        return _Piece(rule, weights, gradients, slots, scratch[: rule.scratch_rows, : len(weights)], places, missed)

    def _collect(self, piece: _Piece) -> None:
        total, gradients = piece.slots["gradient_accumulator"], piece.gradients
        if self._now.updates:
            np.add(gradients, total, gradients)
            np.divide(gradients, self._counter.group, gradients)
            total.fill(0)
        else:
            np.add(total, gradients, total)

    def _move(self, piece: _Piece) -> None:
        now = self._now
        if now.updates:
            before = None if self._factors is None else piece.weights.copy()
            number = now.update - piece.missed
            piece.rule.update(piece.weights, piece.gradients, piece.slots, now.rate, number, piece.scratch)
            if before is not None and self._factors is not None:  # an update is proportional to its rate
                piece.weights[:] = before + self._factors[piece.places] * (piece.weights - before)
        if now.average_kept is not None:
            _follow(piece.weights, piece.slots["average"], now.average_kept_of(piece.missed), piece.scratch[0])
        if now.average_replaces:
            np.copyto(piece.weights, piece.slots["average"])

    def state(self) -> dict[str, NDArray[np.generic]]:
        """The counts and the rate, shape (), and copies of the slots in the shapes of their weights."""
        state = self._counter.state()
        for name, view, flat in self._slots_by_name():
            state[name] = flat[view.start : view.stop].reshape(view.shape).copy()
        return state | self.counts.state()

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of what `state` gives."""
        form = {name: TensorInfo(array.shape, array.dtype) for name, array in self._counter.state().items()}
        slots = {name: TensorInfo(view.shape, flat.dtype) for name, view, flat in self._slots_by_name()}
        return form | slots | self.counts.describe()

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what is given; names and shapes, as in `state`, have been checked, and the weights are there."""
        before = self._counter.updates
        self._counter.load_state(state)
        for name, view, flat in self._slots_by_name():
            if name in state:
                flat[view.start : view.stop] = state[name].reshape(-1)
        self._begin(self.counts.load_state(state, before))
        if (runs := self.counts.runs()) != self._runs:
            self._cut_into_pieces(runs)

    def _begin(self, names: Collection[str]) -> None:
        """Let the averages of weights that begin to learn late be these weights, should training end before their first step."""
        for view in self._store.trainable_views() if "average" in self._slots else ():
            if view.name in names:
                self._slots["average"][view.start : view.stop] = self._store.trainable[view.start : view.stop]

    def _slots_by_name(self) -> list[tuple[str, ParameterView, NDArray[Any]]]:
        return [
            (f"optimizer/{slot}/{view.name}", view, flat)
            for slot, flat in self._slots.items()
            for view in self._store.trainable_views()
            if self._optimizer.has_slot(slot, view.name, view.shape)
        ]


def _places(
    optimizer: Optimizer, store: ParameterStore, library: Library | None, runs: Iterable[Neighbours]
) -> Iterator[tuple[UpdateRule[Any], slice, int]]:
    """The pieces that are worked on at once: by which rule, where in the flat weights, and how many updates they have missed."""
    views = store.trainable_views()
    for run in runs:
        begin = views[run.first].start
        for rule, size in update_rules(optimizer, {view.name: view.shape for view in views[run.first : run.stop]}):
            moving = rule if library is None else native_rule(rule, library)
            length = _PIECE if rule.is_elementwise else size
            for start in range(begin, begin + size, length):
                yield moving, slice(start, min(start + length, begin + size)), run.missed
            begin += size


def _follow(weights: NDArray[Any], average: NDArray[Any], kept: float, work: NDArray[Any]) -> None:
    np.multiply(average, kept, average)
    np.multiply(weights, 1 - kept, work)
    np.add(average, work, average)


class Clipping:
    """One optimizer's limit on the gradients.

    Norms are summed part by part in a fixed order, so that they do not depend on the number of threads.

    Args:
        optimizer: Says which of Keras's limits holds, if any: `clipnorm`, `clipvalue` or `global_clipnorm`.
        gradients: (P,) all gradients, which are clipped in place.
        bounds: For each weight array, where in `gradients` its own begin and end.
        piece: The most elements of a part, which is worked on at once.
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
        self._squares[number] = arithmetic.dot(self._gradients[part], self._gradients[part])

    def _scale(self, number: int, part: slice) -> None:
        np.multiply(self._gradients[part], self._gradients.dtype.type(self._factors[number]), self._gradients[part])

    def _cut(self, part: slice) -> None:
        assert self._value is not None
        np.clip(self._gradients[part], -self._value, self._value, out=self._gradients[part])
