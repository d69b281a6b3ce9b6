"""Weights that callbacks keep for later, such as those of the best epoch: as files beside the checkpoints of a run.

A checkpoint says which epoch's weights each callback keeps; the file of that epoch is mostly a second name of a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.snapshot import Snapshot
from fittool.errors import CheckpointError
from fittool.runs.checkpoint import Checkpoint, CheckpointFacts
from fittool.runs.checkpoint_store import BEST, LAST, PREVIOUS, CheckpointStore

Weights = Mapping[str, NDArray[Any]]


def file_of(callback: str) -> str:
    """The file of what a callback keeps."""
    return f"kept_{callback}.safetensors"


class CallbackWeights:
    """The weights that the callbacks of a run keep, and which of them are in files already.

    Attributes:
        weights: By the callback's name.
        epochs: How many epochs were finished when they were taken.
    """

    def __init__(self, weights: Mapping[str, Weights] | None = None, epochs: Mapping[str, int] | None = None) -> None:
        self.weights = dict(weights or {})
        self.epochs = dict(epochs or {})

    def take(self, snapshot: Snapshot) -> list[str]:
        """Note what the callbacks keep now; the names of those whose weights are other ones than before."""
        new = [name for name, weights in snapshot.kept.items() if weights is not self.weights.get(name)]
        self.weights = dict(snapshot.kept)
        self.epochs = {name: snapshot.position.epoch if name in new else self.epochs[name] for name in snapshot.kept}
        return new

    def save(self, store: CheckpointStore, name: str, snapshot: Snapshot) -> str | None:
        """Bring what one callback keeps to disk, after the snapshot was saved as the last checkpoint; returns a warning or None.

        Raises:
            StorageError: It could not be stored.
        """
        weights = self.weights[name]
        if all(np.array_equal(array, snapshot.tensors.get(key)) for key, array in weights.items()):  # type: ignore[arg-type]
            return store.keep_last_as(file_of(name))
        return store.save_as(file_of(name), weights, CheckpointFacts(epoch=self.epochs[name]))

    @classmethod
    def found(cls, store: CheckpointStore, checkpoint: Checkpoint) -> CallbackWeights:
        """The weights that callbacks kept at a checkpoint; where the file is lost, the callback begins anew."""
        epochs = {str(name): int(epoch) for name, epoch in checkpoint.facts.training.get("kept", {}).items()}
        found = {}
        for name, epoch in epochs.items():
            states = (state for state in _states(store, name, checkpoint) if _is_end_of(epoch, state))
            if (state := next(states, None)) is not None:
                found[name] = {key: array for key, array in state.tensors.items() if key.startswith("weights/")}
        return cls(found, {name: epochs[name] for name in found})

    def missing(self, checkpoint: Checkpoint) -> list[str]:
        """The callbacks whose weights are lost and will not be made again by going on from the checkpoint."""
        return [name for name in checkpoint.facts.training.get("kept", {}) if name not in self.weights]


def _states(store: CheckpointStore, name: str, checkpoint: Checkpoint) -> Iterator[Checkpoint]:
    for file in (file_of(name), None, BEST, LAST, PREVIOUS):
        if file is None:
            yield checkpoint
        elif Path(store.folder / file).exists():
            with suppress(CheckpointError):
                yield store.load(file)


def _is_end_of(epoch: int, state: Checkpoint) -> bool:
    return state.facts.epoch == epoch and state.facts.step_in_epoch == 0
