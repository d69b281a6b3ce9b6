from __future__ import annotations

import math
from pathlib import Path

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import Callback, CallbackContext, EarlyStopping, started
from fittool.errors import ExperimentError
from fittool.training.plan import Plan


def train(values, *callbacks, epochs=None, **options):
    engine = FakeEngine(val_losses=values)
    callbacks = [
        callback if isinstance(callback, Callback) else callback.start(CallbackContext(Path())) for callback in callbacks
    ]
    return FakeTrainer(engine, FakeLoader(3), FakeLoader(1), callbacks, Plan(epochs or len(values)), **options)


@pytest.mark.parametrize(
    ("arguments", "values", "epochs"),
    [
        ({"patience": 0}, [1, 2, 0, 0], 2),
        ({"patience": 1}, [1, 2, 0, 0], 2),
        ({"patience": 2}, [1, 2, 0.5, 2, 2, 0], 5),
        ({"patience": 0}, [3, 2, 1], 3),
        ({"patience": 1}, [1, 1, 0], 2),
        ({"patience": 1, "min_delta": 0.5}, [3, 2, 1.6, 0], 3),
        ({"patience": 1, "min_delta": -0.5}, [3, 2, 1.6, 0], 3),
        ({"patience": 1, "start_from_epoch": 2}, [1, 5, 6, 7, 0], 4),
        ({"patience": 2, "baseline": 0.5}, [1, 2, 0, 3, 0], 2),
        ({"patience": 2, "baseline": 0.5}, [1, 0.9, 0.8, 0.7, 0.9, 0], 5),
        ({"patience": 1, "mode": "max"}, [1, 2, 3, 2, 9], 4),
        ({"patience": 2}, [math.nan, 2, 1, 3, 3, 0], 5),
        ({"patience": 0}, [math.nan, 1, 0], 1),
        ({"patience": 2}, [2, math.nan, math.nan, 0], 3),
    ],
)
def test_the_epoch_at_which_it_stops(arguments, values, epochs):
    training = train(values, EarlyStopping(**arguments))
    training.run()
    assert len(training.history.rows) == epochs


@pytest.mark.parametrize(("values", "best"), [([3, 1, 2, 2], 2), ([3, 2, 1], 3), ([math.nan, 3, 4], 2)])
def test_the_best_weights_are_put_back_also_without_a_stop(values, best):
    training = train(values, EarlyStopping(patience=2, restore_best_weights=True))
    training.run()
    assert training.engine.state()["weights/w"] == best * 3 - 1


def test_weights_stay_where_no_epoch_was_ever_better():
    training = train([math.nan, math.nan], EarlyStopping(patience=9, restore_best_weights=True))
    training.run()
    assert training.engine.state()["weights/w"] == 5


def test_a_metric_knows_its_own_direction():
    training = train([3, 2, 1, 2], EarlyStopping("val_accuracy"), directions={"accuracy": "max"})
    assert training.run().text == "Stopped at epoch 4: val_accuracy has not improved for 1 epoch."


def test_a_metric_without_direction_needs_a_mode():
    with pytest.raises(ExperimentError, match=r"whether more or less val_accuracy is better\. Give mode: min or mode: max"):
        train([1], EarlyStopping("val_accuracy")).run()


def test_a_wrong_name_is_an_error_before_training():
    training = train([1], EarlyStopping("val_acuracy"))
    with pytest.raises(ExperimentError, match=r"there are: loss, .*, learning_rate. Did you mean val_accuracy\?"):
        training.run()
    assert training.engine.trained == []


def test_a_validation_value_without_validation_is_an_error():
    training = FakeTrainer(FakeEngine(), FakeLoader(), None, [EarlyStopping().start(CallbackContext())], Plan(1))
    with pytest.raises(ExperimentError, match=r"There are no validation data\. Did you mean loss"):
        training.run()


class Adds(Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["f1"] = epoch


def test_a_value_that_a_callback_adds_can_be_watched():
    training = train([1, 1], Adds(), EarlyStopping("f1", mode="min", patience=1), epochs=5)
    training.run()
    assert len(training.history.rows) == 2


def test_a_wrong_name_beside_such_a_callback_is_found_after_an_epoch():
    with pytest.raises(ExperimentError, match="EarlyStopping watches f2"):
        train([1, 1], Adds(), EarlyStopping("f2", mode="min")).run()


def test_epochs_without_validation_do_not_count():
    callback = EarlyStopping(patience=1).start(CallbackContext())
    training = FakeTrainer(
        FakeEngine(val_losses=[9, 1, 9, 2, 0]), FakeLoader(), FakeLoader(), [callback], Plan(9, validation_frequency=2)
    )
    training.run()
    assert len(training.history.rows) == 4


def test_it_says_what_it_does_if_asked():
    said = []
    training = train([1, 2], EarlyStopping(verbose=1, restore_best_weights=True))
    training._control.say = said.append
    training.run()
    assert said == ["EarlyStopping: val_loss has not improved for 1 epoch.", "EarlyStopping: put back the weights of epoch 1."]


def test_after_training_the_setting_shows_what_people_from_keras_look_for():
    setting = EarlyStopping("loss", patience=2, restore_best_weights=True)
    with pytest.raises(AttributeError, match="EarlyStopping has no stopped_epoch"):
        _ = setting.stopped_epoch
    FakeTrainer(FakeEngine([1, 2, 3, 4], steps_per_epoch=1), FakeLoader(1), None, started([setting]), Plan(9)).run()
    assert (setting.stopped_epoch, setting.best_epoch, setting.best, setting.wait, setting.patience) == (2, 0, 1.0, 2, 2)
    assert list(setting.best_weights) == ["weights/w"]
    assert setting == EarlyStopping("loss", patience=2, restore_best_weights=True)
