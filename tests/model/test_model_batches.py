"""One batch at a time, evaluation, prediction, weights."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft


def test_logs_of_train_on_batch_are_of_this_batch_alone(model, x, y):
    expected = model.test_on_batch(x[:9], y[:9])
    model.test_on_batch(x, y)
    assert model.train_on_batch(x[:9], y[:9]) == pytest.approx(expected)


def test_train_on_batch_moves_the_weights_and_test_on_batch_does_not(model, x, y):
    start = model.get_weights()
    model.test_on_batch(x, y)
    assert all(np.array_equal(a, b) for a, b in zip(start, model.get_weights(), strict=True))
    model.train_on_batch(x, y)
    assert not any(np.array_equal(a, b) for a, b in zip(start, model.get_weights(), strict=True))
    assert model.optimizer.iterations == 1


def test_train_on_batch_takes_sample_weights(model, x, y):
    plain = model.test_on_batch(x, y)["loss"]
    assert model.train_on_batch(x, y, sample_weight=np.full(50, 0.5))["loss"] == pytest.approx(plain / 2)


def test_evaluate_is_the_mean_over_samples_whatever_the_batches(model, x, y):
    whole = model.evaluate(x, y, batch_size=50, verbose=0)
    assert model.evaluate(x, y, batch_size=7, verbose=0) == pytest.approx(whole)
    assert model.evaluate(x, y, batch_size=10, steps=2, verbose=0) == pytest.approx(model.test_on_batch(x[:20], y[:20]))


def test_evaluate_shows_a_line(model, x, y, capsys):
    model.evaluate(x, y, verbose=2)
    assert "accuracy" in capsys.readouterr().err


def test_predict_is_the_same_whatever_the_batches(model, x):
    whole = model.predict_on_batch(x)
    assert whole.shape == (50, 3) and whole.dtype == np.float32
    assert np.allclose(model.predict(x, batch_size=7), whole, atol=1e-6)
    assert model.predict(x, batch_size=7, steps=2).shape == (14, 3)


def test_predict_needs_no_compile(x):
    model = ft.Model([{"Dense": {"units": 2}}], input_shape=(4,))
    kernel, bias = model.get_weights()
    assert np.allclose(model.predict(x), x @ kernel + bias, atol=1e-6)


def test_predict_tells_callbacks(model, x):
    class Watch(ft.callbacks.Callback):
        seen = ()

        def on_predict_batch_end(self, batch, logs=None):
            self.seen = (*self.seen, batch)

    watch = Watch()
    model.predict(x, batch_size=20, callbacks=[watch])
    assert watch.seen == (0, 1, 2)


def test_evaluation_in_a_callback_leaves_the_running_values_alone(make, x, y):
    class Evaluates(ft.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(x[:5], y[:5], verbose=0)

    first, second = make(), make()
    plain = first.fit(x, y, epochs=2, verbose=0).history
    assert second.fit(x, y, epochs=2, verbose=0, callbacks=[Evaluates()]).history == plain


def test_weights_are_in_keras_order_and_layout():
    layers = [{"Conv2D": {"filters": 5, "kernel_size": [3, 2]}}, "BatchNormalization", "Flatten", {"Dense": {"units": 2}}]
    model = ft.Model(layers, input_shape=(6, 6, 1))
    assert [array.shape for array in model.get_weights()] == [(3, 2, 1, 5), *[(5,)] * 5, (100, 2), (2,)]
    assert [float(array[0]) for array in model.get_weights()[2:6]] == [1, 0, 0, 1]
    assert model.count_params() == 30 + 25 + 202


def test_set_weights_takes_what_get_weights_gave(make, x):
    one, two = make(seed=1), make(seed=2)
    two.set_weights(one.get_weights())
    assert np.array_equal(one.predict(x), two.predict(x))


def test_set_weights_keeps_the_optimizer(make, x, y):
    model = make(optimizer="adam")
    model.train_on_batch(x, y)
    model.set_weights(model.get_weights())
    assert model.optimizer.iterations == 1


def test_weights_that_were_handed_out_do_not_change(model, x, y):
    weights = model.get_weights()
    kept = [array.copy() for array in weights]
    model.train_on_batch(x, y)
    assert all(np.array_equal(a, b) for a, b in zip(weights, kept, strict=True))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda w: w[:-1], "got 3 arrays, but the model has 4"),
        (lambda w: [*w[:-1], np.zeros(4)], r"has shape \(3,\), but got \(4,\)"),
    ],
)
def test_wrong_weights_are_refused(model, change, text):
    with pytest.raises(ValueError, match=text):
        model.set_weights(change(model.get_weights()))


def test_the_learning_rate_can_be_set(make, x, y):
    model = make()
    model.optimizer.learning_rate = 0.0
    start = model.get_weights()
    model.train_on_batch(x, y)
    assert all(np.array_equal(a, b) for a, b in zip(start, model.get_weights(), strict=True))
    model.optimizer.learning_rate = 0.25
    assert model.optimizer.learning_rate == 0.25
    assert model.optimizer.momentum == 0.0


def test_compiling_again_keeps_the_weights_and_begins_the_optimizer_anew(make, x, y):
    model = make()
    model.train_on_batch(x, y)
    weights = model.get_weights()
    model.compile("adam", "sparse_categorical_crossentropy")
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    assert model.optimizer.iterations == 0


def test_other_targets_keep_weights_and_optimizer(make, x, y):
    model = make(optimizer="adam", metrics=["accuracy"])
    model.train_on_batch(x, y)
    model.train_on_batch(x, y[:, None])
    assert model.optimizer.iterations == 2


def test_summary_is_a_table(model):
    lines = []
    model.summary(print_fn=lines.append)
    assert "dense_1" in lines[0] and "67 parameters" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"layers": ["Dens"], "input_shape": (4,)}, r"layers\[0\]: no layer is called Dens. Did you mean Dense?"),
        ({"layers": [{"Dense": {"units": 0}}], "input_shape": (4,)}, r"layers\[0\].Dense.units must be at least 1, got 0"),
        ({"layers": ["Flatten"]}, "Give input_shape"),
        ({"layers": ["Flatten"], "input_shape": (4,), "engine": "cuda"}, "engine: no engine is called cuda. There are numpy"),
        ({"layers": ["Flatten"], "input_shape": (0,)}, "must be at least 1"),
        ({"layers": [{"Conv2D": {"filters": 1, "kernel_size": 3}}], "input_shape": (4,)}, "conv2d"),
    ],
)
def test_wrong_networks_are_value_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        ft.Model(**arguments)
