"""Callbacks on scripted numbers: a first callback writes the same values into the logs of both, epoch by epoch."""

from __future__ import annotations

import csv
import math

import keras
import numpy as np
import pytest
from parity.networks import chain
from parity.pair import Pair, numbers

import fittool as ft

X, Y, EPOCHS = numbers(16, 5), numbers(16, 2, seed=2), 10
FIT = {"batch_size": 8, "epochs": EPOCHS, "shuffle": False, "verbose": 0, "validation_data": (X, Y)}
SCRIPTS = {
    "falling": [1.0, 0.8, 0.9, 0.7, 0.71, 0.72, 0.69, 0.6999, 0.695, 0.6901],
    "rising": [0.1, 0.5, 0.4, 0.6, 0.6, 0.59, 0.61, 0.6, 0.6, 0.6],
    "flat": [0.5] * 10,
    "spike": [1.0, 0.5, 3.0, 0.4, 0.4, 0.4, 0.3, 0.3, 0.3, 0.3],
    "late nan": [1.0, 0.9, math.nan, 0.8, math.nan, math.nan, math.nan, 0.1, 0.1, 0.1],
}


def script(callback_class, values):
    """A callback that puts `values` in the place of the validation's loss."""

    class Script(callback_class):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = values[epoch]

    return Script()


def trained(name, arguments, values, theirs=None, **settings):
    """The same training in both with the callback behind the script: the pair and both histories."""
    pair = Pair(chain((5,), {"Dense": {"units": 2}}))
    their_callback = getattr(keras.callbacks, name)(**(theirs or arguments))
    keras_history = pair.keras.fit(X, Y, callbacks=[script(keras.callbacks.Callback, values), their_callback], **FIT | settings)
    our_callbacks = [script(ft.callbacks.Callback, values), getattr(ft.callbacks, name)(**arguments)]
    our_history = pair.ours.fit(X, Y, callbacks=our_callbacks, **FIT | settings)
    return pair, our_history, keras_history


STOPS = [
    ({"patience": 1}, "falling"),
    ({"patience": 2}, "falling"),
    ({"patience": 3}, "falling"),
    ({"patience": 2, "min_delta": 0.05}, "falling"),
    ({"patience": 2, "min_delta": -0.05}, "falling"),
    ({"patience": 3, "mode": "max"}, "rising"),
    ({"patience": 2, "mode": "max", "min_delta": 0.05}, "rising"),
    ({"patience": 2, "mode": "min"}, "rising"),
    ({"patience": 4}, "flat"),
    ({"patience": 1, "start_from_epoch": 3}, "falling"),
    ({"patience": 2, "start_from_epoch": 5}, "spike"),
    ({"patience": 3, "baseline": 0.75}, "falling"),
    ({"patience": 5, "baseline": 0.2}, "falling"),
    ({"patience": 2, "baseline": 2.0}, "spike"),
    ({"patience": 3}, "late nan"),
    ({"patience": 2}, "spike"),
]


@pytest.mark.parametrize("restore", [False, True], ids=["keep", "restore"])
@pytest.mark.parametrize(("arguments", "values"), STOPS, ids=str)
def test_early_stopping_stops_and_restores(arguments, values, restore):
    pair, ours, theirs = trained("EarlyStopping", arguments | {"restore_best_weights": restore}, SCRIPTS[values])
    assert ours.epoch == theirs.epoch
    pair.assert_same_weights()


@pytest.mark.parametrize("values", [[1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.9], SCRIPTS["spike"]], ids=["last", "spike"])
def test_early_stopping_restores_without_a_stop(values):
    pair, _, _ = trained("EarlyStopping", {"patience": 20, "restore_best_weights": True}, values)
    pair.assert_same_weights()


PLATEAUS = [
    ({"patience": 1}, "falling"),
    ({"patience": 2, "factor": 0.5}, "falling"),
    ({"patience": 0, "factor": 0.5}, "falling"),
    ({"patience": 1, "factor": 0.5, "cooldown": 2}, "flat"),
    ({"patience": 2, "factor": 0.5, "cooldown": 1}, "flat"),
    ({"patience": 1, "factor": 0.2, "min_lr": 0.0005}, "flat"),
    ({"patience": 1, "min_delta": 0.05, "factor": 0.5}, "falling"),
    ({"patience": 2, "mode": "max", "factor": 0.7}, "rising"),
    ({"patience": 1, "factor": 0.5}, "late nan"),
    ({"patience": 2, "factor": 0.5}, "spike"),
]


@pytest.mark.parametrize(("arguments", "values"), PLATEAUS, ids=str)
def test_reduce_lr_on_plateau_gives_the_same_rates(arguments, values):
    pair, ours, theirs = trained("ReduceLROnPlateau", arguments, SCRIPTS[values])
    np.testing.assert_allclose(ours.history["learning_rate"], theirs.history["learning_rate"], rtol=1e-6)
    pair.assert_same_weights()


RULES = {
    "by epoch": lambda epoch: 0.05 / (epoch + 1),
    "from the last": lambda epoch, rate: rate * 0.7,
    "in steps": lambda epoch, rate: rate if epoch % 3 else rate / 2,
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("settings", [{}, {"initial_epoch": 4}], ids=["all", "late"])
def test_learning_rate_scheduler_gives_the_same_rates(rule, settings):
    pair, ours, theirs = trained("LearningRateScheduler", {"schedule": rule}, SCRIPTS["flat"], **settings)
    np.testing.assert_allclose(ours.history["learning_rate"], theirs.history["learning_rate"], rtol=1e-6)
    pair.assert_same_weights()


SAVES = [
    ("{epoch:02d}", {}, "falling"),
    ("{epoch:02d}-{val_loss:.2f}", {"save_best_only": True}, "falling"),
    ("{epoch}", {"save_best_only": True, "mode": "max"}, "rising"),
    ("{epoch}", {"save_best_only": True, "initial_value_threshold": 0.75}, "falling"),
    ("{epoch}", {"save_best_only": True}, "flat"),
    ("{epoch}", {"save_best_only": True}, "late nan"),
    ("{epoch}-{batch}", {"save_freq": 3}, "flat"),
    ("{epoch}-{batch}", {"save_freq": 7}, "flat"),
    ("only", {"save_best_only": True}, "spike"),
]


@pytest.mark.parametrize(("template", "arguments", "values"), SAVES, ids=str)
def test_model_checkpoint_saves_the_same_files(template, arguments, values, tmp_path):
    (tmp_path / "ours").mkdir()
    ours = {"filepath": f"{tmp_path}/ours/{template}.safetensors"}
    theirs = {"filepath": f"{tmp_path}/theirs/{template}.weights.h5", "save_weights_only": True}
    pair, _, _ = trained("ModelCheckpoint", arguments | ours, SCRIPTS[values], arguments | theirs)
    saved = sorted(path.name.removesuffix(".weights.h5") for path in (tmp_path / "theirs").iterdir())
    assert sorted(path.stem for path in (tmp_path / "ours").glob("*.safetensors")) == saved
    for stem in saved:
        pair.keras.load_weights(tmp_path / "theirs" / f"{stem}.weights.h5")
        pair.ours = ft.load_model(tmp_path / "ours" / f"{stem}.safetensors")
        pair.assert_same_weights()


def rows_of(file, separator):
    with open(file, newline="") as text:
        return list(csv.DictReader(text, delimiter=separator))


@pytest.mark.parametrize("separator", [",", ";"])
def test_csv_logger_writes_the_same_table(tmp_path, separator):
    files = {side: str(tmp_path / f"{side}.csv") for side in ("ours", "theirs")}
    arguments = {side: {"filename": file, "separator": separator} for side, file in files.items()}
    trained("CSVLogger", arguments["ours"], SCRIPTS["falling"], arguments["theirs"])
    ours, theirs = (rows_of(files[side], separator) for side in ("ours", "theirs"))
    assert [row["epoch"] for row in ours] == [row["epoch"] for row in theirs]
    assert set(ours[0]) == set(theirs[0]) | {"learning_rate"}
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose([float(row[name]) for row in ours], [float(row[name]) for row in theirs], rtol=1e-5)


def test_terminate_on_nan_stops_after_the_same_batch():
    y = Y.copy()
    y[12] = 3e38  # its square is infinite; fittool refuses NaN before training
    pair = Pair(chain((5,), {"Dense": {"units": 2}}))
    seen = {"ours": [], "theirs": []}

    def spy(callback_class, side):
        class Spy(callback_class):
            def on_train_batch_end(self, batch, logs=None):
                seen[side].append(batch)

        return Spy()

    settings = {"batch_size": 4, "epochs": 3, "shuffle": False, "verbose": 0}
    pair.keras.fit(X, y, callbacks=[spy(keras.callbacks.Callback, "theirs"), keras.callbacks.TerminateOnNaN()], **settings)
    pair.ours.fit(X, y, callbacks=[spy(ft.callbacks.Callback, "ours"), ft.callbacks.TerminateOnNaN()], **settings)
    assert seen["ours"] == seen["theirs"] == [0, 1, 2, 3]


HOOKS = ("on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_train_batch_begin", "on_train_batch_end",
         "on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end")  # fmt: skip


def recorder(callback_class, calls):
    """A callback that writes down every hook with its number and the names in its logs."""

    def hook(name):
        def call(self, *arguments, logs=None):
            number = [argument for argument in arguments if isinstance(argument, int)]
            given = logs if logs is not None else next((argument for argument in arguments if isinstance(argument, dict)), {})
            calls.append((name, *number, *sorted(set(given or {}) - {"learning_rate"})))

        return call

    return type("Recorder", (callback_class,), {name: hook(name) for name in HOOKS})()


@pytest.mark.parametrize("settings", [{}, {"validation_freq": 2}, {"initial_epoch": 2}, {"validation_data": None}], ids=str)
def test_hooks_come_in_the_same_order_with_the_same_logs(settings):
    pair, ours, theirs = Pair(chain((5,), {"Dense": {"units": 2}}), metrics=["mae"]), [], []
    settings = FIT | {"epochs": 3} | settings
    pair.keras.fit(X, Y, callbacks=[recorder(keras.callbacks.Callback, theirs)], **settings)
    pair.ours.fit(X, Y, callbacks=[recorder(ft.callbacks.Callback, ours)], **settings)
    assert ours == theirs
