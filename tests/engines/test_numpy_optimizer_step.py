from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.engines.numpy_engine.optimizer_step import Clipping
from fittool.engines.numpy_engine.thread_pool import ThreadPool
from fittool.nn.graph import Graph
from fittool.nn.layers import Dense
from fittool.nn.losses import MeanSquaredError
from fittool.nn.optimizers import SGD, Adam, Muon, Optimizer
from fittool.nn.schedules import PiecewiseConstantDecay

INPUTS = np.array([[3.0], [4.0], [6.0], [8.0]])


def engine_of(optimizer: Optimizer, *, units: int = 1, size: int = 1, threads: int = 1, dtype: Any = np.float64) -> NumpyEngine:
    """One layer without a bias, whose weights start at 2."""
    graph = Graph.build([Dense(units, use_bias=False)], {"input": (size,)})
    weights = {"dense/kernel": np.full((size, units), 2.0)}
    return NumpyEngine(
        graph, loss=MeanSquaredError(), target_shape=(units,), optimizer=optimizer, threads=threads, dtype=dtype, weights=weights
    )


def trained(optimizer: Optimizer, steps: int, engine: NumpyEngine | None = None) -> tuple[NumpyEngine, list[float]]:
    """The engine, and its weight after each step. Step s sees an input x with target w x - 1/2, so that the gradient is x."""
    engine = engine_of(optimizer) if engine is None else engine
    weights = []
    for step in range(engine.iterations, engine.iterations + steps):
        x = INPUTS[step % 4, None]
        engine.train_step(Batch((x,), (x * weight_of(engine) - 0.5,)))
        weights.append(weight_of(engine))
    return engine, weights


def weight_of(engine: NumpyEngine) -> float:
    return float(engine.state()["weights/dense/kernel"].flat[0])


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (SGD(1.0), [-1, -5, -11]),
        (SGD(1.0, clipvalue=3.5), [-1, -4.5, -8]),
        (SGD(1.0, clipnorm=4.0), [-1, -5, -9]),
        (SGD(1.0, global_clipnorm=4.0), [-1, -5, -9]),
        (SGD(1.0, weight_decay=0.5, clipvalue=1.0), [0, -1, -1.5]),
    ],
)
def test_clipping_comes_before_the_step_and_spares_the_decay(optimizer: Optimizer, expected: list[float]) -> None:
    assert trained(optimizer, 3)[1] == pytest.approx(expected)


def clipped(optimizer: Optimizer, threads: int = 1) -> dict[str, np.ndarray]:
    """The weights after a step with gradients of two arrays."""
    graph = Graph.build([Dense(70_000)], {"input": (2,)})
    engine = NumpyEngine(graph, loss=MeanSquaredError(), target_shape=(70_000,), optimizer=optimizer, threads=threads)
    before = engine.state()
    targets = np.random.default_rng(1).normal(0, 1e5, (1, 70_000)).astype(np.float32)
    engine.train_step(Batch((np.array([[3.0, 4.0]], np.float32),), (targets,)))
    return {name: before[name] - engine.state()[name] for name in ("weights/dense/kernel", "weights/dense/bias")}


def test_clipnorm_limits_each_array() -> None:
    norms = [np.linalg.norm(change) for change in clipped(SGD(1.0, clipnorm=0.5)).values()]
    assert norms == pytest.approx([0.5, 0.5], rel=1e-3)


def test_global_clipnorm_limits_all_together_and_keeps_their_ratio() -> None:
    kernel, bias = (np.linalg.norm(change) for change in clipped(SGD(1.0, global_clipnorm=0.5)).values())
    assert np.hypot(kernel, bias) == pytest.approx(0.5, rel=1e-3)
    assert kernel / bias == pytest.approx(5, rel=1e-2)


@pytest.mark.parametrize("optimizer", [Adam(clipnorm=0.5), Adam(global_clipnorm=0.5, use_ema=True)], ids=["each", "all"])
def test_the_number_of_threads_changes_nothing(optimizer: Optimizer) -> None:
    one, three = clipped(optimizer), clipped(optimizer, threads=3)
    for name, change in one.items():
        np.testing.assert_array_equal(change, three[name])


@pytest.mark.parametrize(("optimizer", "spoiled"), [(SGD(clipnorm=1.0), False), (SGD(global_clipnorm=1.0), True)])
def test_a_gradient_that_is_no_number_spreads_over_what_is_normed(optimizer: Optimizer, spoiled: bool) -> None:
    gradients = np.array([1.0, np.nan, 1.0])
    Clipping(optimizer, gradients, [(0, 1), (1, 3)], 2, ThreadPool(1)).apply()
    assert np.isnan(gradients).tolist() == [spoiled, True, True]


def test_gradients_within_the_limit_stay_as_they_are() -> None:
    gradients = np.array([3.0, 4.0])
    Clipping(SGD(clipnorm=5.0), gradients, [(0, 2)], 1, ThreadPool(1)).apply()
    assert gradients.tolist() == [3.0, 4.0]


def test_groups_of_steps_are_averaged_and_run_on() -> None:
    _, weights = trained(SGD(1.0, gradient_accumulation_steps=3), 6)
    assert weights == pytest.approx([2, 2, 2 - 13 / 3, 2 - 13 / 3, 2 - 13 / 3, 2 - 28 / 3])


def test_decay_and_clipping_belong_to_whole_groups() -> None:
    _, weights = trained(SGD(1.0, gradient_accumulation_steps=2, weight_decay=0.5, clipvalue=1.0), 4)
    assert weights == pytest.approx([2, 0, 0, -1])


def test_schedules_count_steps_and_optimizers_updates() -> None:
    schedule = PiecewiseConstantDecay((0, 1, 2), (9.0, 1.0, 9.0, 0.5))
    engine, weights = trained(Adam(schedule, gradient_accumulation_steps=2, epsilon=0.0), 4)
    _, alone = trained(Adam(1.0, epsilon=0.0), 1)
    assert weights[1] == pytest.approx(alone[0])
    assert engine.iterations == 4


def test_the_average_follows_the_weights_and_replaces_them_in_the_end() -> None:
    engine, weights = trained(SGD(1.0, use_ema=True, ema_momentum=0.75), 3)
    assert weights == pytest.approx([-1, -5, -11])
    average = 0.75 * (0.75 * -1 + 0.25 * -5) + 0.25 * -11
    assert engine.state()["optimizer/average/dense/kernel"].flat[0] == pytest.approx(average)
    engine.finish_training()
    assert weight_of(engine) == pytest.approx(average)


def test_the_average_replaces_the_weights_every_few_updates() -> None:
    _, weights = trained(SGD(1.0, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2), 3)
    assert weights == pytest.approx([-1, -3, -9])


def test_the_average_goes_by_steps_and_its_start_and_frequency_by_updates() -> None:
    engine, _ = trained(SGD(1.0, use_ema=True, ema_momentum=0.5, gradient_accumulation_steps=2), 3)
    assert engine.state()["optimizer/average/dense/kernel"].flat[0] == pytest.approx(2 - 3.5)


@pytest.mark.parametrize("optimizer", [SGD(), SGD(use_ema=True)])
def test_nothing_is_replaced_where_nothing_was_averaged(optimizer: Optimizer) -> None:
    engine = engine_of(optimizer)
    engine.finish_training()
    assert weight_of(engine) == 2


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_training_goes_on_from_a_state(steps: int) -> None:
    optimizer = Adam(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2, gradient_accumulation_steps=3)
    engine, _ = trained(optimizer, steps)
    other = engine_of(optimizer)
    other.load_state(engine.state())
    trained(optimizer, 4, other)
    whole = trained(optimizer, steps + 4)[0].state()
    assert all(np.array_equal(array, other.state()[name]) for name, array in whole.items() if not name.startswith("metrics/"))


def test_only_what_is_used_is_kept() -> None:
    assert {name for name in engine_of(SGD()).state() if name.startswith("optimizer/")} == {
        "optimizer/iterations",
        "optimizer/learning_rate",
    }


def of_muon(threads: int) -> NumpyEngine:
    """Three steps of a network whose matrices are larger than a piece."""
    graph = Graph.build([Dense(300), Dense(300), Dense(2, name="head")], {"input": (300,)})
    optimizer = Muon(exclude_layers=("head",))
    engine = NumpyEngine(graph, loss=MeanSquaredError(), target_shape=(2,), optimizer=optimizer, threads=threads)
    generator = np.random.default_rng(0)
    for _ in range(3):
        engine.train_step(Batch((generator.normal(size=(8, 300)),), (generator.normal(size=(8, 2)),)))
    return engine


def test_muon_gives_the_same_bits_on_any_number_of_threads() -> None:
    one, two = of_muon(1).state(), of_muon(2).state()
    assert one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in one)


def test_muon_keeps_a_mean_square_only_of_what_adam_moves() -> None:
    engine = of_muon(1)
    kept = {name.removeprefix("optimizer/velocity/") for name in engine.state() if "/velocity/" in name}
    assert kept == {"dense/bias", "dense_1/bias", "head/kernel", "head/bias"}
    assert set(engine.describe()) == set(engine.state())
