"""`fit` on arrays: what each argument does."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def quiet(model, *data, **arguments):
    return model.fit(*data, **{"verbose": 0, "epochs": 2, **arguments}).history


def test_history_has_keras_keys_and_one_value_an_epoch(model, x, y):
    history = model.fit(x, y, epochs=3, validation_split=0.2, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    assert history.epoch == [0, 1, 2]
    assert len(history.history["loss"]) == 3
    assert history.params["epochs"] == 3 and history.params["steps"] == 2
    assert model.history is history


def test_training_learns(model, x, y):
    losses = quiet(model, x, y, epochs=30)["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_the_default_is_ten_epochs(model, x, y):
    assert len(model.fit(x, y, verbose=0).epoch) == 10


def test_fit_again_goes_on_with_the_weights(make, x, y):
    once, twice = make(), make()
    quiet(once, x, y, epochs=4)
    quiet(twice, x, y, epochs=2)
    quiet(twice, x, y, epochs=2)
    assert same(once, twice)


def test_initial_epoch_goes_on_as_if_nothing_had_come_between(make, x, y):
    """Keras begins its orders anew at each fit, and ends elsewhere."""
    once, twice = make(optimizer="adam"), make(optimizer="adam")
    quiet(once, x, y, epochs=4, batch_size=8)
    quiet(twice, x, y, epochs=2, batch_size=8)
    history = twice.fit(x, y, epochs=4, initial_epoch=2, batch_size=8, verbose=0)
    assert history.epoch == [2, 3]
    assert same(once, twice)


def test_a_first_fit_from_a_later_epoch_has_that_epochs_order(make, x, y):
    early, late = make(), make()
    quiet(early, x, y, epochs=1, batch_size=8)
    quiet(late, x, y, epochs=2, initial_epoch=1, batch_size=8)
    assert not same(early, late)


def test_other_data_in_a_second_fit_begin_at_a_whole_pass(model, x, y):
    quiet(model, x, y, epochs=3, batch_size=20)
    seen = []
    model.fit(x[:7], y[:7], batch_size=5, epochs=1, verbose=0, callbacks=ft.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(batch)))  # fmt: skip
    assert seen == [0, 1]


def test_order_depends_on_the_seed(make, x, y):
    """Keras shuffles alike whatever the seed."""
    first, second = make(seed=1), make(seed=2)
    second.set_weights(first.get_weights())
    quiet(first, x, y, batch_size=8)
    quiet(second, x, y, batch_size=8)
    assert not same(first, second)


def test_without_shuffling_batches_stand_in_order(make, x, y):
    fitted, stepped = make(), make()
    quiet(fitted, x, y, epochs=1, batch_size=20, shuffle=False)
    for start in (0, 20, 40):
        stepped.train_on_batch(x[start : start + 20], y[start : start + 20])
    assert same(fitted, stepped)


def test_validation_split_is_the_last_part(make, x, y):
    split, told = make(), make()
    first = quiet(split, x, y, validation_split=0.3)
    second = quiet(told, x[:35], y[:35], validation_data=(x[35:], y[35:]))
    assert first == second


def test_validation_data_win_over_the_split(model, x, y):
    history = model.fit(x, y, validation_split=0.5, validation_data=(x, y), epochs=1, batch_size=50, verbose=0)
    assert history.history["val_loss"][0] == pytest.approx(model.evaluate(x, y, verbose=0)["loss"])
    assert history.params["steps"] == 1


def test_validation_takes_sample_weights(model, x, y):
    weights = np.linspace(0, 1, 50)
    history = quiet(model, x, y, epochs=1, validation_data=(x, y, weights))
    assert history["val_loss"][0] == pytest.approx(model.evaluate(x, y, sample_weight=weights, verbose=0)["loss"])


def test_validation_frequency(model, x, y):
    assert len(quiet(model, x, y, epochs=4, validation_data=(x, y), validation_freq=2)["val_loss"]) == 2
    assert len(quiet(model, x, y, epochs=4, validation_data=(x, y), validation_freq=[1, 3, 4])["val_loss"]) == 3


def test_validation_steps_are_the_first_batches_each_time(model, x, y):
    history = quiet(model, x, y, epochs=2, validation_data=(x, y), validation_steps=2, validation_batch_size=5)
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(x[:10], y[:10], verbose=0)["loss"])


def test_explicit_steps_go_on_where_the_last_epoch_stopped(make, x, y):
    steps, passes = make(), make()
    quiet(steps, x, y, epochs=4, batch_size=10, steps_per_epoch=5)
    quiet(passes, x, y, epochs=4, batch_size=10)
    short = make()
    quiet(short, x, y, epochs=10, batch_size=10, steps_per_epoch=2)
    assert same(steps, passes) and same(short, passes)


def test_steps_without_a_batch_size_share_the_samples_out(model, x, y):
    sizes = []
    model.fit(x, y, epochs=1, steps_per_epoch=4, verbose=0, callbacks=[ft.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: sizes.append(batch))])  # fmt: skip
    assert sizes == [0, 1, 2, 3]


def test_too_few_batches_are_an_error_before_training_with_both_numbers(model, x, y):
    """Keras warns, ends the epoch early and goes on."""
    before = model.get_weights()
    with pytest.raises(ValueError, match="steps_per_epoch is 9, but the data have only 2 batches"):
        model.fit(x, y, batch_size=32, steps_per_epoch=9, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_verbose_two_prints_a_line_an_epoch_without_control_characters(model, x, y, capsys):
    model.fit(x, y, epochs=2, verbose=2)
    shown = capsys.readouterr()
    assert len([line for line in shown.err.splitlines() if "loss" in line]) >= 2
    assert shown.out == "" and "\x1b" not in shown.err and "\b" not in shown.err


def test_fittool_verbose_is_the_default(model, x, y, capsys, monkeypatch):
    monkeypatch.setenv("FITTOOL_VERBOSE", "0")
    model.fit(x, y, epochs=1)
    assert capsys.readouterr().err == ""


def test_lists_and_mappings_of_arrays_are_welcome(make, x, y):
    array, listed, mapped = make(), make(), make()
    quiet(array, x, y)
    quiet(listed, x.tolist(), y.tolist())
    quiet(mapped, {"input": x}, {"dense_1": y})
    assert same(array, listed) and same(array, mapped)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"epochs": "3"}, TypeError, "epochs must be a whole number; got '3'"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"initial_epoch": 0.5}, TypeError, "initial_epoch must be a whole number"),
        ({"verbose": 7}, ValueError, "verbose must be auto, 0, 1 or 2; got 7"),
        ({"shuffle": "yes"}, TypeError, "shuffle must be True or False"),
        ({"validation_split": 1.0}, ValueError, "validation_split must be at least 0 and less than 1"),
        ({"validation_split": 0.999}, ValueError, "leaves none to train on"),
        ({"validation_data": 3}, ValueError, r"validation_data must be \(x, y\)"),
        ({"callbacks": ["EarlyStoping"]}, ValueError, "no callback is called EarlyStoping. Did you mean EarlyStopping?"),
        (
            {"callbacks": [{"EarlyStopping": {"patience": -1}}]},
            ValueError,
            r"callbacks.EarlyStopping.patience must be at least 0, got -1",
        ),
        ({"sample_weight": np.ones(3)}, ValueError, "one weight for each sample"),
        ({"class_weight": {"cat": 1.0}}, ValueError, "there is no class cat"),
        ({"steps": 3}, TypeError, "unexpected keyword"),
    ],
)
def test_wrong_arguments_raise_what_keras_raises(model, x, y, arguments, error, text):
    with pytest.raises(error, match=text):
        model.fit(x, y, **{"verbose": 0, **arguments})


def test_missing_targets_are_told(model, x):
    with pytest.raises(ValueError, match="y is missing"):
        model.fit(x, verbose=0)


def test_arrays_of_different_length_are_refused(model, x, y):
    with pytest.raises(ValueError, match="different numbers of samples"):
        model.fit(x, y[:-1], verbose=0)


def test_inputs_of_another_shape_are_refused(model, y):
    with pytest.raises(ValueError, match=r"x has shape \(samples, 5\), but the network takes \(samples, 4\)"):
        model.fit(np.zeros((50, 5)), y, verbose=0)


def test_an_uncompiled_model_says_so(x, y):
    model = ft.Model(["Flatten"], input_shape=(4,))
    with pytest.raises(ValueError, match="Compile the model first"):
        model.fit(x, y, verbose=0)
