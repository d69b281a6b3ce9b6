"""The contract between the trainer and whatever executes steps: the whole of it, so that engines can be exchanged."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array, Batch
from fittool.data.dataset import ArrayDataset
from fittool.engines.numerics_monitor import NumericsMonitor
from fittool.engines.state import State, TensorInfo
from fittool.engines.step_profile import StepProfile
from fittool.nn.graph import Graph

StateKind = Literal["weights", "optimizer", "metrics"]
"""A part of an engine's state; the names of its tensors begin with the word and a slash."""
ALL_KINDS: tuple[StateKind, ...] = ("weights", "optimizer", "metrics")
WEIGHTS: tuple[StateKind, ...] = ("weights",)


class Engine(Protocol):
    """A network and its optimizer, ready to be stepped. Knows no files, epochs or callbacks.

    Where an objective has a scale of its targets (`fittool.nn.output_targets`), losses compare targets that are scaled with
    the outputs as the network gives them; predictions and the outputs that metrics see have the scale undone, in float64.
    """

    learning_rate: float
    """The rate of the next step; set by schedules and callbacks."""

    @property
    def graph(self) -> Graph:
        """The network, with the layers trainable that learn now."""

    @property
    def label(self) -> str:
        """The engine and what it runs on, for the display: `numpy, 2 threads`."""

    @property
    def threads(self) -> int:
        """The number of processor threads that compute."""

    @property
    def iterations(self) -> int:
        """Training steps since the network was made, resumed ones included."""

    @property
    def health(self) -> NumericsMonitor:
        """Losses that were not finite and faults of the arithmetic. Reading does not wait for a device, so it may come late."""

    @property
    def copies_ahead(self) -> bool:
        """True where `put` brings batches to a device, which is worth beginning one step before they are needed."""

    def hold(self, dataset: ArrayDataset) -> None:
        """Keep samples in the device's memory, so that batches of them may come as a `SelectedBatch` of `fittool.data.loading`.

        Raises:
            ExperimentError: The engine keeps none; the text names one that does.
            MachineError: The device has too little memory for them; the text says how much there is, and what to set.
            DataError: Their targets do not fit the network's outputs.
        """

    def put(self, batch: Batch) -> Batch:
        """Begin to bring a batch to the device; gives what a step is then called with."""

    def train_step(self, batch: Batch) -> None:
        """Forward, backward, update; adds to the running metrics, on the device.

        A loss that is not finite raises nothing: it is a flag in `health`, which a device may keep to itself for some steps.
        """

    def watch_steps(self, profile: StepProfile) -> None:
        """Fill a profile with the time and the memory of the training steps from now on, which may be slower for it."""

    def finish_training(self) -> None:
        """After the last step: put the moving average of the weights in their place, where the optimizer keeps one."""

    def test_step(self, batch: Batch) -> None:
        """Forward only; adds to the running metrics."""

    def evaluate_step(self, batch: Batch) -> tuple[NDArray[np.float32], ...]:
        """Do as `test_step`, and give the outputs as `predict_step` does, without working them out twice."""

    def predict_step(self, inputs: tuple[Array, ...]) -> tuple[NDArray[np.float32], ...]:
        """The outputs for (N, …) inputs, each (N, …); fresh arrays that the caller may keep."""

    def update_metrics(self, outputs: tuple[NDArray[np.float32], ...], batch: Batch) -> None:
        """Add outputs that were worked out elsewhere, each (N, …), to the running metrics, as if the network had given them."""

    def metrics(self) -> dict[str, float]:
        """The running values since `reset_metrics`: `loss` first, then the metrics. Waits for the device."""

    def reset_metrics(self) -> None:
        """Start the running values anew."""

    def metrics_state(self) -> State:
        """Copies of the sums behind the running values, each (size,), as `metrics/<name>`; small, whatever the network."""

    def load_metrics_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over what `metrics_state` gave, sums (size,)."""

    def set_trainable(
        self, layers: Collection[str], *, rates: Mapping[str, float] | None = None, features_of: str | None = None
    ) -> None:
        """Let exactly the layers of these names learn, of those that have weights to learn.

        Weights, running values and the count of steps go on. The optimizer's arrays of layers that stop learning are kept in
        the state with the number of their updates, and go on when the layers learn again (`fittool/engines/update_counts.py`).

        Args:
            layers: Their names.
            rates: Factors on the learning rate by the names of layers; 1 for others.
            features_of: The layer whose output stands in the batches instead of the inputs, which nothing behind it needs; what
                is before it is not computed. None: batches hold the inputs.
        """

    def describe(self) -> dict[str, TensorInfo]:
        """Name, shape and dtype of every tensor of the state, without its data; reading it copies nothing."""

    def state(self, kinds: Collection[StateKind] = ALL_KINDS) -> State:
        """Copies of what a step depends on, shaped as in `describe`: `weights/<layer>/<name>`, `optimizer/…`, `metrics/…`."""

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the arrays that are given, each in the shape that `describe` tells; names not given keep their values.

        Raises:
            CheckpointError: A name is unknown, or a shape or dtype differs; the text names the first five.
        """

    def close(self) -> None:
        """Give back threads and devices; the engine cannot be used afterwards."""
