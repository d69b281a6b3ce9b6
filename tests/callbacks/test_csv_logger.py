from __future__ import annotations

from types import SimpleNamespace

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CallbackContext, CSVLogger, ReduceLROnPlateau
from fittool.errors import ArgumentError, StorageError
from fittool.training.plan import Plan


def train(folder, *settings, frequency=1, epochs=2):
    callbacks = [setting.start(CallbackContext(folder)) for setting in settings]
    engine = FakeEngine([0.5], [0.25])
    FakeTrainer(engine, FakeLoader(), FakeLoader(), callbacks, Plan(epochs, validation_frequency=frequency)).run()


def test_it_writes_epochs_from_zero_with_sorted_columns(tmp_path):
    train(tmp_path, CSVLogger("log.csv"))
    assert (tmp_path / "log.csv").read_text() == (
        "epoch,accuracy,learning_rate,loss,val_accuracy,val_loss\n0,0.5,0.1,0.5,0.75,0.25\n1,0.5,0.1,0.5,0.75,0.25\n"
    )


def test_late_columns_are_complete(tmp_path):
    train(tmp_path, CSVLogger("log.csv", ";"), frequency=2)
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch;accuracy;learning_rate;loss;val_accuracy;val_loss"
    assert [line.split(";")[-1] for line in lines[1:]] == ["NA", "0.25"]


def test_the_learning_rate_is_there_whatever_the_order(tmp_path):
    train(tmp_path, CSVLogger("log.csv"), ReduceLROnPlateau(patience=1), epochs=3)
    assert [line.split(",")[2] for line in (tmp_path / "log.csv").read_text().splitlines()[1:]] == [
        "0.1",
        "0.1",
        "0.010000000000000002",
    ]


@pytest.mark.parametrize(("append", "lines"), [(False, 3), (True, 4)])
def test_an_old_file_is_replaced_or_continued(tmp_path, append, lines):
    (tmp_path / "log.csv").write_text("epoch,loss,old\n0,NA,7\n")
    train(tmp_path, CSVLogger("log.csv", append=append))
    assert len((tmp_path / "log.csv").read_text().splitlines()) == lines
    assert ("0,NA,NA,NA,7,NA,NA" in (tmp_path / "log.csv").read_text()) is append


def test_an_unreadable_old_file_is_an_error(tmp_path):
    (tmp_path / "log.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(StorageError, match="CSVLogger cannot append"):
        train(tmp_path, CSVLogger("log.csv", append=True))


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(StorageError, match=r"missing/log\.csv"):
        train(tmp_path, CSVLogger("missing/log.csv"))


def test_a_log_that_goes_on_keeps_the_rows_that_its_checkpoint_counts(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,loss\n0,1.0\n1,7.0\n2,8.0\n")
    logger = CSVLogger("log.csv").start(CallbackContext(tmp_path))
    logger.load_state({"rows": 1})
    logger.on_train_begin()
    logger.on_epoch_end(1, {"loss": 0.5})
    assert (tmp_path / "log.csv").read_text() == "epoch,loss\n0,1.0\n1,0.5\n"
    assert logger.state() == {"rows": 2}


def test_rows_that_are_lost_are_told(tmp_path):
    logger = CSVLogger("log.csv").start(CallbackContext(tmp_path))
    said = []
    logger.run = SimpleNamespace(say=said.append)
    logger.load_state({"rows": 3})
    logger.on_train_begin()
    assert said == [f"warning: {tmp_path}/log.csv: 3 rows of the training before are lost."]


def test_a_separator_is_one_character():
    with pytest.raises(ArgumentError, match="must be one character"):
        CSVLogger("log.csv", ", ")
