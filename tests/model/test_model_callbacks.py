"""Callbacks in Python: forms, the model that they get, and the traps of Keras's that concern them."""

from __future__ import annotations

import numpy as np
import pytest

import fittool as ft


def test_callbacks_come_as_names_mappings_objects_and_own_classes(model, x, y):
    class Own(ft.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1

    own = Own()
    model.fit(x, y, epochs=2, verbose=0, callbacks=[
        "TerminateOnNaN", {"EarlyStopping": {"monitor": "loss"}}, ft.callbacks.EarlyStopping("loss"), own])  # fmt: skip
    assert own.epochs >= 1


def test_the_model_of_a_callback_is_the_model(model, x, y):
    class Own(ft.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.start = self.model.get_weights()

        def on_epoch_end(self, epoch, logs=None):
            self.model.set_weights(self.start)

    own = Own()
    model.fit(x, y, epochs=1, verbose=0, callbacks=own)
    assert own.model is model
    assert all(np.array_equal(a, b) for a, b in zip(own.start, model.get_weights(), strict=True))


def test_stop_training_ends_the_epoch_and_training(model, x, y):
    class Stops(ft.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    assert model.fit(x, y, epochs=5, verbose=0, callbacks=[Stops()]).epoch == [0]
    assert model.fit(x, y, epochs=2, verbose=0).epoch == [0, 1]


def test_the_learning_rate_is_reached_as_in_keras(model, x, y):
    class Halves(ft.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.optimizer.learning_rate = self.model.optimizer.learning_rate / 2

    assert model.fit(x, y, epochs=3, verbose=0, callbacks=[Halves()]).history["learning_rate"] == [0.1, 0.05, 0.025]


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau"])
def test_a_watched_name_that_is_not_there_is_an_error_before_training(model, x, y, name):
    """Keras warns in every epoch."""
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"{name} watches val_loss, .*no validation data"):
        model.fit(x, y, verbose=0, callbacks=[name])
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_model_checkpoint_with_a_wrong_name_saves_nothing(model, x, y, tmp_path):
    """Keras saves in every epoch."""
    callback = ft.callbacks.ModelCheckpoint(str(tmp_path / "m.safetensors"), monitor="val_acuracy", save_best_only=True)
    with pytest.raises(ValueError, match=r"watches val_acuracy.*Did you mean val_accuracy"):
        model.fit(x, y, verbose=0, callbacks=[callback], validation_split=0.2)
    assert list(tmp_path.iterdir()) == []


def test_early_stopping_without_patience_stops_at_the_first_epoch_without_improvement(make, x, y):
    """In Keras a patience of 0 acts like 1, and the second epoch is not looked at."""
    model = make(optimizer={"SGD": {"learning_rate": 0.0}})
    history = model.fit(x, y, epochs=9, verbose=0, shuffle=False, callbacks=[ft.callbacks.EarlyStopping("loss", patience=0)])
    assert history.epoch == [0, 1]


def test_directions_of_metrics_are_known(model, x, y):
    seen = {}

    class Looks(ft.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.update(self.run.directions)

    model.fit(x, y, epochs=1, verbose=0, callbacks=[Looks()])
    assert seen == {"accuracy": "max"}


def test_learning_rate_is_in_every_row_whatever_the_order_of_callbacks(model, x, y, tmp_path):
    """In Keras a CSVLogger before the callback that sets the rate has no such column."""
    path = tmp_path / "log.csv"
    callbacks = [ft.callbacks.CSVLogger(str(path)), ft.callbacks.ReduceLROnPlateau("loss")]
    model.fit(x, y, epochs=2, verbose=0, callbacks=callbacks)
    assert "learning_rate" in path.read_text().splitlines()[0]


def test_one_callback_object_serves_two_models(make, x, y):
    stopping = ft.callbacks.EarlyStopping("loss", min_delta=1e9, patience=1)
    for model in (make(), make()):
        assert len(model.fit(x, y, epochs=9, verbose=0, callbacks=[stopping]).epoch) == 2
        assert (stopping.stopped_epoch, stopping.model) == (1, model)
