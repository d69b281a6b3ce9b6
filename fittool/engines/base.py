"""The contract between the trainer and whatever executes steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array, Batch
from fittool.engines.numerics_monitor import NumericsMonitor


class Engine(Protocol):
    """A network and its optimizer, ready to be stepped. Knows no files, epochs or callbacks."""

    learning_rate: float
    """The rate of the next step; set by schedules and callbacks."""

    @property
    def iterations(self) -> int:
        """How many training steps were done since the network was made, resumed ones included."""

    @property
    def health(self) -> NumericsMonitor:
        """What was noticed about the numbers so far. Reading it does not wait for a device, so it may come some steps late."""

    def train_step(self, batch: Batch) -> None:
        """Forward, backward, update; adds to the running metrics, on the device."""

    def finish_training(self) -> None:
        """After the last step: put the moving average of the weights in their place, where the optimizer keeps one."""

    def test_step(self, batch: Batch) -> None:
        """Forward only; adds to the running metrics."""

    def predict_step(self, inputs: tuple[Array, ...]) -> tuple[NDArray[np.float32], ...]:
        """The outputs for (N, …) inputs, each (N, …); fresh arrays that the caller may keep."""

    def metrics(self) -> dict[str, float]:
        """The running values since `reset_metrics`: `loss` first, then the metrics. The only call that waits for a device."""

    def reset_metrics(self) -> None:
        """Start the running values anew."""

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of everything a step depends on: `weights/<layer>/<name>`, `optimizer/…`, `metrics/…`."""

    def load_state(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take over the arrays that are given; names not given keep their values.

        Raises:
            CheckpointError: A name is unknown, or a shape or dtype differs; the text names the first five.
        """
