"""A training in parts: each stage has its own data, length and callbacks; weights and optimizer go on.

Also the engine that can be exchanged for another one between two stages, when other layers are to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.base import Callback
from fittool.data.batch import Array, Batch
from fittool.engines.numerics_monitor import NumericsMonitor
from fittool.training.plan import Plan

if TYPE_CHECKING:
    from fittool.data.loading.batch_loader import BatchLoader
    from fittool.engines.base import Engine

AnyEngine = TypeVar("AnyEngine", bound="Engine")
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
        """How many epochs it lasts."""
        return self.plan.epochs - self.plan.initial_epoch


class ExchangeableEngine(Generic[AnyEngine]):
    """An engine behind which another one can take over, with the same weights and optimizer.

    The optimizer's arrays of layers that are frozen are kept, so that they go on when the layers learn again.

    Args:
        engine: The first one.

    Attributes:
        engine: The one at work.
    """

    def __init__(self, engine: AnyEngine) -> None:
        self.engine = engine
        self._kept: dict[str, NDArray[np.generic]] = {}

    def exchange(self, engine: AnyEngine) -> None:
        """Let another engine of the same network take over; the one before is closed."""
        state = self.state()
        close = getattr(self.engine, "close", None)
        self.engine, self._kept = engine, {}
        self.load_state(state)
        if close is not None:
            close()

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self.engine.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.engine.learning_rate = rate

    @property
    def iterations(self) -> int:
        """How many training steps were done since the network was made."""
        return self.engine.iterations

    @property
    def health(self) -> NumericsMonitor:
        """What the engine noticed about its numbers."""
        return self.engine.health

    def train_step(self, batch: Batch) -> None:
        """Forward, backward, update."""
        self.engine.train_step(batch)

    def test_step(self, batch: Batch) -> None:
        """Forward only."""
        self.engine.test_step(batch)

    def predict_step(self, inputs: tuple[Array, ...]) -> tuple[NDArray[np.float32], ...]:
        """The outputs."""
        return self.engine.predict_step(inputs)

    def metrics(self) -> dict[str, float]:
        """The running values."""
        return self.engine.metrics()

    def reset_metrics(self) -> None:
        """Start the running values anew."""
        self.engine.reset_metrics()

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of everything a step depends on, and of what is kept for layers that are frozen now."""
        return self.engine.state() | {name: array.copy() for name, array in self._kept.items()}

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the arrays that are given.

        Raises:
            CheckpointError: A name is unknown, or a shape or dtype differs.
        """
        own = self.engine.state()
        shapes = {name.removeprefix("weights/"): array.shape for name, array in own.items() if name.startswith("weights/")}
        kept = {
            name: array
            for name, array in state.items()
            if name not in own and name.startswith("optimizer/") and shapes.get(name.split("/", 2)[-1]) == array.shape
        }
        self.engine.load_state({name: array for name, array in state.items() if name not in kept})
        self._kept |= {name: np.array(array) for name, array in kept.items()}

    def finish_training(self) -> None:
        """What the optimizer has to do once training is over."""
        self.engine.finish_training()

    def close(self) -> None:
        """Let the engine's threads end."""
        close = getattr(self.engine, "close", None)
        if close is not None:
            close()
