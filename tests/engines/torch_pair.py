"""One network on both engines, from the same weights, on the same batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.settings import Torch
from fittool.engines.state import State
from fittool.nn.graph import Graph


def both_engines(graph: Graph, *, weights: State | None = None, single: bool = True, **options: Any) -> tuple[Any, Any]:
    """The NumPy engine and the PyTorch engine, in float32 or, for comparisons to many digits, in float64."""
    import torch

    from fittool.engines.torch_engine import TorchEngine

    options = {"seed": 3, "weights": weights, **options}
    numpy = NumpyEngine(graph, threads=1, dtype=np.float32 if single else np.float64, **options)
    setting = Torch(device="cpu", threads=1)
    return numpy, TorchEngine(graph, setting, dtype=torch.float32 if single else torch.float64, **options)


def some_weights(graph: Graph, seed: int = 3) -> State:
    """Weights in float64, none of them 0, so that a weight that is left out is noticed."""
    generator = np.random.default_rng(5)
    return {
        name: array.astype(np.float64) + 0.1 * np.abs(generator.standard_normal(array.shape))
        for name, array in graph.initial_weights(seed).items()
    }


def assert_same_states(one: State, other: State, *, tolerance: float) -> None:
    """The same names in the same order, shapes and dtypes, and values that differ by a share of themselves and of 1 at most."""
    assert list(one) == list(other)
    for name, array in one.items():
        assert (array.shape, array.dtype) == (other[name].shape, other[name].dtype), name
        np.testing.assert_allclose(other[name], array, rtol=tolerance, atol=tolerance, err_msg=name)


def train(engine: Any, batches: Sequence[Batch]) -> list[float]:
    """The loss of each step."""
    losses = []
    for batch in batches:
        engine.reset_metrics()
        engine.train_step(batch)
        losses.append(engine.metrics()["loss"])
    return losses
