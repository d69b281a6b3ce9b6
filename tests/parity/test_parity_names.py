"""Results, functions as metrics, and utilities, against Keras's own."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fittool as ft

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 40)
Z = np.random.default_rng(2).normal(size=(40, 2)).astype(np.float32)


def built(library):
    """A network with two outputs, in either library, from the same weights."""
    layers = library.layers
    inputs = library.Input(shape=(4,), name="numbers")
    hidden = layers.Dense(8, activation="tanh")(inputs)
    outputs = [layers.Dense(3, activation="softmax", name="kind")(hidden), layers.Dense(2, name="size")(hidden)]
    model = library.Model(inputs, outputs)
    generator = np.random.default_rng(3)
    model.set_weights([generator.normal(0, 0.5, array.shape) for array in model.get_weights()])
    return model


COMPILED = {
    "losses alone": {},
    "a metric each": {"metrics": {"size": ["mae"], "kind": ["accuracy"]}},
    "lists": {"metrics": [["accuracy"], ["mae", "msle"]], "loss_weights": [2.0, 0.5]},
}


@pytest.mark.parametrize("compiled", COMPILED.values(), ids=COMPILED)
@pytest.mark.parametrize("call", ["evaluate", "test_on_batch", "train_on_batch"])
def test_results_have_keras_order(compiled, call):
    found = []
    for library in (keras, ft):
        model = built(library)
        model.compile("sgd", {"kind": "sparse_categorical_crossentropy", "size": "mse"}, **compiled)
        found.append(getattr(model, call)(X, [Y, Z], **({"verbose": 0} if call == "evaluate" else {})))
    assert isinstance(found[1], list) and found[1] == pytest.approx(found[0], rel=1e-4)


def test_one_value_is_a_number_in_both():
    found = []
    for library in (keras, ft):
        model = library.Sequential([library.Input(shape=(4,)), library.layers.Dense(1)])
        model.set_weights([np.ones((4, 1)), np.zeros(1)])
        model.compile("sgd", "mae")
        found.append([np.float64(model.evaluate(X, Z[:, 0], verbose=0)), np.ndim(model.test_on_batch(X, Z[:, 0]))])
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def per_sample(y_true, y_pred):
    return abs(y_true - y_pred[:, 0])


def per_value(y_true, y_pred):
    return (y_true[:, None] - y_pred) ** 2


def per_batch(y_true, y_pred):
    return y_pred.sum()


@pytest.mark.parametrize(
    ("function", "weights"),
    [(per_sample, None), (per_value, None), (per_batch, None), (per_sample, np.arange(40) / 10), (per_value, np.arange(40) / 10)],
)
def test_functions_are_metrics_as_in_keras(function, weights):
    found = []
    for library in (keras, ft):
        model = library.Sequential([library.Input(shape=(4,)), library.layers.Dense(1)])
        model.set_weights([np.ones((4, 1)), np.zeros(1)])
        model.compile("sgd", "mse", metrics=[function], weighted_metrics=[function])
        result = model.evaluate(X, Y.astype("float32"), batch_size=10, sample_weight=weights, verbose=0, return_dict=True)
        found.append({name: float(value) for name, value in result.items()})
    assert found[1] == pytest.approx(found[0], rel=1e-5)


@pytest.mark.parametrize("numbers", [[0, 2, 1], np.array([[0], [1]]), np.array([[0, 1], [2, 0]]), [0.0, 1.0]])
def test_one_hot_rows_are_keras(numbers):
    ours, theirs = ft.utils.to_categorical(numbers), keras.utils.to_categorical(numbers)
    assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"target_size": (3, 2)},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"target_size": (9, 9), "interpolation": "bilinear"},
    ],
)
def test_images_are_keras(tmp_path, arguments):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    ft.utils.save_img(tmp_path / "a.png", pixels, scale=False)
    ours, theirs = (utils.img_to_array(utils.load_img(tmp_path / "a.png", **arguments)) for utils in (ft.utils, keras.utils))
    assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


def test_arrays_become_keras_images():
    numbers = np.random.default_rng(0).normal(size=(4, 3, 3))
    ours, theirs = (np.asarray(utils.array_to_img(numbers)) for utils in (ft.utils, keras.utils))
    assert np.array_equal(ours, theirs)


def branched(library):
    """A network whose branches have different lengths."""
    layers = library.layers
    a, b = library.Input(shape=(4,), name="a"), library.Input(shape=(2,), name="b")
    short = layers.Dense(3)(b)
    long = layers.Dense(3)(layers.Dense(5)(layers.BatchNormalization()(a)))
    joined = layers.add([short, long])
    aside = layers.Dense(7)(long)
    return library.Model([b, a], [layers.Dense(1)(aside), layers.concatenate([joined, aside])])


def test_layers_and_weights_have_keras_order():
    theirs, ours = branched(keras), branched(ft)
    assert [array.shape for array in ours.get_weights()] == [array.shape for array in theirs.get_weights()]
    kinds = [layer.__class__.__name__.replace("InputLayer", "Input") for layer in theirs.layers]
    assert [layer.__class__.__name__ for layer in ours.layers] == kinds
    ours.set_weights(theirs.get_weights())
    for one, other in zip(ours.predict([X[:, :2], X]), theirs.predict([X[:, :2], X], verbose=0), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
