"""The optimizer at work on the flat weights, piece by piece so that each piece stays in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.engines.numpy_engine.optimizers import optimizer_at_work
from fittool.engines.numpy_engine.parameters import ParameterStore, Slot
from fittool.engines.numpy_engine.threads import Lane, ThreadTeam
from fittool.errors import ExperimentError
from fittool.nn.optimizers import Optimizer
from fittool.nn.schedules import Schedule

_PIECE = 64 * 1024


class Update:
    """One optimizer with its state: flat arrays as long as the trainable weights, in the same order."""

    def __init__(self, optimizer: Optimizer, store: ParameterStore, team: ThreadTeam) -> None:
        self.iterations = 0
        self._rate = optimizer.learning_rate
        self._rule, self._store, self._team = optimizer_at_work(optimizer), store, team
        self._slots: dict[str, NDArray[Any]] = self._rule.make_state(store.trainable.size, store.trainable.dtype)
        self._lanes: list[Lane] = [[partial(self._piece, start)] for start in range(0, store.trainable.size, _PIECE)]
        self._scratch = np.zeros((team.threads, self._rule.scratch_rows, _PIECE), store.trainable.dtype)

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
        """Move the weights by the gradients."""
        self._now = self.learning_rate
        self.iterations += 1
        self._team.run(self._lanes)

    def _piece(self, start: int) -> None:
        piece = slice(start, min(start + _PIECE, self._store.trainable.size))
        slots = {name: array[piece] for name, array in self._slots.items()}
        scratch = self._scratch[(start // _PIECE) % self._team.threads, :, : piece.stop - start]
        self._rule.update(self._store.trainable[piece], self._store.gradients[piece], slots, self._now, self.iterations, scratch)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of the optimizer's arrays by weight, its rate and its count of steps."""
        state: dict[str, NDArray[np.generic]] = {"optimizer/iterations": np.array(self.iterations, np.int64)}
        if not isinstance(self._rate, Schedule):
            state["optimizer/learning_rate"] = np.array(self._rate, np.float64)
        for name, slot, flat in self._named():
            state[name] = flat[slot.start : slot.stop].reshape(slot.shape).copy()
        return state

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what is given; names and shapes have been checked."""
        if "optimizer/iterations" in state:
            self.iterations = int(state["optimizer/iterations"])
        if "optimizer/learning_rate" in state:
            self._rate = float(state["optimizer/learning_rate"])
        for name, slot, flat in self._named():
            if name in state:
                flat[slot.start : slot.stop] = state[name].reshape(-1)

    def _named(self) -> list[tuple[str, Slot, NDArray[Any]]]:
        slots = [slot for slot in self._store.slots.values() if slot.trainable]
        return [(f"optimizer/{kind}/{slot.name}", slot, flat) for kind, flat in self._slots.items() for slot in slots]
