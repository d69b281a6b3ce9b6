"""Chains of layers, built at once, layer by layer, or when the first data come."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft
from fittool.layers import Dense, Dropout, Embedding, Flatten


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), two.get_weights(), strict=True))


FORMS = {
    "Input": lambda: ft.Sequential([ft.Input(shape=(4,)), Dense(8, "tanh"), Dense(3, "softmax")], seed=3),
    "input_shape": lambda: ft.Sequential([Dense(8, "tanh", input_shape=(4,)), Dense(3, "softmax")], seed=3),
    "input_dim": lambda: ft.Sequential([Dense(8, "tanh", input_dim=4), Dense(3, "softmax")], seed=3),
    "names": lambda: ft.Sequential([ft.Input((4,)), {"Dense": {"units": 8, "activation": "tanh"}}, Dense(3, "softmax")], seed=3),
    "add": lambda: added(ft.Sequential(seed=3)),
    "build": lambda: built(ft.Sequential([Dense(8, "tanh"), Dense(3, "softmax")], seed=3)),
    "Model": lambda: ft.Model([Dense(8, "tanh"), Dense(3, "softmax")], input_shape=(4,), seed=3),
}


def added(model):
    model.add(ft.Input(shape=(4,)))
    model.add(Dense(8, "tanh"))
    model.add(Dense(3, "softmax"))
    return model


def built(model):
    assert not model.built
    model.build((None, 4))
    assert model.built
    return model


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_are_the_same_network(form, x):
    model, plain = FORMS[form](), FORMS["Model"]()
    assert same(model, plain) and np.array_equal(model.predict(x), plain.predict(x))
    assert [layer.name for layer in model.layers] == ["dense", "dense_1"]


BATCHES = {
    "arrays": lambda x, y: (x, y),
    "lists": lambda x, y: (x.tolist(), y.tolist()),
    "one array in a list": lambda x, y: ([x], y),
    "generator": lambda x, y: (iter([(x, y)] * 3),),
    "function": lambda x, y: (lambda: iter([(x, y)] * 3),),
    "sequence": lambda x, y: (Batches(x, y),),
}


class Batches(ft.utils.PyDataset):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self.x, self.y


@pytest.mark.parametrize("data", BATCHES)
def test_the_first_fit_builds_and_loses_nothing(data, x, y):
    histories = []
    for layers in ([Dense(3, "softmax")], [ft.Input(shape=(4,)), Dense(3, "softmax")]):
        model = ft.Sequential(layers)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        steps = {} if data in ("arrays", "lists", "one array in a list", "sequence") else {"steps_per_epoch": 3}
        histories.append(model.fit(*BATCHES[data](x, y), epochs=1, shuffle=False, verbose=0, **steps).history)
    assert histories[0] == histories[1]


@pytest.mark.parametrize(
    "call",
    [
        lambda model, x, y: model.predict(x),
        lambda model, x, y: model(x),
        lambda model, x, y: model.evaluate(x, y, verbose=0),
        lambda model, x, y: model.train_on_batch(x, y),
        lambda model, x, y: model.test_on_batch(x, y),
        lambda model, x, y: model.predict_on_batch(x),
        lambda model, x, y: model.fit_generator(iter([(x, y)]), steps_per_epoch=1, verbose=0),
    ],
)
def test_whatever_comes_first_builds(call, x, y):
    model = ft.Sequential(["Flatten", Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    call(model, x, y)
    assert model.count_params() == 15 and model.output_shape == (None, 3)


def test_single_numbers_are_inputs_of_one_feature(y):
    model = ft.Sequential([Dense(1)])
    assert model.predict(y.astype(float)).shape == (50, 1)


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.get_weights(),
        lambda model: model.summary(),
        lambda model: model.layers,
        lambda model: model.save("m.safetensors"),
    ],
)
def test_what_needs_weights_says_how_to_get_them(call):
    with pytest.raises(ValueError, match=r"has no weights yet.* Begin with Input\(shape=…\), call model.build"):
        call(ft.Sequential([Dense(3)]))


def test_wrong_arguments_of_compile_are_told_before_the_model_is_built():
    with pytest.raises(ValueError, match=r"no loss is called msee\. Did you mean"):
        ft.Sequential([Dense(3)]).compile(loss="msee")


def test_layers_are_added_to_and_taken_from_a_trained_model(x, y):
    model = ft.Sequential([ft.Input(shape=(4,)), Dense(8, "tanh"), Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=1, verbose=0)
    model.layers[0].trainable = False
    kept = model.get_weights()
    model.pop()
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), kept[:2], strict=True))
    model.add(Dense(5, "relu"))
    model.add(Dense(3, "softmax"))
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights()[:2], kept[:2], strict=True))
    assert [layer.trainable for layer in model.layers] == [False, True, True] and model.epochs_done == 1
    model.fit(x, y, epochs=2, initial_epoch=1, verbose=0)
    assert np.array_equal(model.get_weights()[0], kept[0])


def test_a_sequential_stays_one_in_its_file(x):
    model = ft.Sequential([ft.Input(shape=(4,), name="numbers"), Dense(8, name="first"), Dropout(0.5), Dense(3)], name="chain")
    model.save("m.safetensors")
    for again in (ft.load_model("m.safetensors"), ft.models.model_from_json(model.to_json())):
        assert isinstance(again, ft.Sequential) and again.name == "chain"
        assert [layer.name for layer in again.layers] == ["first", "dropout", "dense"]
        again.add(Dense(2))
        assert again.predict(x).shape == (50, 2)
    assert np.array_equal(ft.load_model("m.safetensors").predict(x), model.predict(x))


def test_whole_models_are_links_of_a_chain(x):
    inputs = ft.Input(shape=(4,))
    hidden = Dense(4)(inputs)
    base = ft.Model(inputs, ft.layers.add([inputs, hidden]))
    model = ft.Sequential([base, Dense(2, name="head")])
    assert np.allclose(model.predict(x), base.predict(x) @ model.get_weights()[2] + model.get_weights()[3], atol=1e-6)
    model.save("m.safetensors")
    assert np.array_equal(ft.load_model("m.safetensors").predict(x), model.predict(x))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: ft.Sequential(["Dens"]), "no layer is called Dens. Did you mean Dense"),
        (lambda: ft.Sequential([Dense(3), ft.Input(shape=(4,))]), "An Input can only come first"),
        (lambda: ft.Sequential([ft.Input(shape=(4,)), ft.layers.Conv2D(3, 3)]), r"Conv2D: expected images .* got shape \(4,\)"),
        (
            lambda: ft.Sequential([ft.Input(shape=(4,)), Dense(3, input_shape=(5,))]),
            r"shape \(5,\), got \(4,\)",
        ),
        (lambda: ft.Sequential().pop(), "no layer to take away"),
        (lambda: ft.Sequential().fit(np.ones((3, 4)), np.ones(3), verbose=0), "has no layers"),
        (lambda: ft.Sequential([Dense(3)]).fit(verbose=0), "x is missing"),
        (lambda: ft.Sequential([Dense(3)]).fit(iter(()), verbose=0), "gave no batches"),
        (lambda: ft.Input(shape=(None, 4)), "must hold whole numbers from 1"),
        (lambda: ft.Input(shape=(4,), batch_size=32), "batches may have any size"),
    ],
)
def test_wrong_chains_are_refused(make, text):
    with pytest.raises(Exception, match=text):
        make()


def test_an_embedding_has_an_input_dim_of_its_own(y):
    model = ft.Sequential([Embedding(input_dim=3, output_dim=2, input_shape=(1,)), Flatten()])
    assert model.predict(y).shape == (50, 2)


def test_class_names_may_be_set_before_the_model_is_built(x, y):
    model = ft.Sequential([Dense(3, "softmax")])
    model.class_names = ["c", "b", "a"]
    model.compile("sgd", "sparse_categorical_crossentropy")
    plain = ft.Sequential([Dense(3, "softmax")])
    plain.compile("sgd", "sparse_categorical_crossentropy")
    words = np.array(["a", "b", "c"])[y]
    assert model.fit(x, words, epochs=1, verbose=0).history == plain.fit(x, 2 - y, epochs=1, verbose=0).history
    assert model.class_names == ("c", "b", "a")


def test_a_call_leaves_out_what_acts_in_training_alone_as_predict_does():
    images = np.random.default_rng(0).random((4, 8, 8, 3), np.float32)
    model = ft.Sequential([ft.Input(shape=(8, 8, 3)), ft.layers.Dropout(0.5), ft.layers.GaussianNoise(1.0)])
    assert np.array_equal(model(images), images)
    assert np.array_equal(model.predict(images, verbose=0), images)
