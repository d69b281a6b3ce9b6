"""Layers on the numbers of a table: values by hand, features that pass, and what they take from the training data."""

from __future__ import annotations

import numpy as np

import fittool as ft
from fittool.engines.numpy_engine import NumpyEngine
from fittool.nn import layers as nn
from fittool.nn.graph import Graph


def test_robust_scaling_limits_numbers_and_passes_other_features() -> None:
    graph = Graph.build([nn.RobustScaling(2, columns=(2,), name="scale")], {"input": (3,)})
    engine = NumpyEngine(graph, weights={"scale/center": np.array([10.0]), "scale/scale": np.array([0.5])})
    found = engine.predict_step((np.array([[7, 8, 10], [7, 8, 14], [7, 8, 1e9], [7, 8, -1e9]], np.float32),))[0]
    np.testing.assert_array_equal(found[:, :2], [[7, 8]] * 4)
    np.testing.assert_allclose(found[:, 2], [0, np.sqrt(2), 2, -2], rtol=1e-6)


def test_vectors_stand_behind_the_features_and_follow_the_bins() -> None:
    layer = nn.PiecewiseLinearEmbedding(3, 2, columns=(1,), name="embedding")
    kernel = np.array([[[1, 10], [2, 20], [4, 40]]], np.float32)
    weights = {"embedding/edges": np.array([[0.0, 1, 3, 3]]), "embedding/kernel": kernel}
    engine = NumpyEngine(Graph.build([layer], {"input": (2,)}), weights=weights)
    found = engine.predict_step((np.array([[5, -1], [5, 0.5], [5, 2], [5, 3], [5, 99]], np.float32),))[0]
    # Half of the first bin; the first and half of the second; both. The third has no width, and nothing beyond the edges counts.
    factors = np.array([0, 0.5, 2, 3, 3])
    np.testing.assert_allclose(found, np.stack([[5] * 5, [-1, 0.5, 2, 3, 99], factors, 10 * factors], axis=1))


def test_statistics_come_from_the_training_data_as_each_layer_sees_them() -> None:
    x = np.array([[0, 1], [1, 1], [2, 1], [3, 1], [400, 1]], np.float32)
    layers = [ft.layers.RobustScaling(columns=(0,)), ft.layers.PiecewiseLinearEmbedding(4, 1, columns=(0,)), ft.layers.Dense(1)]
    model = ft.Sequential([ft.Input(shape=(2,)), *layers])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    model.fit(x, np.zeros((5, 1), np.float32), epochs=1, verbose=0)
    center, scale = (array for array in model.layers[0].get_weights())
    np.testing.assert_array_equal((center, scale), [[2], [0.5]])
    z = (x[:, 0] - 2) / 2
    np.testing.assert_allclose(model.layers[1].get_weights()[0], [z / np.sqrt(1 + (z / 3) ** 2)], rtol=1e-6)


def test_statistics_are_taken_once() -> None:
    model = ft.Sequential([ft.Input(shape=(1,)), ft.layers.RobustScaling(), ft.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    x = np.arange(9, dtype=np.float32)[:, np.newaxis]
    model.fit(x, x, epochs=1, verbose=0)
    before = model.layers[0].get_weights()
    model.fit(100 * x, x, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.layers[0].get_weights(), before)


def test_gradient_of_a_far_value_is_finite() -> None:
    graph = Graph.build([nn.RobustScaling(), nn.PiecewiseLinearEmbedding(4, 2), nn.Dense(1)], {"input": (1,)})
    found = NumpyEngine(graph).predict_step((np.array([[1e18], [-1e18]], np.float32),))[0]
    assert np.isfinite(found).all()
