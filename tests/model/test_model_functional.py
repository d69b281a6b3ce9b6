"""Networks that are written as calls of layers, and models on parts of others."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft
from fittool.errors import CheckpointError
from fittool.layers import Add, BatchNormalization, Concatenate, Dense, Flatten, concatenate


@pytest.fixture
def base():
    inputs = ft.Input(shape=(4,), name="numbers")
    return ft.Model(inputs, Dense(3, "softmax", name="last")(Dense(8, "tanh", name="first")(inputs)))


CALLS = {
    "places": lambda a, b: ft.Model(a, b),
    "names": lambda a, b: ft.Model(inputs=a, outputs=b),
    "mixed": lambda a, b: ft.Model(a, outputs=b),
    "lists": lambda a, b: ft.Model([a], [b]),
    "mapping": lambda a, b: ft.Model({"numbers": a}, b),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_chain_of_calls_is_the_chain(call, x):
    inputs = ft.Input(shape=(4,))
    model = call(inputs, Dense(3, "softmax")(Dense(8, "tanh")(inputs)))
    listed = ft.Model([Dense(8, "tanh"), Dense(3, "softmax")], input_shape=(4,))
    assert np.array_equal(model.predict(x), listed.predict(x))
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))


def test_symbolic_tensors_have_keras_shapes():
    image = ft.Input(shape=(8, 6, 1))
    convolved = ft.layers.Conv2D(5, 3)(image)
    assert (image.shape, convolved.shape, Flatten()(convolved).shape) == ((None, 8, 6, 1), (None, 6, 4, 5), (None, 120))
    assert convolved.ndim == 4
    with pytest.raises(ValueError, match=r"The input has no shape yet: Input\(shape=…\)"):
        Dense(3)(ft.Input())


def test_several_inputs_and_outputs_by_place_and_by_name(x, y, z):
    left, right = ft.Input(shape=(4,), name="left"), ft.Input(shape=(2,), name="right")
    both = concatenate([left, right])
    model = ft.Model([left, right], [Dense(3, "softmax", name="kind")(both), Dense(2, name="size")(both)], name="double")
    model.compile("sgd", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
    assert len(model.evaluate([x, z], [y, z], verbose=0)) == 3
    assert model.fit({"right": z, "left": x}, {"size": z, "kind": y}, epochs=1, verbose=0).history["size_loss"]
    assert [tensor.name for tensor in model.inputs] == ["left", "right"] and model.name == "double"
    assert [array.shape for array in model.predict([x, z])] == [(50, 3), (50, 2)]


def test_the_inputs_have_the_order_in_which_they_are_given(x, z):
    near, far = ft.Input(shape=(4,)), ft.Input(shape=(2,))
    model = ft.Model([near, far], Add()([Dense(3)(near), Dense(3)(Dense(5)(Dense(5)(far)))]))
    assert model.predict([x, z]).shape == (50, 3)
    assert next(layer.name for layer in model.layers) == "input_1"  # the one that is furthest from the output, as in Keras


def test_a_residual_network_computes_what_it_says(x):
    inputs = ft.Input(shape=(4,))
    model = ft.Model(inputs, Add()([inputs, Dense(4, use_bias=False)(inputs)]))
    (kernel,) = model.get_weights()
    assert np.allclose(model.predict(x), x + x @ kernel, atol=1e-5)


def test_a_layer_without_weights_may_be_called_twice(x):
    inputs, relu = ft.Input(shape=(4,)), ft.layers.ReLU(name="cut")
    model = ft.Model(inputs, Concatenate()([relu(inputs), relu(Dense(2)(inputs))]))
    assert model.predict(x).shape == (50, 6)
    assert {layer.name for layer in model.layers} >= {"cut", "cut_1"}


def test_a_deep_network_is_no_recursion(x):
    tensor = inputs = ft.Input(shape=(4,))
    for _ in range(1200):
        tensor = ft.layers.Rescaling(1.0)(tensor)
    assert len(ft.Model(inputs, tensor).layers) == 1201


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda a, b, shared: ft.Model(a, Add()([shared(a), shared(b)])),
            ValueError,
            "An output needs the input ",
        ),
        (lambda a, b, shared: ft.Model([a, b], shared(a)), ValueError, "nothing takes"),
        (lambda a, b, shared: ft.Model("x", shared(a)), ValueError, "takes what Input"),
        (lambda a, b, shared: shared(np.ones((3, 4))), TypeError, "Dense was called with ndarray; .* make a model of it"),
        (lambda a, b, shared: Add()([]), TypeError, "Add was called with list"),
        (lambda a, b, shared: shared([a, b]), ValueError, "Dense: expected one input, got 2"),
        (lambda a, b, shared: ft.Model(a, Dense(2, name="n")(Dense(2, name="n")(a))), ValueError, 'the name "n" is taken'),
        (lambda a, b, shared: ft.Model(), ValueError, "Give Model its layers and an input_shape, or inputs and outputs"),
    ],
)
def test_wrong_calls_are_refused(make, error, text):
    with pytest.raises(error, match=text):
        make(ft.Input(shape=(4,)), ft.Input(shape=(4,)), Dense(3))


def test_a_model_on_a_part_of_another_begins_with_its_weights(base, x):
    part = ft.Model(base.input, base.get_layer("first").output)
    kernel, bias, *_ = base.get_weights()
    assert np.allclose(part.predict(x), np.tanh(x @ kernel + bias), atol=1e-6)
    later = ft.Model(base.get_layer("first").output, base.output)
    assert np.allclose(later.predict(part.predict(x)), base.predict(x), atol=1e-6)
    several = ft.Model(base.inputs, [layer.output for layer in base.layers[1:]])
    assert len(several.get_weights()) == 4 and [array.shape for array in several.predict(x)] == [(50, 8), (50, 3)]


def test_a_model_that_is_called_is_built_on_as_a_copy(base, x, y):
    base.trainable = False
    inputs = ft.Input(shape=(4,))
    model = ft.Model(inputs, Dense(3, "softmax")(base(inputs, training=False)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = base.get_weights()
    model.fit(x, y, epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights()[:4], strict=True))
    assert [array.shape for array in model.trainable_weights] == [(3, 3), (3,)]


def test_two_copies_of_one_model_get_names_of_their_own(base, x):
    one, two = ft.Input(shape=(4,)), ft.Input(shape=(4,))
    model = ft.Model([one, two], Concatenate()([base(one), base(two)]))
    assert np.allclose(model.predict([x, x]), np.hstack([base.predict(x)] * 2), atol=1e-6)
    assert {layer.name for layer in model.layers} >= {"first", "last", "first_1", "last_1"}


def test_a_model_that_is_called_with_arrays_predicts(base, x):
    assert np.array_equal(base(x), base.predict_on_batch(x))
    with pytest.raises(ValueError, match=r"A model that is called predicts\. Train with fit"):
        base(x, training=True)
    with pytest.raises(ValueError, match="takes 1 inputs, but was called with 2"):
        base([ft.Input(shape=(4,)), ft.Input(shape=(4,))])


def test_saved_and_described_models_come_back(base, x):
    base.save("m.safetensors")
    assert np.array_equal(ft.load_model("m.safetensors").predict(x), base.predict(x))
    again = ft.models.model_from_json(base.to_json())
    assert not np.array_equal(again.predict(x * 0 + 1), base.predict(x)) and again.seed == base.seed
    assert [layer.name for layer in again.layers] == ["numbers", "first", "last"]


@pytest.mark.parametrize("text", ["{}", "[]", "", '{"layers": [{"Dens": {}}], "inputs": {"x": [3]}}', '{"layers": 3}'])
def test_other_json_is_refused(text):
    with pytest.raises(ValueError, match=r"This is no text of model.to_json\(\)"):
        ft.models.model_from_json(text)


def test_weights_alone_go_to_a_file_and_back(base, x):
    base.save_weights("w.weights.safetensors")
    expected = base.predict(x)
    base.set_weights([array * 0 for array in base.get_weights()])
    base.load_weights("w.weights.safetensors")
    assert np.array_equal(base.predict(x), expected)
    other = ft.Sequential([ft.Input((4,)), Dense(9, name="first"), Dense(3, name="last")])
    with pytest.raises(CheckpointError, match="first/kernel"):
        other.load_weights("w.weights.safetensors")
    with pytest.raises(ValueError, match=r"must end in \.safetensors"):
        base.save_weights("w.weights.h5")


def test_weights_of_a_whole_file_are_taken_alone(base, x, y):
    base.compile("adam", "sparse_categorical_crossentropy")
    base.fit(x, y, epochs=1, verbose=0)
    base.save("m.safetensors")
    fresh = ft.models.model_from_json(base.to_json())
    fresh.load_weights("m.safetensors")
    assert np.array_equal(fresh.predict(x), base.predict(x)) and fresh.compiled is None


def test_statistics_of_a_copied_layer_come_along(x, y):
    inputs = ft.Input(shape=(4,))
    model = ft.Model(inputs, Dense(3, "softmax")(BatchNormalization()(inputs)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x + 5, y, epochs=2, verbose=0)
    part = ft.Model(model.input, model.layers[1].output)
    assert all(np.array_equal(a, b) for a, b in zip(part.get_weights(), model.get_weights()[:4], strict=True))


def test_attention_is_called_with_query_value_and_key():
    layer = ft.layers.MultiHeadAttention
    query, value, key = ft.Input(shape=(6, 4)), ft.Input(shape=(5, 3)), ft.Input(shape=(5, 2))
    assert layer(2, 3)(query, value, key).inputs == (query, value, key)
    assert layer(2, 3)([query, value]).inputs == layer(2, 3)(query, value=value).inputs == (query, value)
    assert layer(2, 3)(query, query, query).inputs == layer(2, 3)(query).inputs == (query,)
    assert layer(2, 3)(query, value, use_causal_mask=True).layer == layer(2, 3, use_causal_mask=True)
    assert layer(2, 3, output_shape=7)(query, value).shape == (None, 6, 7)
    with pytest.raises(ValueError, match=r"MultiHeadAttention: expected a key for each value, got shapes \(6, 4\) and \(5, 3\)"):
        layer(2, 3)(query, value, query)
    with pytest.raises(TypeError, match="MultiHeadAttention was called with ndarray; layers are called with what Input"):
        layer(2, 3)(np.zeros((6, 4)))


def test_a_network_with_attention_comes_back_from_its_file(tmp_path):
    steps = ft.Input(shape=(6, 4))
    mixed = ft.layers.MultiHeadAttention(2, 3, output_shape=5)(steps, steps, use_causal_mask=True)
    model = ft.Model(steps, ft.layers.TimeDistributed(Dense(3, "softmax"))(mixed))
    model.compile("muon", "sparse_categorical_crossentropy", metrics=["accuracy"])
    data, classes = np.random.default_rng(0).normal(size=(20, 6, 4)), np.arange(120).reshape(20, 6) % 3
    model.fit(data, classes, epochs=1, verbose=0)
    model.save(tmp_path / "model.safetensors")
    again = ft.load_model(tmp_path / "model.safetensors")
    assert again.descriptions == model.descriptions
    assert np.array_equal(again.predict(data), model.predict(data))
    # Causal: what comes later changes nothing.
    changed = data.copy()
    changed[:, 4:] += 1
    assert np.array_equal(model.predict(changed)[:, :4], model.predict(data)[:, :4])
    assert not np.allclose(model.predict(changed)[:, 4:], model.predict(data)[:, 4:])
