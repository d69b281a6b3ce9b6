"""The scale of targets in the engine: losses on it, metrics and predictions in the targets' own unit."""

from __future__ import annotations

import numpy as np
import pytest

from fittool.data.batch import Batch
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn import losses, metrics
from fittool.nn.graph import Graph
from fittool.nn.layers import Dense
from fittool.nn.objectives import Objective, value_names
from fittool.nn.optimizers import SGD
from fittool.nn.output_targets import OutputTargets, TargetScale

CHANCE = np.random.default_rng(0)
X = CHANCE.normal(size=(12, 3)).astype(np.float32)
Y = CHANCE.normal(size=(12, 2)) * [800, 14] + [4200, 200]
WEIGHT = np.linspace(0.5, 2, 12).astype(np.float32)
GRAPH = Graph.build([Dense(units=2, name="out")], {"input": (3,)})
LOSSES = [losses.MeanSquaredError(), losses.MeanAbsoluteError(), losses.Huber(), losses.LogCosh()]
MEASURED = (metrics.MeanAbsoluteError(), metrics.RootMeanSquaredError(), metrics.R2Score())


def engine(loss, kind=None, names=(), optimizer=None):
    scale = None if kind is None else TargetScale.learn(kind, Y, 2)
    objective = Objective(loss, metrics=MEASURED, target_shape=(2,), numbers=OutputTargets(names, scale))
    return NumpyEngine(GRAPH, objectives={"out": objective}, optimizer=optimizer, seed=3, threads=1)


@pytest.mark.parametrize("kind", ["standard", "log"])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.keras_name)
def test_training_is_that_on_targets_that_were_scaled_before(loss, kind):
    scaled, plain = engine(loss, kind, optimizer=SGD(0.1)), engine(loss, optimizer=SGD(0.1))
    before = TargetScale.learn(kind, Y, 2).scale(Y)
    for _ in range(5):
        scaled.train_step(Batch((X,), (Y,), WEIGHT))
        plain.train_step(Batch((X,), (before,), WEIGHT))
    assert scaled.metrics()["loss"] == plain.metrics()["loss"]
    for name, array in plain.state(("weights", "optimizer")).items():
        np.testing.assert_array_equal(scaled.state()[name], array)


@pytest.mark.parametrize("kind", ["standard", "log"])
def test_predictions_and_metrics_are_in_the_targets_unit(kind):
    scaled, plain = engine(losses.MeanSquaredError(), kind), engine(losses.MeanSquaredError())
    (outputs,) = scaled.predict_step((X,))
    assert outputs.dtype == np.float32
    undone = TargetScale.learn(kind, Y, 2).undo(plain.predict_step((X,))[0])
    np.testing.assert_allclose(outputs, undone, rtol=1e-6)
    scaled.test_step(Batch((X,), (Y,)))
    measured = scaled.metrics()
    assert measured["mean_absolute_error"] == pytest.approx(np.abs(undone - Y).mean(), rel=1e-9)
    assert measured["root_mean_squared_error"] == pytest.approx(np.sqrt(((undone - Y) ** 2).mean()), rel=1e-9)


@pytest.mark.parametrize("kind", ["standard", "log"])
def test_outputs_from_elsewhere_are_measured_as_the_network_s_own(kind):
    once, twice = engine(losses.Huber(), kind), engine(losses.Huber(), kind)
    once.test_step(Batch((X,), (Y,), WEIGHT))
    twice.update_metrics(twice.predict_step((X,)), Batch((X,), (Y,), WEIGHT))
    assert twice.metrics() == pytest.approx(once.metrics(), rel=1e-5)


@pytest.mark.parametrize("kind", [None, "standard"])
def test_each_target_with_a_name_has_its_own_figure(kind):
    both = engine(losses.MeanSquaredError(), kind, names=("grams", "mm"))
    both.test_step(Batch((X,), (Y,)))
    measured, (outputs,) = both.metrics(), both.predict_step((X,))
    for column, name in enumerate(("grams", "mm")):
        error = np.abs(outputs - Y).mean(axis=0)[column]
        assert measured[f"mean_absolute_error_{name}"] == pytest.approx(error, rel=1e-6)
    each = [measured[f"mean_absolute_error_{name}"] for name in ("grams", "mm")]
    assert measured["mean_absolute_error"] == pytest.approx(np.mean(each))
    scores = [measured[f"r2_score_{name}"] for name in ("grams", "mm")]
    assert measured["r2_score"] == pytest.approx(np.mean(scores))


def test_an_engine_that_only_predicts_undoes_the_scale():
    numbers = OutputTargets(scale=TargetScale("standard", (10.0, 20.0), (2.0, 4.0)))
    alone = NumpyEngine(GRAPH, objectives={"out": Objective(numbers=numbers)}, seed=3, threads=1)
    assert value_names({"out": Objective(numbers=numbers)}) == ()
    plain = NumpyEngine(GRAPH, seed=3, threads=1)
    np.testing.assert_allclose(alone.predict_step((X,))[0], plain.predict_step((X,))[0] * [2, 4] + [10, 20], rtol=1e-6)


def test_a_sequence_of_targets_without_its_last_axis():
    graph = Graph.build([Dense(units=1, name="out")], {"input": (5, 3)})
    x, y = CHANCE.normal(size=(4, 5, 3)).astype(np.float32), CHANCE.normal(50, 9, size=(4, 5))
    numbers = OutputTargets(scale=TargetScale.learn("standard", y, 1))
    objective = Objective(losses.MeanSquaredError(), metrics=(metrics.MeanAbsoluteError(),), target_shape=(5,), numbers=numbers)
    one = NumpyEngine(graph, objectives={"out": objective}, threads=1)
    one.test_step(Batch((x,), (y,)))
    (outputs,) = one.predict_step((x,))
    assert outputs.shape == (4, 5, 1)
    assert one.metrics()["mean_absolute_error"] == pytest.approx(np.abs(outputs[..., 0] - y).mean(), rel=1e-6)
