"""A model's layers: their arguments, their weights, and whether they learn."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft
from fittool.layers import BatchNormalization, Dense


@pytest.fixture
def model(make):
    return make(optimizer="adam")


def test_layers_are_found_by_name_and_by_place(model):
    assert model.get_layer("dense_1").name == model.get_layer(index=1).name == model.layers[-1].name == "dense_1"
    first = model.layers[0]
    assert (first.units, first.activation, first.output_shape, first.count_params()) == (8, "tanh", (None, 8), 40)
    assert isinstance(first, Dense) and not isinstance(first, BatchNormalization) and repr(first) == "<Dense dense>"
    assert first.input is model.input and model.layers[1].input is first.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": "conv"}, "No layer is called conv. There are dense, dense_1"),
        ({"index": 2}, "There is no layer 2: the model has 2"),
        ({}, "takes the name of a layer, or its index"),
        ({"name": "dense", "index": 0}, "takes the name of a layer, or its index"),
    ],
)
def test_a_layer_that_is_not_there_is_told(model, arguments, text):
    with pytest.raises(ValueError, match=text):
        model.get_layer(**arguments)


def test_weights_of_a_layer_are_copied_out_and_in(model, x):
    kernel, bias = model.layers[1].get_weights()
    assert (kernel.shape, bias.shape) == ((8, 3), (3,))
    model.layers[1].set_weights([kernel * 0, bias + np.eye(3)[0]])
    assert np.allclose(model.predict(x)[:, 0], np.e / (np.e + 2), atol=1e-5)
    with pytest.raises(ValueError, match=r"dense\.set_weights got 1 arrays, but the layer has 2"):
        model.layers[0].set_weights([kernel])
    with pytest.raises(ValueError, match=r"dense/bias has shape \(8,\), but got \(3,\)"):
        model.layers[0].set_weights([np.ones((4, 8)), bias])


@pytest.mark.parametrize("when", ["before compile", "after compile", "after fit"])
def test_a_layer_that_does_not_learn_stays_as_it_is(make, x, y, when):
    model = ft.Model([Dense(8, "tanh"), Dense(3, "softmax")], input_shape=(4,))
    freeze = lambda: setattr(model.layers[0], "trainable", False)  # noqa: E731
    if when == "before compile":
        freeze()
    model.compile("adam", "sparse_categorical_crossentropy")
    if when == "after compile":
        freeze()
    if when == "after fit":
        model.fit(x, y, epochs=1, verbose=0)
        freeze()
    before = model.get_weights()
    model.fit(x, y, epochs=3, verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert moved == [False, False, True, True]
    assert (model.layers[0].trainable, model.layers[1].trainable, model.trainable) == (False, True, True)
    assert [len(model.trainable_weights), len(model.non_trainable_weights), len(model.weights)] == [2, 2, 4]
    assert [len(model.layers[0].trainable_weights), len(model.layers[0].non_trainable_weights)] == [0, 2]


def test_freezing_is_the_same_as_a_layer_that_was_made_so(make, x, y):
    frozen, made = make(), ft.Model([Dense(8, "tanh", trainable=False), Dense(3, "softmax")], input_shape=(4,), seed=7)
    made.compile({"SGD": {"learning_rate": 0.1}}, "sparse_categorical_crossentropy")
    frozen.layers[0].trainable = False
    assert frozen.fit(x, y, epochs=2, verbose=0).history == made.fit(x, y, epochs=2, verbose=0).history


def test_the_optimizer_goes_on_where_layers_learn_again(model, x, y):
    model.fit(x, y, epochs=2, verbose=0)
    steps = model.optimizer.iterations
    model.trainable = False
    assert not model.trainable and model.trainable_weights == []
    model.trainable = True
    assert model.optimizer.iterations == steps
    model.compile("adam", "sparse_categorical_crossentropy")
    assert model.optimizer.iterations == 0


def test_what_does_not_learn_is_kept_in_the_file(model, x, y):
    model.fit(x, y, epochs=1, verbose=0)
    model.layers[0].trainable = False
    model.save("m.safetensors")
    loaded = ft.load_model("m.safetensors")
    assert [layer.trainable for layer in loaded.layers] == [False, True]
    before = loaded.layers[0].get_weights()
    loaded.fit(x, y, epochs=2, initial_epoch=1, verbose=0)
    assert np.array_equal(before[0], loaded.layers[0].get_weights()[0])


def test_layers_are_frozen_kind_by_kind(x, y):
    model = ft.Sequential([ft.Input((4,)), Dense(8), BatchNormalization(), Dense(3, "softmax")])
    for layer in model.layers:
        if not isinstance(layer, BatchNormalization):
            layer.trainable = False
    assert [array.shape for array in model.trainable_weights] == [(8,), (8,)]


def test_layers_cannot_be_frozen_while_a_training_is_under_way(model, x, y):
    freeze = ft.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(model.layers[0], "trainable", False))
    with pytest.raises(Exception, match="Set trainable before fit"):
        model.fit(x, y, epochs=1, verbose=0, callbacks=[freeze])


def test_trainable_is_a_truth_value(model):
    with pytest.raises(TypeError, match="trainable must be True or False; got 'no'"):
        model.layers[0].trainable = "no"


def test_arguments_cannot_be_set(model):
    with pytest.raises(AttributeError, match="units"):
        model.layers[0].units = 3


def test_a_freeze_reaches_models_that_are_built_on_afterwards(model, x):
    model.layers[0].trainable = False
    part = ft.Model(model.input, model.output)
    assert [layer.trainable for layer in part.layers] == [True, False, True]
