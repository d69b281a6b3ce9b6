"""Weights that callbacks keep for later, such as those of the best epoch: files beside the checkpoints that count on them.

A checkpoint names the step whose weights each callback keeps. They are in a file of that step before the checkpoint is in
its place, and the file stays as long as `last` or `previous` counts on it. So no kill, however many there are, finds a
checkpoint without what it needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import CheckpointError
from fittool.runs.checkpoint import Checkpoint, CheckpointFacts
from fittool.runs.checkpoint_store import CheckpointStore, State
from fittool.runs.paths import BEST, LAST, PREVIOUS

Weights = Mapping[str, NDArray[Any]]
"""Arrays by `weights/<layer>/<name>`."""

_FACT = "kept"


@dataclass(frozen=True)
class Moment:
    """The moment whose weights are kept.

    Attributes:
        epoch: How many epochs were finished.
        step: How many training steps were done; None in runs of 0.1.0, which know the epoch alone.
        is_of_training: Whether they were the network's weights then, so that any state of the moment has them.
    """

    epoch: int
    step: int | None
    is_of_training: bool = True

    def file_of(self, callback: str) -> str:
        """The file of what a callback keeps."""
        return f"kept_{callback}.safetensors" if self.step is None else f"kept_{callback}-{self.step}.safetensors"

    def is_of(self, facts: CheckpointFacts) -> bool:
        """True where a state is of this moment."""
        if self.step is None:
            return facts.epoch == self.epoch and facts.step_in_epoch == 0
        return (facts.epoch, facts.step) == (self.epoch, self.step)


class KeptWeights:
    """The weights that the callbacks of a training keep, and which of them are in files already.

    Attributes:
        weights: By the callback's name.
        lost: The callbacks whose weights a checkpoint counts on, but no file has.
    """

    def __init__(self) -> None:
        self.weights: dict[str, Weights] = {}
        self.lost: tuple[str, ...] = ()
        self._moments: dict[str, Moment] = {}
        self._on_disk: dict[str, Moment] = {}
        self._counted_before: frozenset[str] = frozenset()
        self._counted: frozenset[str] = frozenset()

    def take(self, kept: Mapping[str, Weights], tensors: Weights, *, epoch: int, step: int) -> None:
        """Note what callbacks keep now; weights that are others than before are of this moment.

        Args:
            kept: By the callback's name.
            tensors: The network's state at this moment, by name.
            epoch, step: The moment.
        """
        same = {name for name, weights in kept.items() if self._has(name, weights)}
        self._moments = {
            name: self._moments[name] if name in same else Moment(epoch, step, _are_in(weights, tensors))
            for name, weights in kept.items()
        }
        self._on_disk = {name: moment for name, moment in self._on_disk.items() if name in same}
        self.weights = dict(kept)

    def _has(self, name: str, weights: Weights) -> bool:
        """True for weights that are known, be it as other arrays of the same content, as a backup gives them."""
        known = self.weights.get(name)
        return known is not None and (weights is known or (weights.keys() == known.keys() and _are_in(weights, known)))

    @property
    def fact(self) -> dict[str, dict[str, Any]]:
        """The moments by the callback's name, plain data for the `training` of a checkpoint under the key `kept`."""
        return {name: dataclasses.asdict(moment) for name, moment in self._moments.items()}

    def beside(self, tensors: Weights) -> dict[str, State | None]:
        """The files that have to be on disk before a checkpoint of these tensors; None: the same content as the checkpoint's."""
        return {
            moment.file_of(name): self._content(name, moment, tensors)
            for name, moment in self._moments.items()
            if name not in self._on_disk
        }

    def _content(self, name: str, moment: Moment, tensors: Weights) -> State | None:
        weights = self.weights[name]
        if _are_in(weights, tensors):
            return None
        return weights, CheckpointFacts(epoch=moment.epoch, step=moment.step or 0)

    def saved(self, store: CheckpointStore) -> None:
        """Remove the files that neither the checkpoint just saved nor the one before it counts on."""
        self._on_disk = dict(self._moments)
        counted = frozenset(moment.file_of(name) for name, moment in self._moments.items())
        if counted != self._counted or self._counted != self._counted_before:
            for path in store.folder.glob("kept_*.safetensors"):
                if path.name not in counted | self._counted:
                    with suppress(OSError):  # it costs room, and nothing else
                        path.unlink()
        self._counted_before, self._counted = self._counted, counted

    @classmethod
    def found(cls, store: CheckpointStore, checkpoint: Checkpoint) -> KeptWeights:
        """The weights that callbacks kept at a checkpoint, from their files or else from any state of the same moment."""
        kept, lost = cls(), []
        for name, moment in _moments_of(checkpoint.facts):
            file, state = next(_states(store, name, moment, checkpoint), (None, None))
            if state is None:
                lost.append(name)
                continue
            kept._moments[name] = moment
            kept.weights[name] = {key: array for key, array in state.tensors.items() if key.startswith("weights/")}
            # What was found elsewhere is written to its own file with the next checkpoint, which may replace that place.
            if file == moment.file_of(name):
                kept._on_disk[name] = moment
        kept._counted = frozenset(moment.file_of(name) for name, moment in kept._moments.items())
        kept.lost = tuple(lost)
        return kept


def _are_in(weights: Weights, tensors: Weights) -> bool:
    return all(key in tensors and np.array_equal(array, tensors[key]) for key, array in weights.items())


def _moments_of(facts: CheckpointFacts) -> Iterator[tuple[str, Moment]]:
    said = facts.training.get(_FACT, {})
    for name, moment in said.items() if isinstance(said, Mapping) else ():
        if isinstance(moment, Mapping):
            yield str(name), Moment(**moment)
        else:
            yield str(name), Moment(int(moment), None)


def _states(store: CheckpointStore, name: str, moment: Moment, checkpoint: Checkpoint) -> Iterator[tuple[str | None, Checkpoint]]:
    elsewhere = (None, BEST, LAST, PREVIOUS) if moment.is_of_training else ()
    for file in (moment.file_of(name), *elsewhere):
        with suppress(CheckpointError):
            state = checkpoint if file is None else store.load(file)
            if moment.is_of(state.facts):
                yield file, state
