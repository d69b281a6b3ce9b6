"""The optimizer at work on the flat weights, piece by piece so that each piece stays in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.clipping import Clipping
from fittool.engines.numpy_engine.optimizers import update_rule
from fittool.engines.numpy_engine.parameters import ParameterStore, ParameterView
from fittool.engines.numpy_engine.thread_pool import TaskChain, ThreadPool
from fittool.engines.state import TensorInfo
from fittool.errors import ExperimentError
from fittool.nn.optimizers import Optimizer
from fittool.nn.schedules import Schedule

_PIECE = 64 * 1024


class OptimizerStep:
    """One optimizer with its state: flat arrays as long as the trainable weights, in the same order.

    With `gradient_accumulation_steps`, steps in between only add up gradients; clipping, decay and the optimizer's own count
    of updates then belong to whole groups, while schedules and the moving average of the weights go by steps, as in Keras.
    """

    def __init__(self, optimizer: Optimizer, store: ParameterStore, pool: ThreadPool) -> None:
        self.iterations = 0
        self._setting, self._rate = optimizer, optimizer.learning_rate
        self._group = optimizer.gradient_accumulation_steps or 1
        self._rule, self._store, self._pool = update_rule(optimizer), store, pool
        size, dtype = store.trainable.size, store.trainable.dtype
        self._slots: dict[str, NDArray[Any]] = self._rule.make_state(size, dtype)
        if optimizer.use_ema:
            self._slots["average"] = np.zeros(size, dtype)
        if self._group > 1:
            self._slots["gradient_accumulator"] = np.zeros(size, dtype)
        pieces = range(0, size, _PIECE)
        self._chains: list[TaskChain] = [[partial(self._piece, start)] for start in pieces]
        self._collecting: list[TaskChain] = [[partial(self._collect, start)] for start in pieces]
        self._scratch = np.zeros((pool.threads, self._rule.scratch_rows, _PIECE), dtype)
        bounds = [(slot.start, slot.stop) for slot in store.slots.values() if slot.trainable]
        self._clipping = Clipping(optimizer, store.gradients, bounds, _PIECE, pool)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self._rate.rate(self.iterations) if isinstance(self._rate, Schedule) else float(self._rate)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if isinstance(self._rate, Schedule):
            raise ExperimentError(
                "The optimizer's learning_rate is a schedule; a callback cannot set it as well. Use one of the two."
            )
        self._rate = rate

    def step(self) -> None:
        """Move the weights by the gradients, or keep these for the step that ends the group."""
        self._now, self._updates = self.learning_rate, self.iterations // self._group
        self._due = (self.iterations + 1) % self._group == 0
        self.iterations += 1
        if self._group > 1:
            self._pool.run(self._collecting)
        if self._due:
            self._clipping.apply()
        if self._due or self._setting.use_ema:
            self._pool.run(self._chains)

    def skip(self) -> None:
        """Count a step that moves nothing."""
        self.iterations += 1

    def finish(self) -> None:
        """At the end of training, put the moving average of the weights in their place, if there is one."""
        if self._setting.use_ema and self.iterations:
            self._store.trainable[:] = self._slots["average"]

    def _collect(self, start: int) -> None:
        piece = self._slice(start)
        total, gradients = self._slots["gradient_accumulator"][piece], self._store.gradients[piece]
        if self._due:
            np.add(gradients, total, gradients)
            np.divide(gradients, self._group, gradients)
            total.fill(0)
        else:
            np.add(total, gradients, total)

    def _piece(self, start: int) -> None:
        piece = self._slice(start)
        slots = {name: array[piece] for name, array in self._slots.items()}
        scratch = self._scratch[(start // _PIECE) % self._pool.threads, :, : piece.stop - start]
        weights = self._store.trainable[piece]
        if self._due:
            self._rule.update(weights, self._store.gradients[piece], slots, self._now, self._updates + 1, scratch)
        if self._setting.use_ema:
            self._follow(weights, slots["average"], scratch[0])

    def _follow(self, weights: NDArray[Any], average: NDArray[Any], work: NDArray[Any]) -> None:
        kept = self._setting.ema_momentum if self._updates else 0.0
        np.multiply(average, kept, average)
        np.multiply(weights, 1 - kept, work)
        np.add(average, work, average)
        frequency = self._setting.ema_overwrite_frequency
        if frequency is not None and (self._updates + 1) % frequency == 0:
            np.copyto(weights, average)

    def _slice(self, start: int) -> slice:
        return slice(start, min(start + _PIECE, self._store.trainable.size))

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of the optimizer's arrays by weight, its rate and its count of steps."""
        state: dict[str, NDArray[np.generic]] = {"optimizer/iterations": np.array(self.iterations, np.int64)}
        if not isinstance(self._rate, Schedule):
            state["optimizer/learning_rate"] = np.array(self._rate, np.float64)
        for name, slot, flat in self._named():
            state[name] = flat[slot.start : slot.stop].reshape(slot.shape).copy()
        return state

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of what `state` gives."""
        form = {"optimizer/iterations": TensorInfo((), np.dtype(np.int64))}
        if not isinstance(self._rate, Schedule):
            form["optimizer/learning_rate"] = TensorInfo((), np.dtype(np.float64))
        return form | {name: TensorInfo(slot.shape, flat.dtype) for name, slot, flat in self._named()}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what is given; names and shapes have been checked."""
        if "optimizer/iterations" in state:
            self.iterations = int(state["optimizer/iterations"])
        if "optimizer/learning_rate" in state:
            self._rate = float(state["optimizer/learning_rate"])
        for name, slot, flat in self._named():
            if name in state:
                flat[slot.start : slot.stop] = state[name].reshape(-1)

    def _named(self) -> list[tuple[str, ParameterView, NDArray[Any]]]:
        slots = [slot for slot in self._store.slots.values() if slot.trainable]
        return [(f"optimizer/{kind}/{slot.name}", slot, flat) for kind, flat in self._slots.items() for slot in slots]
