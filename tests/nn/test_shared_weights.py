"""Layers that share the weights of another: in the graph, from calls, and on every engine."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

import fittool as ft
from fittool.nn import layers as nn
from fittool.nn.graph import Graph, LayerError

ENGINES = ["numpy", pytest.param("torch", marks=pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch"))]


def _twins(layer: nn.Layer, **arguments: object) -> list[nn.Layer]:
    return [nn.Input(name="a"), nn.Input(name="b"), layer, nn.Dense(3, name="two", inputs=["b"], weights_of="one", **arguments)]


def test_shared_weights_count_once() -> None:
    layers = [*_twins(nn.Dense(3, name="one", inputs=["a"])), nn.Add(inputs=["one", "two"])]
    graph = Graph.build(layers, {"x": (4,), "y": (4,)})
    assert [name for name, _ in graph.weights()] == ["one/kernel", "one/bias"]
    assert graph.parameter_count == 15


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (nn.Dense(3, name="other", inputs=["a"]), {}, 'weights_of names "one", which is no earlier layer'),
        (nn.Dense(4, name="one", inputs=["a"]), {}, r"this one has \{'kernel': \(4, 3\), 'bias': \(3,\)\}. Both must be alike"),
        (nn.Dense(3, name="one", inputs=["a"]), {"use_bias": False}, "Both must be alike"),
        (nn.Dense(3, name="one", inputs=["a"]), {"trainable": False}, "only one of the two is trainable"),
    ],
)
def test_what_cannot_be_shared_is_refused(layer: nn.Layer, arguments: dict[str, object], message: str) -> None:
    layers = [*_twins(layer, **arguments), nn.Concatenate(inputs=[str(layer.name), "two"])]
    with pytest.raises(LayerError, match=message):
        Graph.build(layers, {"x": (4,), "y": (4,)})


def _model(engine: str, shared: bool) -> ft.Model:
    a, b = ft.Input(shape=(5,)), ft.Input(shape=(5,))
    layer = ft.layers.Dense(4, activation="tanh")
    first, second = layer(a), (layer if shared else ft.layers.Dense(4, activation="tanh"))(b)
    model = ft.Model([a, b], ft.layers.Dense(2)(ft.layers.Concatenate()([first, second])), engine=engine, seed=3)
    model.compile(optimizer={"SGD": {"learning_rate": 0.1}}, loss="mse")
    return model


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shared_layer_gets_the_gradients_of_all_its_uses(engine: str) -> None:
    shared, apart = _model(engine, True), _model(engine, False)
    kernel, bias, last, offset = shared.get_weights()
    apart.set_weights([kernel, bias, kernel, bias, last, offset])
    random = np.random.default_rng(1)
    x, y = [random.normal(size=(40, 5)).astype("f4") for _ in range(2)], random.normal(size=(40, 2)).astype("f4")
    np.testing.assert_allclose(shared.predict(x), apart.predict(x), atol=1e-6)
    for model in (shared, apart):
        model.train_on_batch(x, y)
    one, _, two, *_ = apart.get_weights()
    np.testing.assert_allclose(shared.get_weights()[0] - kernel, (one - kernel) + (two - kernel), atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_shared_batch_normalization_follows_both_batches(engine: str) -> None:
    a, b = ft.Input(shape=(3,)), ft.Input(shape=(3,))
    layer = ft.layers.BatchNormalization(momentum=0.5)
    model = ft.Model([a, b], ft.layers.Add()([layer(a), layer(b)]), engine=engine)
    model.compile(optimizer="sgd", loss="mse")
    x = np.ones((8, 3), "f4")
    model.train_on_batch([x, 3 * x], x)
    np.testing.assert_allclose(model.get_weights()[2], (0.5 * 0 + 0.5 * 1) * 0.5 + 0.5 * 3, atol=1e-5)
