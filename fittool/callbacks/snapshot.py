"""A moment of a training, from which it can go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.position import Position

if TYPE_CHECKING:
    from fittool.runs.checkpoint import Checkpoint


@dataclass(frozen=True)
class Snapshot:
    """Everything that a training needs to go on exactly as it would have.

    Attributes:
        position: Between which steps.
        tensors: The engine's state.
        callbacks: The state of each callback by name, plain data.
        training: The trainer's own state, plain data.
        kept: Weights that callbacks keep beside, by the callback's name.
    """

    position: Position
    tensors: Mapping[str, NDArray[np.generic]]
    callbacks: Mapping[str, Any]
    training: Mapping[str, Any]
    kept: Mapping[str, Mapping[str, NDArray[np.generic]]] = field(default_factory=dict)


def snapshot_of(checkpoint: Checkpoint, kept: Mapping[str, Mapping[str, NDArray[np.generic]]] | None = None) -> Snapshot:
    """The snapshot that a checkpoint holds, with the weights that callbacks kept beside."""
    facts = checkpoint.facts
    position = Position(facts.epoch, facts.step_in_epoch, facts.step)
    return Snapshot(position, checkpoint.tensors, facts.callbacks, facts.training, kept or {})
