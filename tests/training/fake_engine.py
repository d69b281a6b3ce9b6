"""An engine without mathematics and loaders without data, so that the loop around them can be tested alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array, Batch
from fittool.data.dataset import ArrayDataset
from fittool.engines.base import ALL_KINDS, StateKind
from fittool.engines.numerics_monitor import NumericsMonitor
from fittool.engines.state import State, TensorInfo, check_state
from fittool.engines.step_profile import StepProfile
from fittool.nn.graph import Graph
from fittool.nn.layers import Dense
from fittool.training.trainer import Trainer

if TYPE_CHECKING:
    from fittool.engines.base import Engine

    pass

NAMES = ("loss", "accuracy")
"""The values that the engine gives."""


class FakeEngine:
    """Losses come from a script; each weight is the number of the last batch that was trained on.

    Args:
        losses: The loss of each training step, the last one repeated.
        val_losses: The loss of the validation after each epoch, the last one repeated.
        steps_per_epoch: What tells the epoch from the number of steps.
        graph: The network whose weights it names as its own; by default there is one weight, `w`.
    """

    def __init__(
        self,
        losses: Sequence[float] = (1.0,),
        val_losses: Sequence[float] = (1.0,),
        steps_per_epoch: int = 3,
        graph: Graph | None = None,
    ) -> None:
        self.learning_rate = 0.1
        self.graph = Graph.build([Dense(1, name="w")], {"input": (1,)}) if graph is None else graph
        self.graphs = [self.graph]
        weights = [] if graph is None else graph.weights()
        self._shapes = {name: entry.shape for name, entry in weights} or {"w": (1,)}
        self.predicted = 0
        self.label, self.threads = "fake", 1
        self.copies_ahead = False
        self.seen: list[str] = []
        self.copies: list[str] = []
        self.closed = False
        self.losses, self.val_losses, self.steps_per_epoch = losses, val_losses, steps_per_epoch
        self.iterations = 0
        self.health = NumericsMonitor()
        self.trained: list[int] = []
        self.tested: list[int] = []
        self.reads = 0
        self._weight = np.zeros(1, np.float32)
        self._sums = np.zeros(2)

    def watch_steps(self, profile: StepProfile) -> None:
        """There is no time to be measured."""

    def train_step(self, batch: Batch) -> None:
        """Take the script's next loss."""
        self.seen.append(f"step {int(batch.inputs[0].flat[0])}")
        loss = self.losses[min(self.iterations, len(self.losses) - 1)]
        self.iterations += 1
        self.trained.append(int(batch.inputs[0].flat[0]))
        self._weight[:] = self.trained[-1]
        if math.isfinite(loss):
            self.health.last_finite_loss = loss
        elif self.health.first_bad_step is None:
            self.health.first_bad_step = self.iterations
        self._add(loss, batch.size)

    def hold(self, dataset: ArrayDataset) -> None:
        """Nothing: batches come with their arrays."""

    def put(self, batch: Batch) -> Batch:
        """The batch as it is; remembered by its number."""
        self.seen.append(f"put {int(batch.inputs[0].flat[0])}")
        return batch

    def finish_training(self) -> None:
        """Nothing is averaged here."""

    def test_step(self, batch: Batch) -> None:
        """Take the loss of this validation."""
        self.tested.append(int(batch.inputs[0].flat[0]))
        epoch = max(self.iterations // self.steps_per_epoch, 1)
        self._add(self.val_losses[min(epoch, len(self.val_losses)) - 1], batch.size)

    def evaluate_step(self, batch: Batch) -> tuple[NDArray[np.float32], ...]:
        """Both steps."""
        self.test_step(batch)
        return self.predict_step(batch.inputs)

    def predict_step(self, inputs: tuple[Array, ...]) -> tuple[NDArray[np.float32], ...]:
        """The weight for each sample."""
        self.predicted += 1
        return (np.full((len(inputs[0]), 1), self._weight[0], np.float32),)

    def update_metrics(self, outputs: tuple[NDArray[np.float32], ...], batch: Batch) -> None:
        """Take the mean output for the loss."""
        self._add(float(outputs[0].mean()), batch.size)

    def metrics(self) -> dict[str, float]:
        """The mean loss, and an accuracy that mirrors it."""
        self.reads += 1
        loss = float(self._sums[0] / self._sums[1]) if self._sums[1] else 0.0
        return {"loss": loss, "accuracy": 1 - loss}

    def reset_metrics(self) -> None:
        """Start anew."""
        self._sums[:] = 0

    def metrics_state(self) -> State:
        """The sums."""
        return {"metrics/loss": self._sums.copy()}

    def load_metrics_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the sums."""
        self._sums[:] = state["metrics/loss"]

    def set_trainable(
        self, layers: Collection[str], *, rates: Mapping[str, float] | None = None, features_of: str | None = None
    ) -> None:
        """Remember which layers learn."""
        self.graph = self.graph.with_trainable(layers)
        self.graphs.append(self.graph)

    def describe(self) -> dict[str, TensorInfo]:
        """The form of the state."""
        return {name: TensorInfo(array.shape, array.dtype) for name, array in self._tensors().items()}

    def state(self, kinds: Collection[StateKind] = ALL_KINDS) -> State:
        """Weight, iterations, learning rate, sums."""
        self.copies.extend(kinds)
        return {name: array.copy() for name, array in self._tensors().items() if name.split("/")[0] in kinds}

    @property
    def weight(self) -> float:
        """The one weight."""
        return float(self._weight[0])

    def _tensors(self) -> State:
        return {
            **{f"weights/{name}": np.full(shape, self._weight[0]) for name, shape in self._shapes.items()},
            "optimizer/iterations": np.array(self.iterations),
            "optimizer/learning_rate": np.array(self.learning_rate),
            "metrics/loss": self._sums,
        }

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what is given."""
        check_state(state, self.describe())
        weights = [array for name, array in state.items() if name.startswith("weights/")]
        self._weight[:] = weights[0].flat[0] if weights else self._weight
        self.iterations = int(state.get("optimizer/iterations", self.iterations))
        self.learning_rate = float(state.get("optimizer/learning_rate", self.learning_rate))
        self._sums[:] = state.get("metrics/loss", self._sums)

    def close(self) -> None:
        """Remember it."""
        self.closed = True

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


class FakeTrainer(Trainer):
    """The trainer, told which values the engine gives."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"names": NAMES, **options})


def as_engine(engine: FakeEngine) -> Engine:
    """The engine under the type that the trainer asks for; mypy finds what of the contract it lacks."""
    return engine
