"""Intervals of running values: sums of units that are drawn, whatever the value is made of."""

from __future__ import annotations

import numpy as np
import pytest

from fittool import layers
from fittool.data.batch import Batch
from fittool.experiment.results.samples import MeasuredSamples, are_kept, intervals_of
from fittool.model.model import Model
from fittool.nn.accumulators import running_values
from fittool.nn.objectives import with_target_shapes
from fittool.results.bootstrap import draws, interval_of, unit_of

ENGINES = ["numpy", pytest.param("torch", marks=pytest.mark.skipif("not __import__('importlib').util.find_spec('torch')"))]


def measured(engine_name, count, metrics, loss="mse", weights=False):
    """An engine, and samples that it has measured in batches of 7."""
    chance = np.random.default_rng(3)
    x, y = chance.normal(size=(count, 3)).astype(np.float32), chance.normal(size=(count, 1)).astype(np.float32)
    model = Model([layers.Dense(1)], input_shape=(3,), engine=engine_name, seed=1)
    model.compile("adam", loss, metrics=metrics)
    engine = model.network.for_targets([(1,)], learns=False)
    samples = MeasuredSamples()
    for start in range(0, count, 7):
        part = slice(start, start + 7)
        weight = None if not weights else chance.uniform(size=len(x[part])).astype(np.float32)
        batch = Batch((x[part],), (y[part],), weight)
        samples.add(engine.evaluate_step(batch), batch)
    return engine, samples, engine.metrics(), model


def sums_of(model):
    """What the sums behind the running values mean."""
    graph = model.network.graph
    return running_values(with_target_shapes(model.network.compiled.objectives, [(1,)]), graph.output_shapes)


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize("count", [25, 2100])
def test_the_interval_of_a_mean_is_that_of_its_samples(engine_name, count):
    engine, samples, values, model = measured(engine_name, count, ["mae"])
    found = intervals_of(engine, samples, sums_of(model))
    assert set(found) == set(values)
    errors = np.abs(samples.outputs[0] - samples.targets[0])[:, 0].astype(np.float64)
    units = unit_of(count)
    sums, sizes = np.bincount(units, weights=errors), np.bincount(units).astype(float)
    drawn = draws(len(sums))
    expected = interval_of(drawn @ sums / (drawn @ sizes), count)
    assert (found["mae"].low, found["mae"].high) == pytest.approx((expected.low, expected.high), rel=1e-5)
    assert found["mae"].low < values["mae"] < found["mae"].high


@pytest.mark.parametrize("engine_name", ENGINES)
def test_values_that_are_no_means_have_intervals_too(engine_name):
    engine, samples, values, model = measured(engine_name, 60, ["r2_score", "RootMeanSquaredError"], weights=True)
    for name, interval in intervals_of(engine, samples, sums_of(model)).items():
        assert interval.low < values[name] < interval.high


def test_samples_are_what_was_measured():
    _, samples, _, model = measured("numpy", 25, [])
    assert len(samples) == 25
    chance = np.random.default_rng(3)
    np.testing.assert_allclose(samples.outputs[0], model.predict(chance.normal(size=(25, 3)).astype(np.float32)), rtol=1e-5)
    assert samples.sample_weight is None


def test_a_network_with_images_for_outputs_keeps_no_samples():
    assert are_kept({"a": (10,), "b": (1,)})
    assert not are_kept({"a": (64, 64, 3)})
    engine, _, _, model = measured("numpy", 7, [])
    assert intervals_of(engine, MeasuredSamples(wanted=False), sums_of(model)) == {}
