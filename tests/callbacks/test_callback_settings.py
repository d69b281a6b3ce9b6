"""What the settings of callbacks say about themselves: nobody else keeps a list of their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import (
    CALLBACKS,
    BackupAndRestore,
    Callback,
    CallbackContext,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    RemoteMonitor,
    TensorBoard,
    TerminateOnNaN,
    started,
)
from fittool.training.plan import Plan

KINDS = {
    "writes_only": {"CSVLogger", "TensorBoard", "RemoteMonitor", "ProgbarLogger", "BackupAndRestore", "MLflow", "WandB"},
    "steers": {"EarlyStopping", "ReduceLROnPlateau", "LearningRateScheduler", "TerminateOnNaN", "LambdaCallback", "python"},
    "adds_to_logs": {"LambdaCallback", "python"},
}


NEED_MORE = {"python", "LambdaCallback", "LearningRateScheduler", "TensorBoard", "MLflow", "WandB"}
"""Those that cannot start without arguments or an extra."""


@pytest.mark.parametrize("kind", KINDS)
def test_each_says_what_it_is(kind):
    assert {name for name, cls in CALLBACKS.members.items() if getattr(cls, kind)} == KINDS[kind]


def test_none_that_only_writes_steers():
    assert not KINDS["writes_only"] & KINDS["steers"]


@pytest.mark.parametrize(
    "name",
    sorted(set(CALLBACKS.members) - {"python", "LambdaCallback", "LearningRateScheduler", "TensorBoard", "MLflow", "WandB"}),
)
def test_the_object_at_work_adds_to_the_logs_as_the_setting_says(name):
    arguments = {"CSVLogger": {"filename": "a.csv"}, "BackupAndRestore": {"backup_dir": "b"}}.get(name, {})
    setting = CALLBACKS.members[name](**arguments)
    assert setting.start(CallbackContext(Path())).adds_to_logs == setting.adds_to_logs


def test_files_and_addresses():
    said = [
        (CSVLogger("log.csv"), {"filename": "log.csv"}, {}),
        (CSVLogger("/x/log.csv"), {"filename": "/x/log.csv"}, {}),
        (ModelCheckpoint("m-{epoch:02d}.safetensors"), {"filepath": "checkpoints/m-01.safetensors"}, {}),
        (ModelCheckpoint("/x/m.safetensors"), {"filepath": "/x/m.safetensors"}, {}),
        (ModelCheckpoint(), {}, {}),
        (TensorBoard("logs"), {"log_dir": "logs"}, {}),
        (BackupAndRestore("/b"), {"backup_dir": "/b"}, {}),
        (RemoteMonitor("http://a:1"), {}, {"root": "http://a:1"}),
        (EarlyStopping(), {}, {}),
    ]
    assert [(one.files(), one.addresses()) for one, _, _ in said] == [(files, addresses) for _, files, addresses in said]


class Counting(FakeEngine):
    """Counts how often the running values are read."""

    reads = 0

    def metrics(self):
        Counting.reads += 1
        return super().metrics()


class Sees(Callback):
    """Notes the logs of batches."""

    adds_to_logs = False

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(dict(logs))


def reads_with(*callbacks):
    Counting.reads = 0
    FakeTrainer(Counting([1.0], [1.0]), FakeLoader(5), FakeLoader(2), started(callbacks), Plan(2)).run()
    return Counting.reads


def test_a_callback_that_does_not_look_at_logs_costs_no_reading():
    assert reads_with(TerminateOnNaN()) == reads_with()
    sees = Sees()
    assert reads_with(TerminateOnNaN(), sees) == reads_with() + 10
    assert len(sees.seen) == 10 and all(sees.seen)
    assert reads_with(LambdaCallback(on_batch_end=lambda batch, logs: None)) == reads_with() + 10
