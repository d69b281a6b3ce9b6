"""The memory that a step is said to take, beside what PyTorch's own profiler sees it take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.memory_estimate import MemoryEstimate
from fittool.engines.registry import memory_estimate
from fittool.engines.settings import Numpy, Torch
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import SparseCategoricalCrossentropy
from fittool.nn.objectives import Objective
from fittool.nn.optimizers import SGD, Adam, Optimizer
from fittool.nn.presets import PRESETS

torch = pytest.importorskip("torch")

BATCH = 64
GRAPHS = {
    "mlp": Graph.build(PRESETS.parse({"mlp": {"units": [2048, 2048]}}).expand(10), {"x": (64,)}),
    "simple_cnn": Graph.build(PRESETS.parse("simple_cnn").expand(10), {"x": (32, 32, 3)}),
    "resnet20": Graph.build(PRESETS.parse("resnet20").expand(10), {"x": (32, 32, 3)}),
    "sequence": Graph.build(
        [nn.Embedding(1000, 64), nn.LSTM(64, return_sequences=True), nn.GlobalAveragePooling1D(), nn.Dense(10, "softmax")],
        {"x": (40,)},
    ),
}


def estimate(graph: Graph, setting: Torch, optimizer: Optimizer, **options: Any) -> MemoryEstimate:
    objectives = {graph.outputs[0]: Objective(SparseCategoricalCrossentropy())}
    found = memory_estimate(setting, graph, objectives, optimizer, BATCH, **options)
    assert found is not None
    return found


def peak(graph: Graph, setting: Torch) -> int:
    """The most bytes that a step holds beside what stands before it, by PyTorch's profiler."""
    from torch.profiler import ProfilerActivity, profile

    from fittool.engines.torch_engine import TorchEngine

    engine = TorchEngine(graph, setting, loss=SparseCategoricalCrossentropy(), optimizer=Adam())
    (shape,) = graph.inputs.values()
    images = np.zeros((BATCH, *shape), np.int64 if len(shape) == 1 and shape[0] == 40 else np.uint8)
    batch = Batch((images,), (np.zeros(BATCH, int),))
    engine.train_step(batch)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        engine.train_step(batch)
    changes = [event.nbytes() for event in found.profiler.kineto_results.events() if event.name() == "[memory]"]
    return int(np.cumsum(changes).max())


@pytest.mark.filterwarnings("ignore")  # PyTorch's profiler warns of memory that it did not see come
@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("mlp", Torch("cpu")),
        ("simple_cnn", Torch("cpu")),
        ("resnet20", Torch("cpu")),
        ("sequence", Torch("cpu")),
        ("simple_cnn", Torch("cpu", "bf16")),
        ("resnet20", Torch("cpu", "bf16")),
        ("simple_cnn", Torch("cpu", recompute=("*",))),
        ("resnet20", Torch("cpu", recompute=("*",))),
    ],
)
def test_a_step_takes_about_what_is_said(name: str, setting: Torch) -> None:
    needed = estimate(GRAPHS[name], setting, Adam())
    assert 0.7 < (needed.activations + needed.gradients) / peak(GRAPHS[name], setting) < 1.35


@pytest.mark.filterwarnings("ignore")
def test_what_is_computed_anew_takes_less_memory() -> None:
    kept, anew = (peak(GRAPHS["resnet20"], Torch("cpu", recompute=layers)) for layers in ((), ("*",)))
    assert anew < 0.6 * kept


def test_what_stands_is_counted_exactly() -> None:
    weights = 4 * GRAPHS["mlp"].parameter_count
    adam, plain = (estimate(GRAPHS["mlp"], Torch("cpu"), one, kept=1000, of_sample=64) for one in (Adam(), SGD()))
    assert weights <= adam.weights <= weights * 1.001  # each begins at a multiple of 64 bytes
    assert adam.optimizer == 2 * adam.gradients == 2 * adam.weights
    assert plain.optimizer == 0
    assert adam.samples == 1000 + 2 * 64 * BATCH
    assert adam.total == adam.weights + adam.gradients + adam.optimizer + adam.activations + adam.samples


def test_weights_that_do_not_learn_have_no_gradients() -> None:
    frozen = estimate(GRAPHS["mlp"].with_trainable([]), Torch("cpu"), Adam())
    assert (frozen.gradients, frozen.optimizer) == (0, 0)
    assert frozen.weights > 0


def test_a_network_that_looks_at_its_numbers_is_counted_by_its_outputs() -> None:
    """A table refuses numbers that it has no row for, so it reads them."""
    from fittool.engines.torch_engine.memory import estimate as module

    def reads(*_: Any) -> tuple[int, int]:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "_dry_run", reads)
        found = estimate(GRAPHS["simple_cnn"], Torch("cpu"), Adam()).activations
    assert 0.5 < found / estimate(GRAPHS["simple_cnn"], Torch("cpu"), Adam()).activations < 4


def test_more_than_there_is_is_too_much_and_told_in_words() -> None:
    small = MemoryEstimate(
        "cuda", 2**20, 2**20, 2**21, 2**31, 0, 2**30, "which has 1.0 GiB: 0.0 are this process's, 0.9 are free"
    )
    assert small.is_too_much
    assert str(small) == (
        "needs about 2.0 GiB in the memory of cuda (weights 1 MiB, gradients 1 MiB, optimizer 2 MiB, activations 2.0 GiB), "
        "which has 1.0 GiB: 0.0 are this process's, 0.9 are free"
    )


def test_a_device_that_is_not_here_is_no_error() -> None:
    needed = estimate(GRAPHS["mlp"], Torch("cuda:99"), Adam())
    assert (needed.device, needed.free, needed.is_too_much) == ("cuda:99", None, False)
    assert needed.there == "which is not in this machine"


def test_the_numpy_engine_has_no_device() -> None:
    objectives = {GRAPHS["mlp"].outputs[0]: Objective(SparseCategoricalCrossentropy())}
    assert memory_estimate(Numpy(), GRAPHS["mlp"], objectives, Adam(), BATCH) is None
