"""The updates that each weight has had, which is not always all of the optimizer's: a layer may join a training late.

Moments start at 0 when a layer begins to learn, and Adam and its kin make up for that by the number of updates. By the
optimizer's number the first steps of a late layer would be several times the learning rate, so each weight has a number of its
own, as in a freshly compiled optimizer of Keras or by PyTorch's `step`. Schedules go by the optimizer's.

A state keeps the number of a weight, as `optimizer/updates/<layer>/<parameter>` of shape (), only where it is not the
optimizer's: one that was trained from the beginning has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fittool.engines.state import State, TensorInfo
from fittool.engines.training_steps import StepCounter
from fittool.errors import CheckpointError
from fittool.nn.optimizers import Optimizer

COUNTS = "optimizer/updates/"
"""What the names of counts begin with."""
_FORM = TensorInfo((), np.dtype(np.int64))


class Neighbours(NamedTuple):
    """Weights behind one another that have had as many updates each.

    Attributes:
        first, stop: Their numbers in the order of the flat weights; `stop` is the first behind them.
        missed: How many of the optimizer's updates they have not had.
    """

    first: int
    stop: int
    missed: int


class UpdateCounts:
    """The updates of all weights of a network.

    Args:
        optimizer: Moves the weights. Where it does not go by the number of updates, none is ever missed.
        counter: Counts the optimizer's own updates.
        learning: The weights that learn, `<layer>/<parameter>`, in the order of the flat weights.
        weights: All weights.
    """

    def __init__(self, optimizer: Optimizer, counter: StepCounter, learning: Iterable[str], weights: Iterable[str]) -> None:
        self._counter = counter
        self._missed = dict.fromkeys(learning, 0)
        self._kept: dict[str, int] = {}  # of weights that learnt once, and do not now
        self._countable = tuple(weights) if optimizer.counts_updates else ()

    def runs(self) -> list[Neighbours]:
        """The weights that learn, divided where the number of their updates changes."""
        runs = [list(run) for _, run in groupby(enumerate(self._missed.values()), lambda pair: pair[1])]
        return [Neighbours(run[0][0], run[-1][0] + 1, run[0][1]) for run in runs]

    def may_hold(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of everything that a state may tell."""
        return {COUNTS + name: _FORM for name in self._countable}

    def load_state(self, state: Mapping[str, NDArray[np.generic]], before: int) -> list[str]:
        """Take over the counts of a state, whose count of steps was taken over already.

        A weight whose slots are in the state has had the updates that are told, or else all of them; one that does not learn
        and whose slots are all 0 has had none, as in the states of releases that told nothing. One whose slots are not there
        has had as many as before: none, where it begins to learn now.

        Args:
            state: What is taken over, or a part of it.
            before: The optimizer's updates before its count of steps was taken over.

        Returns:
            The weights whose first update is still to come, in a training that has begun.

        Raises:
            CheckpointError: A count is negative.
        """
        told = {name: _count(state, name) for name in self._countable if COUNTS + name in state}
        slots, now, beginning = _slots_by_weight(state), self._counter.updates, []
        for name in self._countable:
            is_known = name in slots or name in told
            if name not in self._missed:
                has_learnt = any(slot.any() for slot in slots.get(name, ()))
                self._kept |= {name: told.get(name, now if has_learnt else 0)} if is_known else {}
                continue
            had = told.get(name, now) if is_known else before - self._missed[name]
            self._missed[name] = now - had
            beginning += [name] * (had == 0 and self._counter.iterations > 0)
        return beginning

    def state(self) -> State:
        """The counts that are not the optimizer's, arrays of shape ()."""
        now = self._counter.updates
        counts = {name: now - missed for name, missed in self._missed.items()} | self._kept
        return {COUNTS + name: np.array(count, np.int64) for name, count in counts.items() if count != now}

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of what `state` gives."""
        return dict.fromkeys(self.state(), _FORM)


def _slots_by_weight(state: Mapping[str, NDArray[Any]]) -> dict[str, list[NDArray[Any]]]:
    """The slots of a state, `optimizer/<slot>/<layer>/<parameter>`, by their weights."""
    slots: dict[str, list[NDArray[Any]]] = {}
    for name, array in state.items():
        if name.startswith("optimizer/") and name.count("/") > 2 and not name.startswith(COUNTS):
            slots.setdefault(name.split("/", 2)[2], []).append(array)
    return slots


def _count(state: Mapping[str, NDArray[Any]], name: str) -> int:
    count = int(state[COUNTS + name])
    if count < 0:
        raise CheckpointError(f"{COUNTS}{name} is {count}; a weight cannot have had fewer than 0 updates.")
    return count


def counts_of_beginners(optimizer: Optimizer, iterations: int, slots: Iterable[str]) -> State:
    """The counts of a state whose optimizer begins anew after some steps.

    Args:
        optimizer: The one that begins.
        iterations: The steps that were done.
        slots: The names of its slots in the state, `optimizer/<slot>/<layer>/<parameter>`.
    """
    if not optimizer.counts_updates or iterations < (optimizer.gradient_accumulation_steps or 1):
        return {}
    weights = dict.fromkeys(name.split("/", 2)[2] for name in slots if name.count("/") > 2)
    return {COUNTS + name: np.zeros((), np.int64) for name in weights}
