"""The same network stepped by NumPy and by our own kernels, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import fittool as ft
from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.kernels.library import find_library
from fittool.nn.losses import Loss, MeanSquaredError
from fittool.nn.optimizers import SGD, Optimizer

needs_kernels = pytest.mark.skipif(find_library()[0] is None, reason=find_library()[1])


class Pair:
    """Two engines with one network and the same weights, all of them drawn so that none is 0.

    Args:
        layers: As `ft.Model` takes them.
        shape: Of one input.
        loss: By default the mean of squares.
        optimizer: By default one that moves nothing.
        threads: Of the native one.
    """

    def __init__(
        self,
        layers: Sequence[Any],
        shape: tuple[int, ...],
        *,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        threads: int = 1,
        seed: int = 0,
    ) -> None:
        self.graph = ft.Model(list(layers), input_shape=shape, seed=seed).graph
        rng = np.random.default_rng(seed)
        weights = {name: 0.5 * rng.normal(size=array.shape) for name, array in self.graph.initial_weights(seed).items()}
        weights = {name: np.abs(one) + 0.5 if "variance" in name else one for name, one in weights.items()}
        options: dict[str, Any] = {"loss": loss or MeanSquaredError(), "optimizer": optimizer or SGD(learning_rate=1e-30)}
        options |= {"weights": weights, "seed": seed, "target_shape": self.graph.output_shapes[self.graph.outputs[0]]}
        self.numpy = NumpyEngine(self.graph, threads=1, kernels="numpy", **options)
        self.native = NumpyEngine(self.graph, threads=threads, kernels="native", **options)

    def step(self, batch: Batch) -> None:
        """A training step of both."""
        self.numpy.train_step(batch)
        self.native.train_step(batch)

    def close(self) -> None:
        """Let their threads end."""
        self.numpy.close()
        self.native.close()

    def assert_close(self, tolerance: float = 2e-4, rounding: float = 1e-5) -> None:
        """Losses, gradients and weights of both are alike, each array on its own scale.

        Args:
            tolerance: The most that a number may differ, as a share of the largest of its array.
            rounding: And as a share of the largest of all gradients, where one is 0 but for rounding.
        """
        gradients = self.numpy._store.gradients
        least = rounding * float(np.abs(gradients).max()) if gradients.size else 0.0
        close(self.native._losses_and_metrics.last_loss, self.numpy._losses_and_metrics.last_loss, tolerance, "loss")
        for name, view in self.numpy._store.views.items():
            ours, theirs = (engine._store.weights(name) for engine in (self.native, self.numpy))
            close(ours, theirs, tolerance, name)
            if view.trainable:
                ours, theirs = (engine._store.gradient(name) for engine in (self.native, self.numpy))
                close(ours, theirs, tolerance, f"the gradient of {name}", least)


def close(ours: Any, theirs: Any, tolerance: float, what: str, rounding: float = 0.0) -> None:
    """Arrays (…) that differ by a small part of the largest of them, and by `rounding`."""
    difference, scale = np.abs(np.subtract(ours, theirs, dtype=np.float64)).max(), np.abs(theirs).max() + 1e-3
    assert difference <= tolerance * scale + rounding, f"{what}: {difference / scale:.2g} of the largest"
