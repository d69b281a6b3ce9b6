"""A training in parts: each stage has its own data, length and callbacks; weights and optimizer go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fittool.callbacks.base import Callback
from fittool.training.plan import Plan

if TYPE_CHECKING:
    from fittool.data.loading.batch_loader import BatchLoader

Loop = Callable[[Any, Iterator[Any], int], object]
"""A user's own loop: called once an epoch with the model, the batches and the epoch (from 0)."""


def nothing(*_: object) -> None:
    """Nothing to prepare."""


@dataclass(frozen=True)
class Stage:
    """A part of a training.

    Attributes:
        train: The training data.
        validation: The validation data, or None.
        plan: How long; its epochs count from the beginning of the stage.
        name: What rows call it; None in a training of one part.
        callbacks: Those of this stage alone; when they ask for the end, the stage ends and the next one begins.
        learning_rate: The rate at its beginning; None: as it is.
        prepare: Called when the stage begins, and when a resumed training stands in it.
        begin: Called with the absolute step from which the stage's epochs count, then too.
        loop: The user's own loop, instead of one step for each batch.
        loop_name: What it is called in messages.
    """

    train: BatchLoader
    validation: BatchLoader | None
    plan: Plan
    name: str | None = None
    callbacks: Sequence[Callback] = ()
    learning_rate: float | None = None
    prepare: Callable[[], None] = nothing
    begin: Callable[[int], None] = nothing
    loop: Loop | None = None
    loop_name: str = "loop"

    @property
    def length(self) -> int:
        """The number of epochs that it lasts."""
        return self.plan.epochs - self.plan.initial_epoch
