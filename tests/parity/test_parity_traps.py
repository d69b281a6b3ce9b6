"""Where Keras has a trap: what it does, seen on it, and the better thing that fittool does."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from parity.networks import chain
from parity.pair import Pair, classes, numbers

import fittool as ft

X, Y = numbers(40, 5), classes(3, 40)
NETWORK = chain((5,), {"Dense": {"units": 3, "activation": "softmax"}})
FIT = {"batch_size": 8, "verbose": 0}


def classifier():
    return Pair(NETWORK, loss="SparseCategoricalCrossentropy")


def test_two_fits_equal_one_as_the_order_goes_on():
    whole, parts = classifier(), classifier()
    whole.ours.fit(X, Y, epochs=4, **FIT)
    parts.ours.fit(X, Y, epochs=2, **FIT)
    parts.ours.fit(X, Y, initial_epoch=2, epochs=4, **FIT)
    for first, second in zip(whole.ours.get_weights(), parts.ours.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_order_follows_the_seed():
    ours = [ft.Model(list(NETWORK.layers), input_shape=(5,), seed=seed) for seed in (1, 999)]
    start = ours[0].get_weights()
    for model in ours:
        model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
        model.set_weights(start)
        model.fit(X, Y, epochs=1, **FIT)
    assert not np.array_equal(ours[0].get_weights()[0], ours[1].get_weights()[0])


def five_batches():
    for start in range(0, 40, 8):
        yield X[start : start + 8], Y[start : start + 8]


def counter(callback_class, batches):
    """A callback that writes down the number of each batch."""

    class Count(callback_class):
        def on_train_batch_end(self, batch, logs=None):
            batches.append(batch)

    return Count()


def test_a_generator_that_ends_begins_anew_in_each_epoch():
    pair, ours, theirs = classifier(), [], []
    with pytest.warns(UserWarning, match="ran out of data"):
        pair.keras.fit(five_batches(), epochs=2, verbose=0, shuffle=False, callbacks=[counter(keras.callbacks.Callback, theirs)])
    pair.ours.fit_generator(five_batches, epochs=2, verbose=0, callbacks=[counter(ft.callbacks.Callback, ours)])
    assert len(theirs) < 10
    assert ours == [0, 1, 2, 3, 4] * 2


def test_too_few_batches_name_both_numbers():
    with pytest.raises(ValueError, match=r"20.* 5|5.* 20"):
        classifier().ours.fit(X, Y, epochs=2, steps_per_epoch=20, **FIT)


def test_class_weight_and_sample_weight_multiply():
    sample_weight, class_weight = np.linspace(0, 2, 40).astype(np.float32), {0: 0.5, 1: 2.0, 2: 1.5}
    both, product = classifier(), classifier()
    with pytest.raises(ValueError, match="class_weight"):
        both.keras.fit(X, Y, sample_weight=sample_weight, class_weight=class_weight, **FIT)
    ours = both.ours.fit(X, Y, sample_weight=sample_weight, class_weight=class_weight, shuffle=False, epochs=3, **FIT)
    weights = sample_weight * np.array([class_weight[number] for number in Y], np.float32)
    theirs = product.keras.fit(X, Y, sample_weight=weights, shuffle=False, epochs=3, **FIT)
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-5)


def test_balanced_class_weights():
    counts = np.bincount(Y, minlength=3)
    written = {number: 40 / (3 * count) for number, count in enumerate(counts)}
    pair = classifier()
    with pytest.raises((ValueError, AttributeError, TypeError)):
        pair.keras.fit(X, Y, class_weight="balanced", **FIT)
    ours = pair.ours.fit(X, Y, class_weight="balanced", shuffle=False, epochs=3, **FIT)
    theirs = classifier().keras.fit(X, Y, class_weight=written, shuffle=False, epochs=3, **FIT)
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-5)


def test_class_weights_with_a_generator():
    class_weight = {0: 0.5, 1: 2.0, 2: 1.5}
    ours = classifier().ours.fit_generator(five_batches, epochs=3, class_weight=class_weight, verbose=0)
    theirs = classifier().keras.fit(X, Y, shuffle=False, epochs=3, class_weight=class_weight, **FIT)
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-5)


def script(callback_class, values):
    class Script(callback_class):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = values[epoch]

    return Script()


def stopped(values, **arguments):
    """After how many epochs Keras and fittool stop."""
    pair, settings = classifier(), {"epochs": len(values), "validation_data": (X, Y)} | FIT
    theirs = pair.keras.fit(
        X, Y, callbacks=[script(keras.callbacks.Callback, values), keras.callbacks.EarlyStopping(**arguments)], **settings
    )
    ours = pair.ours.fit(
        X, Y, callbacks=[script(ft.callbacks.Callback, values), ft.callbacks.EarlyStopping(**arguments)], **settings
    )
    return len(theirs.epoch), len(ours.epoch)


def test_a_first_nan_is_not_the_best_for_ever():
    assert stopped([math.nan, 0.9, 0.8, 0.7, 0.6, 0.5], patience=2) == (3, 6)


def test_patience_zero_stops_at_the_first_epoch_without_improvement():
    assert stopped([0.9, 0.8, 1.0, 0.7], patience=0)[1] == 3
    assert stopped([math.nan, 0.9, 0.8], patience=0)[1] == 1


def test_a_wrong_monitor_is_an_error_before_training(tmp_path):
    pair = classifier()
    path = tmp_path / "saved.weights.h5"
    wrong = {"monitor": "val_acuracy", "save_best_only": True, "save_weights_only": True, "mode": "max"}
    with pytest.warns(UserWarning, match="val_acuracy"):
        pair.keras.fit(X, Y, callbacks=[keras.callbacks.ModelCheckpoint(str(path), **wrong)], **FIT)
    assert path.exists()
    checkpoint = ft.callbacks.ModelCheckpoint(str(tmp_path / "saved.safetensors"), **wrong)
    with pytest.raises(ValueError, match="ModelCheckpoint watches val_acuracy, but the values there are"):
        pair.ours.fit(X, Y, callbacks=[checkpoint], **FIT)
    assert pair.ours.epochs_done == 0


def test_learning_rate_is_in_every_row_whatever_the_order(tmp_path):
    files = {side: tmp_path / f"{side}.csv" for side in ("ours", "theirs")}
    pair, settings = classifier(), {"epochs": 2} | FIT
    for side, model, callbacks in (("theirs", pair.keras, keras.callbacks), ("ours", pair.ours, ft.callbacks)):
        logger, scheduler = callbacks.CSVLogger(str(files[side])), callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
        model.fit(X, Y, callbacks=[logger, scheduler], **settings)
    assert "learning_rate" not in files["theirs"].read_text()
    assert "learning_rate" in files["ours"].read_text()


def test_averages_at_the_edge_are_of_real_pixels():
    """With uneven padding Keras on torch repeats the edge; on TensorFlow and JAX it averages what is there, as here."""
    images = np.arange(6, dtype=np.float32).reshape(1, 1, 6, 1)
    model = ft.Model([{"AveragePooling2D": {"pool_size": [1, 3], "strides": [1, 2], "padding": "same"}}], input_shape=(1, 6, 1))
    assert model.predict(images).reshape(-1).tolist() == [1.0, 3.0, 4.5]


def test_cosine_restarts_at_the_very_step():
    arguments = {"initial_learning_rate": 0.1, "first_decay_steps": 12, "t_mul": 1.5}
    theirs = float(keras.optimizers.schedules.CosineDecayRestarts(**arguments)(30))
    assert theirs < 1e-6
    assert ft.schedules.CosineDecayRestarts(**arguments).rate(30) == 0.1


def test_piped_output_holds_no_control_characters(capsys):
    pair = classifier()
    pair.keras.fit(X, Y, epochs=1, batch_size=8, verbose=1)
    assert "\x1b" in capsys.readouterr().out
    pair.ours.fit(X, Y, epochs=1, batch_size=8, verbose=1)
    written = capsys.readouterr()
    assert not {"\x1b", "\b", "\r"} & set(written.out + written.err)


@pytest.mark.parametrize(
    ("activation", "loss", "targets"),
    [
        ("softmax", "SparseCategoricalCrossentropy", classes(3, 40)),
        ("softmax", {"CategoricalCrossentropy": {"label_smoothing": 0.1}}, np.eye(3, dtype=np.float32)[classes(3, 40)]),
        ("sigmoid", "BinaryCrossentropy", np.eye(3, dtype=np.float32)[classes(3, 40)]),
    ],
)
@pytest.mark.filterwarnings("ignore:layer dense. The inputs reach:fittool.errors.SettingWarning")
def test_saturated_outputs_learn_as_from_logits(activation, loss, targets):
    name, arguments = (loss, {}) if isinstance(loss, str) else next(iter(loss.items()))
    theirs = Pair(chain((5,), {"Dense": {"units": 3}}), loss={name: {**arguments, "from_logits": True}})
    ours = ft.Model([ft.layers.Dense(3, activation)], input_shape=(5,))
    ours.compile(optimizer={"SGD": {"learning_rate": 0.01}}, loss=loss)
    ours.set_weights(theirs.ours.get_weights())
    inputs = 300 * X  # logits are far beyond those that float32 can tell apart as probabilities
    assert np.isin(ours.predict(inputs), (0, 1)).mean() > 0.3
    wanted = theirs.keras.fit(inputs, targets, epochs=3, shuffle=False, **FIT).history["loss"]
    found = ours.fit(inputs, targets, epochs=3, shuffle=False, **FIT).history["loss"]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    for own, keras_weights in zip(ours.get_weights(), theirs.network.weights(), strict=True):
        np.testing.assert_allclose(own, keras_weights, rtol=1e-3, atol=1e-4)
