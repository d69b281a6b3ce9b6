"""Layers that join a training late move as if the training had begun with them; all others do not notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from engines.torch_pair import both_engines, train

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.settings import Torch
from fittool.engines.state import State
from fittool.engines.training_steps import StepCounter
from fittool.engines.update_counts import UpdateCounts, counts_of_beginners
from fittool.errors import CheckpointError
from fittool.kernels.library import open_library
from fittool.nn import layers as nn
from fittool.nn.graph import Graph
from fittool.nn.losses import MeanSquaredError
from fittool.nn.objectives import Objective
from fittool.nn.optimizers import (
    OPTIMIZERS,
    SGD,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    Nadam,
    Optimizer,
)
from fittool.nn.schedules import ExponentialDecay

BOTH = {"early", "late"}
SETTINGS: list[Optimizer] = [
    *(cls() for cls in OPTIMIZERS.members.values()),
    Adam(0.05, amsgrad=True, weight_decay=0.1, clipnorm=0.5),
    AdamW(0.05, use_ema=True, ema_momentum=0.9),
    Nadam(0.05, gradient_accumulation_steps=3),
    SGD(0.05, momentum=0.9, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3),
    Muon(0.05, exclude_layers=("early",), gradient_accumulation_steps=2, use_ema=True),
]
ENGINES = ["numpy", "native", "torch"]


def two_lines(optimizer: Optimizer, kind: str = "numpy", learning: Sequence[str] = ("early", "late")) -> Any:
    """Two layers side by side, each with an output of its own, so that neither sees what the other does."""
    if kind == "native" and open_library("auto") is None:
        pytest.skip("the kernels are not compiled")
    layers = [nn.Dense(5, "tanh", name=name, inputs=["x"]) for name in ("early", "late")]
    graph = Graph.build(layers, {"x": (4,)}, ["early", "late"])
    objectives = {name: Objective(MeanSquaredError(), target_shape=(5,)) for name in graph.outputs}
    options: dict[str, Any] = {"objectives": objectives, "optimizer": optimizer, "seed": 3}
    if kind == "torch":
        pytest.importorskip("torch")
        from fittool.engines.torch_engine import TorchEngine

        engine: Any = TorchEngine(graph, Torch(device="cpu", threads=1), **options)
    else:
        engine = NumpyEngine(graph, threads=1, kernels=kind, **options)
    engine.set_trainable(learning)
    return engine


def batches(count: int, first: int = 0) -> list[Batch]:
    """Batch after batch, each always the same."""
    made = []
    for number in range(first, first + count):
        numbers = np.random.default_rng(number).normal(size=(8, 14)).astype(np.float32)
        made.append(Batch((numbers[:, :4],), (numbers[:, 4:9], numbers[:, 9:])))
    return made


def of_layer(engine: Any, layer: str) -> dict[str, bytes]:
    """Bytes of the weights and slots of a layer."""
    state = engine.state(("weights", "optimizer"))
    return {name: array.tobytes() for name, array in state.items() if f"/{layer}/" in name and "/updates/" not in name}


def counts(state: State) -> dict[str, int]:
    return {name.removeprefix("optimizer/updates/"): int(array) for name, array in state.items() if "/updates/" in name}


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("optimizer", SETTINGS, ids=str)
def test_a_late_layer_moves_as_one_that_begins_and_the_others_do_not_notice(optimizer: Optimizer, kind: str) -> None:
    engine, before, alone = two_lines(optimizer, kind, ["early"]), two_lines(optimizer, kind), two_lines(optimizer, kind)
    train(engine, batches(6))
    train(before, batches(6))
    assert of_layer(engine, "early") == of_layer(before, "early")
    engine.set_trainable(BOTH)
    for one in (engine, before):
        train(one, batches(9, first=6))
    train(alone, batches(9, first=6))
    for one in (engine, before, alone):
        one.finish_training()
    assert of_layer(engine, "early") == of_layer(before, "early")
    assert of_layer(engine, "late") == of_layer(alone, "late")


@pytest.mark.parametrize("kind", ENGINES)
def test_first_steps_of_a_late_layer_are_the_rate(kind: str) -> None:
    engine = two_lines(Adam(0.001), kind, ["early"])
    train(engine, batches(300))
    engine.set_trainable(BOTH)
    before = engine.state()["weights/late/kernel"]
    train(engine, batches(1, first=300))
    np.testing.assert_allclose(np.abs(engine.state()["weights/late/kernel"] - before), 0.001, rtol=1e-2)


def test_the_rate_follows_the_optimizers_own_steps() -> None:
    engine = two_lines(Adam(ExponentialDecay(0.1, 1, 0.5)), "numpy", ["early"])
    train(engine, batches(4))
    engine.set_trainable(BOTH)
    before = engine.state()["weights/late/kernel"]
    train(engine, batches(1))
    np.testing.assert_allclose(np.abs(engine.state()["weights/late/kernel"] - before), 0.1 / 16, rtol=1e-2)


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("optimizer", [Adam(), Nadam(use_ema=True), Muon()], ids=str)
def test_a_state_with_late_layers_goes_on_to_the_same_bytes(optimizer: Optimizer, kind: str) -> None:
    engine = two_lines(optimizer, kind, ["early"])
    train(engine, batches(3))
    engine.set_trainable(BOTH)
    train(engine, batches(2, first=3))
    state = engine.state()
    other = two_lines(optimizer, kind)
    other.load_state(state)
    assert {name: (array.shape, array.dtype) for name, array in state.items()} == other.describe()
    assert list(other.state()) == list(state)
    for one in (engine, other):
        train(one, batches(4, first=5))
    assert {name: a.tobytes() for name, a in engine.state().items()} == {name: a.tobytes() for name, a in other.state().items()}


@pytest.mark.parametrize("optimizer", SETTINGS, ids=str)
def test_both_engines_agree(optimizer: Optimizer) -> None:
    pytest.importorskip("torch")
    graph = Graph.build([nn.Dense(5, "tanh", name=name) for name in ("one", "two", "three")], {"x": (4,)})
    target: dict[str, Any] = {"loss": MeanSquaredError(), "target_shape": (5,)}
    pair = both_engines(graph, optimizer=replace(optimizer, learning_rate=0.003), single=False, **target)
    data = [Batch(batch.inputs, batch.targets[:1]) for batch in batches(17)]
    for engine in pair:
        engine.set_trainable({"three"})
        train(engine, data[:6])
        engine.set_trainable({"one", "three"})
        train(engine, data[6:12])
        engine.set_trainable({"one", "two", "three"})
        train(engine, data[12:])
        engine.finish_training()
    one, other = (engine.state() for engine in pair)
    assert list(one) == list(other)
    for name, array in one.items():
        np.testing.assert_allclose(other[name], array, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kinds", [("numpy", "torch"), ("torch", "numpy")], ids=str)
def test_a_state_with_late_layers_goes_on_with_the_other_engine(kinds: tuple[str, str]) -> None:
    engine, other = two_lines(Nadam(), kinds[0], ["early"]), two_lines(Nadam(), kinds[1])
    train(engine, batches(30))
    engine.set_trainable(BOTH)
    train(engine, batches(2))
    other.load_state(engine.state())
    for one in (engine, other):
        train(one, batches(3))
    assert counts(engine.state()) == counts(other.state()) == {"late/kernel": 5, "late/bias": 5}
    for name, array in engine.state(("weights",)).items():
        np.testing.assert_allclose(other.state()[name], array, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_layer_that_pauses_keeps_its_count() -> None:
    engine, kept = two_lines(Adam()), ("late/kernel", "late/bias")
    train(engine, batches(2))
    assert counts(engine.state()) == {}
    engine.set_trainable({"early"})
    assert counts(engine.state()) == {}
    train(engine, batches(3))
    assert counts(engine.state()) == dict.fromkeys(kept, 2)
    other = two_lines(Adam(), learning=["early"])
    other.load_state(engine.state())
    for one in (engine, other):
        one.set_trainable(BOTH)
        train(one, batches(1))
        assert counts(one.state()) == dict.fromkeys(kept, 3)
    assert of_layer(engine, "late") == of_layer(other, "late")


def test_a_state_without_counts_is_that_of_weights_from_the_beginning() -> None:
    engine, other = two_lines(Adam()), two_lines(Adam())
    train(engine, batches(5))
    other.load_state(engine.state())
    for one in (engine, other):
        train(one, batches(1))
    assert of_layer(engine, "late") == of_layer(other, "late")
    assert counts(other.state()) == {}


def test_a_state_of_before_there_were_counts_tells_late_layers_by_their_slots() -> None:
    engine, other = two_lines(Adam(), learning=["early"]), two_lines(Adam(), learning=["early"])
    train(engine, batches(5))
    other.load_state({name: array for name, array in engine.state().items() if "/updates/" not in name})
    for one in (engine, other):
        one.set_trainable(BOTH)
        train(one, batches(1))
    assert counts(other.state()) == counts(engine.state()) == {"late/kernel": 1, "late/bias": 1}
    assert of_layer(engine, "late") == of_layer(other, "late")


def test_a_layer_that_joins_while_nothing_learns_is_new_as_well() -> None:
    """The state waits outside of an engine, and the next one is made with other layers."""
    engine, later = two_lines(Adam(), learning=["early"]), two_lines(Adam())
    train(engine, batches(5))
    later.load_state({name: array for name, array in engine.state().items() if not name.startswith("metrics/")})
    assert counts(later.state()) == {"late/kernel": 0, "late/bias": 0}


@pytest.mark.parametrize("kind", ENGINES)
def test_averages_of_a_layer_that_had_no_step_are_its_weights(kind: str) -> None:
    engine = two_lines(SGD(use_ema=True), kind, ["early"])
    train(engine, batches(2))
    engine.set_trainable(BOTH)
    before = engine.state()["weights/late/kernel"]
    engine.finish_training()
    assert np.array_equal(engine.state()["weights/late/kernel"], before)


@pytest.mark.parametrize("optimizer", [SGD(momentum=0.9), Lion()], ids=str)
def test_optimizers_that_correct_nothing_count_nothing(optimizer: Optimizer) -> None:
    engine = two_lines(optimizer, learning=["early"])
    train(engine, batches(2))
    engine.set_trainable(BOTH)
    assert counts(engine.state()) == {}
    with pytest.raises(CheckpointError, match="the network has no optimizer/updates/late/kernel"):
        engine.load_state({"optimizer/updates/late/kernel": np.array(1)})


@pytest.mark.parametrize(
    ("name", "array", "text"),
    [
        ("late/kernel", np.array(-1), "optimizer/updates/late/kernel is -1; a weight cannot have had fewer than 0 updates"),
        ("late/kernel", np.array([1]), r"optimizer/updates/late/kernel has shape \(1,\)"),
        ("late/kernel", np.array(1.0), "optimizer/updates/late/kernel is float64"),
        ("later/kernel", np.array(1), "the network has no optimizer/updates/later/kernel"),
    ],
)
def test_a_count_that_cannot_be_is_refused(name: str, array: np.ndarray, text: str) -> None:
    with pytest.raises(CheckpointError, match=text):
        two_lines(Adam()).load_state({f"optimizer/updates/{name}": array})


def test_weights_with_the_same_count_stand_together() -> None:
    counter, names = StepCounter(Adamax()), ["a/kernel", "a/bias", "b/kernel", "c/kernel"]
    found = UpdateCounts(Adamax(), counter, names, names)
    assert found.runs() == [(0, 4, 0)]
    counter.iterations = 7
    found.load_state({"optimizer/updates/b/kernel": np.array(2), **{f"optimizer/norm/{name}": np.array(0) for name in names}}, 0)
    assert found.runs() == [(0, 2, 0), (2, 3, 5), (3, 4, 0)]


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [(SGD(), 0), (Adam(), 1), (Adam(gradient_accumulation_steps=9), 0), (SGD(use_ema=True), 1)],
    ids=str,
)
def test_an_optimizer_that_begins_after_some_steps_begins_to_count(optimizer: Optimizer, expected: int) -> None:
    slots = ["optimizer/iterations", "optimizer/momentum/a/kernel", "optimizer/velocity/a/kernel"]
    assert counts(counts_of_beginners(optimizer, 8, slots)) == ({"a/kernel": 0} if expected else {})
