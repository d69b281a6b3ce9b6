"""An engine without mathematics and loaders without data, so that the loop around them can be tested alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array, Batch
from fittool.engines.numerics_monitor import NumericsMonitor


class FakeEngine:
    """Losses come from a script; the one weight is the number of the last batch that was trained on.

    Args:
        losses: The loss of each training step, the last one repeated.
        val_losses: The loss of the validation after each epoch, the last one repeated.
        steps_per_epoch: What tells the epoch from the number of steps.
    """

    def __init__(self, losses: Sequence[float] = (1.0,), val_losses: Sequence[float] = (1.0,), steps_per_epoch: int = 3) -> None:
        self.learning_rate = 0.1
        self.losses, self.val_losses, self.steps_per_epoch = losses, val_losses, steps_per_epoch
        self.iterations = 0
        self.health = NumericsMonitor()
        self.trained: list[int] = []
        self.tested: list[int] = []
        self.reads = 0
        self._weight = np.zeros(1, np.float32)
        self._sums = np.zeros(2)

    def train_step(self, batch: Batch) -> None:
        """Take the script's next loss."""
        loss = self.losses[min(self.iterations, len(self.losses) - 1)]
        self.iterations += 1
        self.trained.append(int(batch.inputs[0].flat[0]))
        self._weight[:] = self.trained[-1]
        if math.isfinite(loss):
            self.health.last_finite_loss = loss
        elif self.health.first_bad_step is None:
            self.health.first_bad_step = self.iterations
        self._add(loss, batch.size)

    def finish_training(self) -> None:
        """Nothing is averaged here."""

    def test_step(self, batch: Batch) -> None:
        """Take the loss of this validation."""
        self.tested.append(int(batch.inputs[0].flat[0]))
        epoch = max(self.iterations // self.steps_per_epoch, 1)
        self._add(self.val_losses[min(epoch, len(self.val_losses)) - 1], batch.size)

    def predict_step(self, inputs: tuple[Array, ...]) -> tuple[NDArray[np.float32], ...]:
        """The weight for each sample."""
        return (np.full((len(inputs[0]), 1), self._weight[0], np.float32),)

    def metrics(self) -> dict[str, float]:
        """The mean loss, and an accuracy that mirrors it."""
        self.reads += 1
        loss = float(self._sums[0] / self._sums[1]) if self._sums[1] else 0.0
        return {"loss": loss, "accuracy": 1 - loss}

    def reset_metrics(self) -> None:
        """Start anew."""
        self._sums[:] = 0

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Weight, iterations, learning rate, sums."""
        return {
            "weights/w": self._weight.copy(),
            "optimizer/iterations": np.array(self.iterations),
            "optimizer/learning_rate": np.array(self.learning_rate),
            "metrics/loss": self._sums.copy(),
        }

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what is given."""
        self._weight[:] = state.get("weights/w", self._weight)
        self.iterations = int(state.get("optimizer/iterations", self.iterations))
        self.learning_rate = float(state.get("optimizer/learning_rate", self.learning_rate))
        self._sums[:] = state.get("metrics/loss", self._sums)

    def _add(self, loss: float, size: int) -> None:
        self._sums += (loss * size, size)


def batch(number: int, size: int = 2) -> Batch:
    """A batch whose samples all hold its number."""
    return Batch((np.full((size, 1), number, np.float32),), (np.zeros(size, np.int64),))


class FakeLoader:
    """Batches that hold their own step number, without end.

    Args:
        steps_per_pass: Batches in a pass.
    """

    def __init__(self, steps_per_pass: int | None = 3) -> None:
        self.steps_per_pass = steps_per_pass
        self.batch_size = 2
        self.samples = None if steps_per_pass is None else steps_per_pass * self.batch_size
        self.starts: list[int] = []
        self.closed = 0

    def batches(self, first_step: int) -> Iterator[Batch]:
        """Batches first_step, first_step + 1, …"""
        self.starts.append(first_step)
        step = first_step
        try:
            while True:
                yield batch(step)
                step += 1
        finally:
            self.closed += 1

    def contents(self, step: int) -> str:
        """A name for a batch."""
        return f"sample {step}"


class FiniteLoader(FakeLoader):
    """A generator of unknown length: each walk ends after so many batches.

    Args:
        lengths: Batches of each walk, the last one repeated.
    """

    def __init__(self, *lengths: int) -> None:
        super().__init__(None)
        self.lengths = lengths

    def batches(self, first_step: int) -> Iterator[Batch]:
        """The batches of one walk."""
        self.starts.append(first_step)
        length = self.lengths[min(len(self.starts), len(self.lengths)) - 1]
        for step in range(first_step, first_step + length):
            yield batch(step)
