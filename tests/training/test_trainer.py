from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer, FiniteLoader

from fittool.callbacks import Callback, CallbackContext, EarlyStopping, ModelCheckpoint, TerminateOnNaN
from fittool.callbacks.snapshot import Snapshot
from fittool.errors import DivergedError, ExperimentError, Interrupted, UserCodeError
from fittool.training.display.progress import NullProgress, View
from fittool.training.history import History
from fittool.training.outcome import Outcome
from fittool.training.plan import Plan
from fittool.training.recording.recorder import NullRecorder

PLACE = CallbackContext(Path())


class Spy(Callback):
    """Writes down which hooks were called."""

    def __init__(self):
        self.calls = []

    def on_train_begin(self, logs=None):
        self.calls.append("train begin")

    def on_train_end(self, logs=None):
        self.calls.append("train end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch begin {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"epoch end {epoch} {' '.join(logs)}")

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(f"train {batch}")

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(f"trained {batch} {' '.join(logs)}")

    def on_test_begin(self, logs=None):
        self.calls.append("test begin")

    def on_test_end(self, logs=None):
        self.calls.append(f"test end {' '.join(logs)}")

    def on_test_batch_begin(self, batch, logs=None):
        self.calls.append(f"test {batch}")

    def on_test_batch_end(self, batch, logs=None):
        self.calls.append(f"tested {batch} {' '.join(logs)}")


class Keeper(NullRecorder):
    """Keeps in memory what would be saved."""

    def __init__(self, due=()):
        self.saved: list[tuple[str, Snapshot, str | None]] = []
        self.rows = []
        self.outcome: Outcome | None = None
        self.due_steps = due

    @property
    def saves(self):
        return True

    def due(self, step):
        return step in self.due_steps

    def epoch_finished(self, row, best, improved):
        self.rows.append(row)

    def save(self, snapshot, kind, path=None):
        self.saved.append((kind, snapshot, path))

    def finished(self, outcome):
        self.outcome = outcome


def trainer(engine=None, loader=None, validation=None, callbacks=(), *, epochs=1, plan=None, **options):
    plan = Plan(epochs) if plan is None else plan
    return FakeTrainer(engine or FakeEngine(), loader or FakeLoader(), validation, list(callbacks), plan, **options)


class StopAt(Callback):
    adds_to_logs = False

    def __init__(self, epoch=None, batch=None):
        self.epoch, self.batch = epoch, batch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.run.stop("enough")

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            self.run.stop_training = True


def test_hooks_come_in_the_order_of_keras():
    spy = Spy()
    trainer(loader=FakeLoader(2), validation=FakeLoader(1), callbacks=[spy]).run()
    assert spy.calls == [
        "train begin",
        "epoch begin 0",
        "train 0",
        "trained 0 loss accuracy",
        "train 1",
        "trained 1 loss accuracy",
        "test begin",
        "test 0",
        "tested 0 loss accuracy",
        "test end loss accuracy",
        "epoch end 0 loss accuracy val_loss val_accuracy learning_rate",
        "train end",
    ]


def test_an_epoch_is_a_pass_and_batches_are_numbered_across_epochs():
    loader = FakeLoader(3)
    training = trainer(loader=loader, epochs=2)
    training.run()
    assert training.engine.trained == [0, 1, 2, 3, 4, 5]
    assert loader.starts == [0]


def test_explicit_steps_go_on_where_the_last_epoch_stopped():
    training = trainer(loader=FakeLoader(3), plan=Plan(2, steps_per_epoch=2))
    training.run()
    assert training.engine.trained == [0, 1, 2, 3]


def test_more_steps_than_a_pass_go_into_the_next_pass():
    training = trainer(loader=FakeLoader(3), plan=Plan(1, steps_per_epoch=5))
    training.run()
    assert training.engine.trained == [0, 1, 2, 3, 4]


def test_more_steps_than_a_pass_are_an_error_in_fit_before_training():
    training = trainer(loader=FakeLoader(3), plan=Plan(1, steps_per_epoch=5, within_pass=True))
    with pytest.raises(ExperimentError, match="steps_per_epoch is 5, but the data have only 3 batches of 2"):
        training.run()
    assert training.engine.trained == []


@pytest.mark.parametrize(("plan", "first"), [(Plan(4, initial_epoch=2), 6), (Plan(4, initial_epoch=2, steps_per_epoch=2), 4)])
def test_initial_epoch_begins_at_that_epoch_and_its_batches(plan, first):
    training = trainer(loader=FakeLoader(3), plan=plan)
    training.run()
    assert training.history.epoch == [2, 3]
    assert training.engine.trained[0] == first


def test_two_trainings_in_a_row_equal_one():
    whole, engine = trainer(epochs=4), FakeEngine()
    whole.run()
    trainer(engine, epochs=2).run()
    trainer(engine, plan=Plan(4, initial_epoch=2)).run()
    assert engine.trained == whole.engine.trained


def test_no_epochs_left_train_nothing():
    training = trainer(plan=Plan(2, initial_epoch=2))
    assert training.run().reason == "completed"
    assert training.history.rows == []


def test_data_of_unknown_length_end_the_epoch():
    loader = FiniteLoader(2, 3)
    training = trainer(loader=loader, epochs=2)
    training.run()
    assert training.engine.trained == [0, 1, 2, 3, 4]
    assert loader.starts == [0, 2]


def test_a_generator_that_ends_early_is_an_error_with_both_numbers():
    with pytest.raises(UserCodeError, match=r"training data in epoch 2 ended after 1 of 2 batches"):
        trainer(loader=FiniteLoader(3), plan=Plan(2, steps_per_epoch=2)).run()


def test_an_exhausted_generator_is_an_error():
    with pytest.raises(UserCodeError, match="no batch of training data in epoch 2"):
        trainer(loader=FiniteLoader(3, 0), epochs=2).run()


def test_every_validation_begins_at_the_first_batch():
    training = trainer(validation=FakeLoader(4), plan=Plan(2, validation_steps=2))
    training.run()
    assert training.engine.tested == [0, 1, 0, 1]


def test_too_many_validation_steps_are_an_error_before_training():
    with pytest.raises(ExperimentError, match="validation_steps is 5, but the data have only 4 batches"):
        trainer(validation=FakeLoader(4), plan=Plan(2, validation_steps=5)).run()


def test_a_validation_generator_that_ends_early_is_an_error():
    with pytest.raises(UserCodeError, match="validation data in epoch 1 ended after 1 of 2"):
        trainer(validation=FiniteLoader(1), plan=Plan(1, validation_steps=2)).run()


@pytest.mark.parametrize(("frequency", "epochs"), [(2, [1, 3]), ([1, 4], [0, 3])])
def test_validation_frequency_counts_or_names_epochs(frequency, epochs):
    training = trainer(validation=FakeLoader(1), plan=Plan(4, validation_frequency=frequency))
    training.run()
    assert [row["epoch"] - 1 for row in training.history.rows if "val_loss" in row] == epochs


def test_a_row_holds_everything_in_order():
    training = trainer(FakeEngine([0.5, 1.5, 4.0]), validation=FakeLoader(1))
    training.run()
    (row,) = training.history.rows
    assert list(row) == [
        "epoch",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "learning_rate",
        "seconds",
        "examples_per_second",
        "data_seconds",
    ]
    assert (row["epoch"], row["loss"], row["val_loss"], row["learning_rate"]) == (1, 2.0, 1.0, 0.1)
    assert row["seconds"] > 0
    assert row["examples_per_second"] > 0
    assert 0 <= row["data_seconds"] <= row["seconds"]


def test_values_that_a_callback_adds_are_recorded_with_the_epoch():
    class Adds(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["f1"] = 0.5

    training = trainer(callbacks=[Adds()])
    training.run()
    assert training.history.history["f1"] == [0.5]


def test_a_history_that_is_given_is_used():
    history = History()
    trainer(callbacks=[history], epochs=2).run()
    assert history.epoch == [0, 1]


def test_stopping_in_an_epoch_still_validates_and_ends_it():
    spy = Spy()
    training = trainer(validation=FakeLoader(1), callbacks=[StopAt(batch=1), spy], epochs=5)
    outcome = training.run()
    assert training.engine.trained == [0, 1]
    assert "epoch end 0 loss accuracy val_loss val_accuracy learning_rate" in spy.calls
    assert (outcome.reason, outcome.epochs) == ("stopped", 1)


def test_stopping_after_an_epoch_lets_all_callbacks_run_first():
    spy = Spy()
    outcome = trainer(callbacks=[StopAt(epoch=1), spy], epochs=5).run()
    assert spy.calls[-2].startswith("epoch end 1")
    assert outcome.text == "Stopped at epoch 2: enough."


def test_metrics_are_not_read_for_callbacks_that_do_not_ask():
    training = trainer(loader=FakeLoader(50), callbacks=[EarlyStopping("loss").start(PLACE)])
    before = training.engine.reads
    training.run()
    assert training.engine.reads == before + 1


def test_ready_callbacks_without_batch_hooks_do_not_ask():
    setting = ModelCheckpoint("a.safetensors")
    training = trainer(callbacks=[EarlyStopping("loss").start(PLACE), setting.start(PLACE)], recorder=Keeper())
    assert training._callbacks.train_batch_end == ()


def test_divergence_is_an_error_that_names_step_and_mend():
    engine = FakeEngine([1.0, 1.0, 1.0, 2.0, math.nan])
    keeper = Keeper()
    with pytest.raises(DivergedError) as caught:
        trainer(engine, epochs=3, stop_on_divergence=True, recorder=keeper).run()
    assert str(caught.value) == (
        "loss became NaN at epoch 2, step 2 (last finite: 2), with sample 4. Largest weight: w, 4. "
        "The last good checkpoint is from epoch 1. Try a smaller learning rate (now 0.1) or clipnorm: 1."
    )
    assert [kind for kind, _, _ in keeper.saved] == ["last", "best", "diverged"]
    assert keeper.outcome.reason == "diverged"
    assert keeper.outcome.exit_code == 9


def test_divergence_is_found_before_a_save_in_the_middle():
    engine = FakeEngine([1.0, math.inf])
    keeper = Keeper(due=[3])
    with pytest.raises(DivergedError, match="epoch 1, step 2"):
        trainer(engine, loader=FakeLoader(9), stop_on_divergence=True, recorder=keeper).run()
    assert len(engine.trained) == 2
    assert [kind for kind, _, _ in keeper.saved] == ["diverged"]


def test_weights_that_are_not_finite_are_not_saved():
    engine = FakeEngine()
    engine.state = lambda: {"weights/w": engine._weight * math.nan}
    with pytest.raises(DivergedError, match="w is not finite after epoch 1"):
        trainer(engine, stop_on_divergence=True, recorder=Keeper()).run()


def test_without_the_watch_a_loss_may_be_nan():
    training = trainer(FakeEngine([math.nan]), epochs=2)
    assert training.run().reason == "completed"
    assert math.isnan(training.history.rows[1]["loss"])


def test_terminate_on_nan_stops_at_the_batch():
    training = trainer(FakeEngine([1.0, math.nan]), loader=FakeLoader(5), callbacks=[TerminateOnNaN().start(PLACE)], epochs=3)
    assert training.run().text == "Stopped at epoch 1: the loss is not finite at batch 2."
    assert training.engine.trained == [0, 1]


def test_terminate_on_nan_can_raise():
    with pytest.raises(DivergedError, match="not finite at batch 1"):
        trainer(FakeEngine([math.nan]), callbacks=[TerminateOnNaN(raise_error=True).start(PLACE)]).run()


def after_steps(count, number=15):
    """An interruption that comes after so many questions."""
    asked = []

    def interruption():
        asked.append(1)
        return Interrupted(number) if len(asked) >= count else None

    return interruption


def test_an_interruption_finishes_the_step_and_saves_there():
    keeper = Keeper()
    with pytest.raises(Interrupted, match="SIGTERM"):
        trainer(loader=FakeLoader(5), recorder=keeper, interruption=after_steps(2)).run()
    ((kind, snapshot, _),) = keeper.saved
    assert kind == "last"
    assert (snapshot.position.epoch, snapshot.position.step_in_epoch, snapshot.position.step) == (0, 2, 2)
    assert (keeper.outcome.reason, keeper.outcome.exit_code) == ("interrupted", 143)


@pytest.mark.parametrize("steps", range(1, 16))
def test_resuming_after_any_step_equals_training_straight_through(steps):
    losses, val_losses = [1 / (1 + step) for step in range(9)], [0.5, 0.4, 0.6]

    def make(engine, **options):
        stopping = EarlyStopping(patience=1).start(PLACE)
        return trainer(engine, FakeLoader(3), FakeLoader(2), [stopping], epochs=5, **options)

    straight = make(FakeEngine(losses, val_losses))
    straight.run()
    keeper, first = Keeper(), FakeEngine(losses, val_losses)
    with pytest.raises(Interrupted, match="SIGTERM"):
        make(first, recorder=keeper, interruption=after_steps(steps)).run()
    engine = FakeEngine(losses, val_losses)
    resumed = make(engine)
    resumed.load_snapshot(keeper.saved[-1][1], keeper.rows)
    resumed.run()
    assert [*first.trained, *engine.trained] == straight.engine.trained
    assert resumed.history.history == straight.history.history
    assert resumed.best.best.epoch == straight.best.best.epoch


def test_the_end_is_recorded_when_a_callback_fails():
    class Fails(Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise ZeroDivisionError("mine")

    keeper, spy, loader = Keeper(), Spy(), FakeLoader()
    with pytest.raises(ZeroDivisionError, match="mine"):
        trainer(loader=loader, callbacks=[Fails(), spy], recorder=keeper).run()
    assert keeper.outcome.reason == "failed"
    assert spy.calls[-1] == "train end"
    assert loader.closed == 1


def test_an_error_at_the_end_does_not_hide_the_first_one():
    class Fails(Callback):
        def on_train_batch_begin(self, batch, logs=None):
            raise ZeroDivisionError("first")

        def on_train_end(self, logs=None):
            raise KeyError("second")

    with pytest.raises(ZeroDivisionError, match="first") as caught:
        trainer(callbacks=[Fails()]).run()
    assert "second" in caught.value.__notes__[0]


def test_last_is_saved_each_epoch_and_best_when_it_improved():
    keeper = Keeper()
    trainer(FakeEngine(val_losses=[0.5, 0.7, 0.4]), validation=FakeLoader(1), epochs=3, recorder=keeper).run()
    assert [(kind, snapshot.position.epoch) for kind, snapshot, _ in keeper.saved] == [
        ("last", 1),
        ("best", 1),
        ("last", 2),
        ("last", 3),
        ("best", 3),
    ]


def test_last_holds_the_state_before_best_weights_are_put_back():
    keeper = Keeper()
    stopping = EarlyStopping(patience=1, restore_best_weights=True).start(PLACE)
    training = trainer(
        FakeEngine(val_losses=[0.5, 0.7]), validation=FakeLoader(1), callbacks=[stopping], epochs=9, recorder=keeper
    )
    outcome = training.run()
    assert keeper.saved[-1][1].tensors["weights/w"] == 5
    assert training.engine.state()["weights/w"] == 2
    assert outcome.text == "Stopped at epoch 2: val_loss has not improved for 1 epoch."
    assert outcome.summary.endswith(" Best: epoch 1, val_loss 0.5000, val_accuracy 0.5000 (restored).")


def test_best_follows_model_checkpoint():
    keeper = Keeper()
    checkpoint = ModelCheckpoint(monitor="val_accuracy").start(PLACE)
    options = {"directions": {"accuracy": "max"}, "recorder": keeper, "epochs": 3}
    training = trainer(FakeEngine(val_losses=[0.5, 0.7, 0.4]), None, FakeLoader(1), [checkpoint], **options)
    training.run()
    assert (training.best.best.monitor, training.best.best.epoch) == ("val_accuracy", 3)


def test_the_display_is_asked_before_metrics_are_read():
    class Eager(NullProgress):
        def __init__(self):
            self.views: list[View] = []

        def due(self):
            return True

        def look(self, view):
            self.views.append(view)

    eager = Eager()
    trainer(loader=FakeLoader(2), validation=FakeLoader(1), progress=eager).run()
    seen = [(view.epoch, view.done, view.steps, view.validating) for view in eager.views]
    assert seen == [
        (1, 1, 2, False),
        (1, 2, 2, False),
        (1, 1, 1, True),
    ]
    assert replace(eager.views[0], seconds=2.0, examples=4).examples_per_second == 2


def test_keras_callbacks_reach_the_learning_rate():
    class Keras(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.run.learning_rate = 0.5

    training = trainer(callbacks=[Keras()])
    training.run()
    assert training.engine.learning_rate == 0.5


def test_callbacks_get_the_model_which_is_told_of_the_training():
    class Model:
        run = None

    callback, model = Callback(), Model()
    trainer(callbacks=[callback], model=model).run()
    assert callback.model is model
    assert model.run is callback.run
