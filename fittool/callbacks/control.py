"""The training as callbacks see it and may change it; the trainer's side of the same object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fittool.callbacks.snapshot import Position, Snapshot
    from fittool.data.batch import Batch
    from fittool.engines.base import Engine

_WEIGHTS: tuple[Literal["weights"]] = ("weights",)
Reason = Literal["completed", "stopped", "interrupted", "diverged", "failed"]
"""The ways in which a training ends."""
Kind = Literal["last", "best", "diverged", "model", "weights"]
"""The run's own checkpoints, a state that is given up, or a callback's file (a whole model, or its weights)."""
Logs = dict[str, float]
"""Keras's keys (`loss`, metrics, `val_*`) and `learning_rate`, with their values."""
Directions = Mapping[str, Literal["min", "max"]]
"""For each metric whether less or more is better."""


class Backups(Protocol):
    """The needs of a callback that saves and restores the whole training."""

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The rows of the epochs so far."""

    def callbacks(self) -> Sequence[tuple[str, object]]:
        """All callbacks with their names in a checkpoint."""

    def take_snapshot(self) -> Snapshot:
        """The present state."""

    @property
    def resumed_at(self) -> Position | None:
        """The position from which the training goes on by a checkpoint of its own; None where it begins anew."""

    def identity(self) -> Mapping[str, str]:
        """The identity of the training: a hash, or "" where nobody knows, of its `experiment`, `data` and `seed`."""

    def go_on_from(self, snapshot: Snapshot, rows: Sequence[Mapping[str, Any]]) -> None:
        """Go on from a state, before the first step; rows of epochs that are not recorded yet are recorded."""


class LoopSteps(Protocol):
    """The steps of a user's own loop, which the trainer does when the loop asks the model for them."""

    def batch_of(self, x: Any, y: Any, sample_weight: Any) -> Batch | None:
        """The batch that the loop was given, if these are its arrays; None: they are the loop's own."""

    def train(self, batch: Batch) -> Logs:
        """One training step with everything around it; gives loss and metrics of this batch alone."""


class TrainedModel(Protocol):
    """A model, as its trainer knows it: told of the training under way."""

    run: Control | None


class Control:
    """A training, as its callbacks know it (`callback.run`).

    Attributes:
        model: The model that is trained, which callbacks find as `callback.model`; None in trainings without one.
        loop: The steps of the user's own loop while it is at work, or None.
        params: Keras's `params`: `epochs` and `steps` (None where not known).
        names: The names that the logs of an epoch hold, known before training.
        directions: For each metric whether more (`max`) or less (`min`) is better.
        names_may_grow: Whether a custom callback is there, which may add values to the logs.
        backups: Saves and restores the whole training; None where nobody can.
        keeps_best: Whether the run keeps a `best` checkpoint by itself.
        stop_reason: Why training is asked to stop, or None.
        reason: How training ended; None as long as it goes on.
        restored_epoch: The epoch (from 0) whose weights were put back at the end, or None.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        names: tuple[str, ...] = ("loss",),
        directions: Directions | None = None,
        names_may_grow: bool = False,
        keeps_best: bool = False,
        params: Mapping[str, Any] | None = None,
        save: Callable[[Kind, str | None], None] = lambda kind, path: None,
        say: Callable[[str], None] = lambda text: None,
        model: TrainedModel | None = None,
        backups: Backups | None = None,
    ) -> None:
        self._engine, self._save, self.model = engine, save, model
        self.names, self.directions, self.names_may_grow = names, dict(directions or {}), names_may_grow
        self.keeps_best = keeps_best
        self.params = dict(params or {})
        self.say = say
        self.backups = backups
        self.loop: LoopSteps | None = None
        self.stop_reason: str | None = None
        self.reason: Reason | None = None
        self.restored_epoch: int | None = None

    def stop(self, reason: str) -> None:
        """Ask for the end of training, after this batch or epoch and all callbacks; the first reason counts."""
        if self.stop_reason is None:
            self.stop_reason = reason

    @property
    def stop_training(self) -> bool:
        """Keras's way to ask for the end."""
        return self.stop_reason is not None

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        if value:
            self.stop("a callback asked for it")
        else:
            self.stop_reason = None

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self._engine.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._engine.learning_rate = rate

    @property
    def iterations(self) -> int:
        """The number of training steps since the network was made."""
        return self._engine.iterations

    @property
    def first_bad_step(self) -> int | None:
        """The number (from 1) of the first training step whose loss was not finite, or None."""
        return self._engine.health.first_bad_step

    def get_weights(self) -> dict[str, NDArray[Any]]:
        """Copies of the weights by name, `weights/<layer>/<name>`."""
        return self._engine.state(_WEIGHTS)

    def set_weights(self, weights: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over weights, as `get_weights` gave them.

        Raises:
            CheckpointError: A name is unknown, or a shape or dtype differs.
        """
        self._engine.load_state(weights)

    def save(self, kind: Kind, path: str | None = None) -> None:
        """Have the training's state saved by whoever records the run; `path` for the kinds that are a callback's own file."""
        self._save(kind, path)
