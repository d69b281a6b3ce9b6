from __future__ import annotations

from types import SimpleNamespace

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CallbackContext, CSVLogger, ReduceLROnPlateau
from fittool.errors import ArgumentError, StorageError
from fittool.runs.files.text_table import digest_of_rows
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
    assert logger.state()["rows"] == 2


RUN = [{"epoch": 1, "stage": "a", "loss": 1.0, "seconds": 0.1}, {"epoch": 2, "loss": 0.5, "seconds": 0.1}]


def going_on(folder, state, said, **options):
    """A logger of a run that goes on, and a second one that wrote nothing yet."""
    logger = CSVLogger("log.csv", **options).start(CallbackContext(folder))
    logger.run = SimpleNamespace(say=said.append, backups=SimpleNamespace(rows=lambda: RUN))
    logger.load_state(state)
    logger.on_train_begin()
    return logger


@pytest.mark.parametrize("found", [None, "", "epoch,loss\n0,1.0\n", "epoch,loss\n0,7.0\n1,0.5\n"])
def test_rows_that_are_lost_or_others_are_written_again_from_the_runs(tmp_path, found):
    state = {"rows": 2, "digest": digest_of_rows([{"epoch": "0", "loss": "1.0"}, {"epoch": "1", "loss": "0.5"}])}
    if found is not None:
        (tmp_path / "log.csv").write_text(found)
    said = []
    assert going_on(tmp_path, state, said).state() == {**state, "file": "log.csv", "separator": ","}
    assert said == [f"warning: {tmp_path}/log.csv is not as this training left it: its rows are written again."]
    assert (tmp_path / "log.csv").read_text() == "epoch,loss\n0,1.0\n1,0.5\n"


def test_rows_of_others_stay_and_ours_come_once(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,loss\n0,1.0\n7,7.0\n1,0.5\n")
    counted = {"rows": 1, "digest": digest_of_rows([{"epoch": "0", "loss": "1.0"}])}
    logger = going_on(tmp_path, counted, [], append=True)
    logger.on_epoch_end(1, {"loss": 0.5})  # which a kill left behind the rows that are counted
    assert (tmp_path / "log.csv").read_text() == "epoch,loss\n0,1.0\n1,0.5\n7,7.0\n"


@pytest.mark.parametrize(("append", "kept"), [(True, "0,1.0\n0,2.0\n1,0.5\n"), (False, "0,1.0\n1,0.5\n")])
def test_another_process_that_writes_the_same_file_is_told_of(tmp_path, append, kept):
    said = []
    loggers = [CSVLogger("log.csv", append=append).start(CallbackContext(tmp_path)) for _ in range(2)]
    for logger in loggers:
        logger.run = SimpleNamespace(say=said.append)
        logger.on_train_begin()
    loggers[0].on_epoch_end(0, {"loss": 1.0})
    if append:
        loggers[1].rows = loggers[1]._read()
    loggers[1].on_epoch_end(0, {"loss": 2.0})
    loggers[0].on_epoch_end(1, {"loss": 0.5})
    rows = "their rows are kept" if append else "its rows are replaced"
    assert said == [f"warning: {tmp_path}/log.csv is written by others too: {rows}."]
    assert (tmp_path / "log.csv").read_text() == f"epoch,loss\n{kept}"


@pytest.mark.parametrize("before", [0, 3])
def test_rows_that_another_process_writes_before_our_first_stay(tmp_path, before):
    """One that began at the same time, or whose next row came between our beginning and our first one."""
    said = []
    loggers = [CSVLogger("log.csv", append=True).start(CallbackContext(tmp_path)) for _ in range(2)]
    for logger in loggers:
        logger.run = SimpleNamespace(say=said.append, save=lambda kind: None)
    loggers[0].on_train_begin()
    for epoch in range(before):
        loggers[0].on_epoch_end(epoch, {"loss": 1.0})
    loggers[1].on_train_begin()
    loggers[0].on_epoch_end(before, {"loss": 1.0})
    loggers[1].on_epoch_end(0, {"loss": 2.0})
    loggers[0].on_epoch_end(before + 1, {"loss": 1.0})
    rows = (tmp_path / "log.csv").read_text().splitlines()[1:]
    assert rows == [*(f"{epoch},1.0" for epoch in range(before + 1)), "0,2.0", f"{before + 1},1.0"]
    assert len(said) == 2, "each tells it once"


def test_names_that_spreadsheets_take_for_formulas_are_text(tmp_path):
    logger = CSVLogger("log.csv").start(CallbackContext(tmp_path))
    logger.on_epoch_end(0, {"=1+1": 0.5, "@x": 1.0})
    assert (tmp_path / "log.csv").read_text() == "epoch,'=1+1,'@x\n0,0.5,1.0\n"
    assert logger._read() == logger.rows


def test_a_separator_is_one_character():
    with pytest.raises(ArgumentError, match="must be one character"):
        CSVLogger("log.csv", ", ")
