"""Wrong numbers and labels in words, told and read in Python as in the experiment file."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft
from fittool.errors import UserCodeError

NAMES = np.array(["ant", "bee", "cat"])


@pytest.fixture
def words(y):
    return NAMES[y]


@pytest.mark.parametrize(
    "call",
    [
        lambda model, x, y: model.fit(x, y, verbose=0),
        lambda model, x, y: model.fit(np.ones_like(x), np.zeros(len(x), int), verbose=0, validation_data=(x, y)),
        lambda model, x, y: model.evaluate(x, y, verbose=0),
        lambda model, x, y: model.train_on_batch(x, y),
        lambda model, x, y: model.predict(x),
        lambda model, x, y: model.fit(iter([(x, y)]), steps_per_epoch=1, verbose=0),
    ],
    ids=["fit", "validation", "evaluate", "train_on_batch", "predict", "generator"],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_inputs_that_are_not_finite_are_told_at_the_sample(make, x, y, call, value):
    x[3, 2] = value
    with pytest.raises((ValueError, UserCodeError), match=r"holds 1 value that is NaN or infinite, the first at .*\[3, 2\]"):
        call(make(), x, y)


def test_targets_that_are_not_finite_are_told_at_the_sample(x, z):
    model = ft.Model([ft.layers.Dense(2)], input_shape=(4,))
    model.compile(loss="mse")
    z[5, 1] = np.nan
    with pytest.raises(ValueError, match=r"y holds 1 value that is NaN or infinite, the first at y\[5, 1\]"):
        model.fit(x, z, verbose=0)


@pytest.mark.parametrize(
    "labels",
    [
        lambda words: words,
        list,
        lambda words: words.astype(object),
        lambda words: words[:, None],
        lambda words: words.astype("S"),
    ],
    ids=["array", "list", "objects", "column", "bytes"],
)
def test_names_of_classes_are_numbered_in_their_order(make, x, y, words, labels):
    named, numbered = make(metrics=["accuracy"]), make(metrics=["accuracy"])
    history = named.fit(x, labels(words), epochs=2, verbose=0).history
    assert history == numbered.fit(x, y, epochs=2, verbose=0).history
    assert named.class_names == ("ant", "bee", "cat") and numbered.class_names is None
    assert named.evaluate(x, words, verbose=0) == numbered.evaluate(x, y, verbose=0)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "binary_crossentropy"])
def test_names_take_the_form_that_the_loss_wants(x, y, loss):
    words = NAMES[y] if loss.startswith("cat") else NAMES[np.minimum(y, 1)]
    expected = np.eye(3)[y] if loss.startswith("cat") else np.minimum(y, 1)
    histories = []
    for labels in (words, expected):
        last = ft.layers.Dense(3, "softmax") if loss.startswith("cat") else ft.layers.Dense(1, "sigmoid")
        model = ft.Model([last], input_shape=(4,))
        model.compile("sgd", loss)
        histories.append(model.fit(x, labels, epochs=1, verbose=0).history)
    assert histories[0] == histories[1]


def test_predictions_are_mapped_back_also_after_loading(make, x, words):
    model = make(optimizer={"Adam": {"learning_rate": 0.05}})
    model.fit(x, words, epochs=60, verbose=0)
    model.save("m.safetensors")
    loaded = ft.load_model("m.safetensors")
    answers = np.array(loaded.class_names)[loaded.predict(x).argmax(axis=1)]
    assert (answers == words).mean() > 0.8


def test_class_weights_go_by_name(make, x, y, words):
    named, numbered = make(), make()
    named.fit(x, words, epochs=1, verbose=0, class_weight={"bee": 3.0})
    numbered.fit(x, y, epochs=1, verbose=0, class_weight={1: 3.0})
    assert all(np.array_equal(a, b) for a, b in zip(named.get_weights(), numbered.get_weights(), strict=True))


def test_batches_take_names_once_the_classes_are_known(make, x, words):
    model = make()
    with pytest.raises(ValueError, match="y holds names of classes, such as 'ant', but the model does not know its classes yet"):
        model.train_on_batch(x, np.sort(words))
    model.class_names = NAMES
    assert np.isfinite(model.train_on_batch(x, words))


@pytest.mark.parametrize(
    ("labels", "loss", "text"),
    [
        (["ant", "bee", "cot"], None, r"The training data have no class 'cot'. Did you mean cat\?"),
        (["ant", "bee", None], None, r"y\[2\] is None, but other labels are text"),
        (["ant", "bee", "cat"], "mse", r"y\[0\] is 'ant', but the loss needs numbers"),
        (["ant", "bee", "cat"], "binary_crossentropy", r"needs two classes, but y gives 3 classes \(ant, bee, cat\)"),
    ],
)
def test_wrong_names_are_refused(make, x, labels, loss, text):
    model = make(loss=loss) if loss else make()
    if loss is None:
        model.class_names = NAMES
    with pytest.raises(ValueError, match=text):
        model.fit(x[:3], labels, verbose=0)


def test_more_names_than_outputs_bring_the_mend(make, x, y):
    words = np.array(["ant", "bee", "cat", "dog"])[np.arange(50) % 4]
    with pytest.raises(
        ValueError, match=r"y gives class numbers \(0 to 3\), .* places for 0 to 2 only. Give the last layer 4 units"
    ):
        make().fit(x, words, verbose=0)


@pytest.mark.parametrize(
    ("loss", "targets", "text"),
    [
        ("sparse_categorical_crossentropy", np.eye(3)[np.arange(50) % 3], "y gives one-hot .* Use categorical_crossentropy"),
        ("categorical_crossentropy", np.arange(50) % 3, "y gives class numbers .* Use sparse_categorical_crossentropy"),
        ("sparse_categorical_crossentropy", np.arange(50) % 7, "Give the last layer 7 units"),
        ("sparse_categorical_crossentropy", np.arange(50) % 3 + 1, r"\(1 to 3\), but the network's output has places for 0 to 2"),
        (
            "mse",
            np.zeros((50, 2)),
            r"expects targets of the outputs' shape \(3,\), but y gives \(2,\). Give the last layer 2 units",
        ),
    ],
)
def test_targets_of_another_form_bring_the_mend_before_training(make, x, loss, targets, text):
    model = make(loss=loss)
    before = model.get_weights()
    with pytest.raises(ValueError, match=text):
        model.fit(x, targets, verbose=0)
    with pytest.raises(ValueError, match=text.replace("y gives", "generator gives")):
        model.fit(iter([(x, targets)]), steps_per_epoch=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_labels_as_floats_are_class_numbers(make, x, y):
    whole, floats = make(), make()
    history = whole.fit(x, y, epochs=1, verbose=0).history
    for labels in (y.astype(float), y.astype(float)[:, None]):
        assert make().fit(x, labels, epochs=1, verbose=0).history == history
    floats.fit(iter([(x, y.astype(np.float32))]), steps_per_epoch=1, epochs=1, verbose=0)


@pytest.mark.parametrize("engine", [{"numpy": {"threads": 1}}, {"numpy": None}, "numpy", "auto", {"auto": None}])
def test_the_engine_is_given_in_any_form_of_the_file(x, engine):
    model = ft.Model([{"Dense": {"units": 2}}], input_shape=(4,), engine=engine)
    assert model.predict(x).shape == (50, 2)


def test_large_numbers_are_finite(make, x, y):
    assert np.isfinite(make().train_on_batch(x * np.float32(1e30), y))
