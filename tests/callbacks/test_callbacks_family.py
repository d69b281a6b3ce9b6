from __future__ import annotations

import copy
import dataclasses
import gc
import inspect
import pickle
import weakref

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CALLBACKS, Callback, EarlyStopping, started
from fittool.callbacks.control import Control
from fittool.callbacks.group import CallbackGroup
from fittool.settings import fields_of
from fittool.training.plan import Plan

KERAS = {
    "BackupAndRestore": "backup_dir save_freq double_checkpoint delete_checkpoint",
    "LambdaCallback": "on_epoch_begin on_epoch_end on_train_begin on_train_end on_train_batch_begin on_train_batch_end",
    "RemoteMonitor": "root path field headers send_as_json",
    "ProgbarLogger": "",
    "TensorBoard": "log_dir histogram_freq write_graph write_images write_steps_per_second update_freq profile_batch "
    "embeddings_freq embeddings_metadata",
    "MLflow": "tracking_uri experiment_name run_name tags log_params",  # this and the next have no model in Keras
    "WandB": "project entity name mode tags",
    "python": "class arguments",
    "EarlyStopping": "monitor min_delta patience verbose mode baseline restore_best_weights start_from_epoch",
    "ModelCheckpoint": "filepath monitor verbose save_best_only save_weights_only mode save_freq initial_value_threshold",
    "ReduceLROnPlateau": "monitor factor patience verbose mode min_delta cooldown min_lr",
    "LearningRateScheduler": "schedule verbose",
    "CSVLogger": "filename separator append",
    "TerminateOnNaN": "raise_error",
}


@pytest.mark.parametrize("name", CALLBACKS.members)
def test_arguments_are_those_of_keras_in_its_order(name):
    fields = fields_of(CALLBACKS.members[name])
    assert " ".join(field for field, info in fields.items() if not info.kw_only) == KERAS[name]


@pytest.mark.parametrize("name", CALLBACKS.members)
def test_every_argument_is_described(name):
    assert all(field.description.endswith(".") for field in fields_of(CALLBACKS.members[name]).values())


def test_names_arguments_and_custom_callbacks_are_welcome():
    custom = Callback()
    parsed = [CALLBACKS.parse(value) for value in ("early_stopping", {"EarlyStopping": {"patience": 3}}, custom)]
    assert parsed == [EarlyStopping(), EarlyStopping(patience=3), custom]


def test_each_start_has_fresh_state():
    setting = EarlyStopping()
    first, second = started([setting, setting])
    assert first is not second


def trained(setting, losses):
    """The callback of a training with these losses, an epoch each."""
    (callback,) = started([setting])
    FakeTrainer(FakeEngine(losses, steps_per_epoch=1), FakeLoader(1), None, [callback], Plan(len(losses))).run()
    return callback


def test_one_setting_serves_several_trainings_and_shows_the_last():
    setting = EarlyStopping("loss", patience=1)
    first, second = trained(setting, [1, 2, 3, 4]), trained(setting, [3, 2, 1, 2, 3])
    assert (first.stopped_epoch, first.best) == (1, 1)
    assert (setting.stopped_epoch, setting.best) == (second.stopped_epoch, second.best) == (3, 1)
    assert (setting, vars(setting)) == (EarlyStopping("loss", patience=1), vars(EarlyStopping("loss", patience=1)))


def test_trainings_that_share_a_setting_do_not_see_each_other():
    setting = EarlyStopping("loss", patience=1)
    one, other = started([setting, setting])
    one.wait = 5
    assert (other.wait, setting.wait) == (0, 0)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, dataclasses.replace, lambda setting: pickle.loads(pickle.dumps(setting))]
)
def test_a_copy_of_a_setting_was_in_no_training(duplicate):
    setting = EarlyStopping("loss")
    trained(setting, [1])
    assert duplicate(setting) == setting
    with pytest.raises(AttributeError, match="EarlyStopping has no stopped_epoch"):
        _ = duplicate(setting).stopped_epoch


def test_a_training_goes_with_the_last_who_knows_it():
    setting = EarlyStopping("loss")
    callback = trained(setting, [1])
    callback.user = setting  # as a function of the user's may know both
    gone = weakref.ref(callback)
    del setting, callback
    gc.collect()
    assert gone() is None


def test_states_go_by_name_and_number():
    engine = FakeEngine()
    callbacks = started([EarlyStopping("loss"), EarlyStopping("val_loss")])
    callbacks[0].wait, callbacks[1].wait = 1, 2
    state = CallbackGroup(callbacks, Control(engine)).state()
    assert {name: value["wait"] for name, value in state.items()} == {"EarlyStopping": 1, "EarlyStopping_1": 2}
    fewer = started([EarlyStopping("loss")])
    CallbackGroup(fewer, Control(engine)).load_state(state)
    assert fewer[0].wait == 1


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_batch_end"])
def test_a_hook_may_be_put_on_the_object(hook):
    seen = []
    callback = Callback()
    setattr(callback, hook, lambda batch, logs=None: seen.append(batch))
    FakeTrainer(FakeEngine(), FakeLoader(3), None, [callback], Plan(1)).run()
    assert seen == [0, 1, 2]


def test_hooks_have_the_names_and_arguments_of_keras():
    hooks = [f"on_{kind}batch_{end}" for kind in ("", "train_", "test_", "predict_") for end in ("begin", "end")]
    for hook in hooks:
        assert list(inspect.signature(getattr(Callback, hook)).parameters) == ["self", "batch", "logs"]


def test_weights_are_read_and_put_back():
    engine = FakeEngine()
    control = Control(engine)
    before = control.get_weights()
    engine.load_state({"weights/w": before["weights/w"] + 5})
    control.set_weights(before)
    assert list(before) == ["weights/w"]
    assert control.get_weights()["weights/w"] == 0


def test_the_first_reason_to_stop_counts():
    control = Control(FakeEngine())
    control.stop("one")
    control.stop("two")
    assert control.stop_reason == "one"
