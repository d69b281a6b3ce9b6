from __future__ import annotations

import numpy as np
import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import BackupAndRestore, Callback, EarlyStopping, ReduceLROnPlateau, started
from fittool.errors import CheckpointError, ExperimentError, RunInUseError
from fittool.runs.files.lock import RunLock
from fittool.training.plan import Plan

VALUES = [0.9, 0.5, 0.7, 0.6, 0.8, 0.9]


class Cut(Callback):
    """Ends everything at a step, as a kill would."""

    adds_to_logs = False

    def __init__(self, at):
        self.at = at

    def on_train_batch_begin(self, batch, logs=None):
        if self.run.iterations == self.at:
            raise KeyboardInterrupt


def training(folder, cut=None, **options):
    engine = FakeEngine([1, 2, 3, 4, 5], VALUES)
    settings = [
        BackupAndRestore(str(folder), **options),
        ReduceLROnPlateau(patience=1),
        EarlyStopping(patience=3, restore_best_weights=True),
    ]
    callbacks = [*started(settings), Cut(cut)]
    return FakeTrainer(engine, FakeLoader(), FakeLoader(2), callbacks, Plan(6)), engine


def outcome(trainer, engine):
    done = trainer.run()
    rows = [{name: value for name, value in row.items() if "second" not in name} for row in trainer.history.rows]
    return (
        (done.text, done.restored),
        rows,
        engine.state(),
        {name: callback.state() for name, callback in trainer.callbacks() if "Backup" not in name},
    )


@pytest.mark.parametrize(
    ("options", "cut", "first"),
    [({}, 7, 6), ({}, 11, 9), ({"save_freq": 2}, 8, 8), ({"save_freq": 4, "double_checkpoint": True}, 11, 8)],
)
def test_it_goes_on_exactly(tmp_path, options, cut, first):
    whole = outcome(*training(tmp_path / "other"))
    with pytest.raises(KeyboardInterrupt):
        training(tmp_path / "backup", cut, **options)[0].run()
    trainer, engine = training(tmp_path / "backup", **options)
    again = outcome(trainer, engine)
    assert engine.trained[0] == first
    assert again[:2] == whole[:2]
    assert again[3] == whole[3]
    assert all(np.array_equal(again[2][name], array) for name, array in whole[2].items())


def said_when_it_goes_on(folder):
    trainer, _ = training(folder)
    lines = []
    trainer._control.say = lines.append
    trainer.run()
    return " ".join(lines)


def test_a_backup_of_the_first_format_is_said_to_be_not_exact(tmp_path, monkeypatch):
    for name, format in (("new", 2), ("old", 1)):
        monkeypatch.setattr("fittool.runs.checkpoint.FORMAT", format)
        with pytest.raises(KeyboardInterrupt):
            training(tmp_path / name, 7)[0].run()
    assert "not exact. For that, finish it with the older release (pip install fittool==0.1.0)" in said_when_it_goes_on(
        tmp_path / "old"
    )
    assert "not exact" not in said_when_it_goes_on(tmp_path / "new")


def test_the_folder_is_gone_after_success_with_what_is_ours(tmp_path):
    training(tmp_path / "backup")[0].run()
    assert not (tmp_path / "backup").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    training(tmp_path / "other")[0].run()
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["mine.txt"]


def test_it_stays_if_asked_and_after_a_failure(tmp_path):
    training(tmp_path / "kept", delete_checkpoint=False)[0].run()
    with pytest.raises(KeyboardInterrupt):
        training(tmp_path / "cut", 7)[0].run()
    for name in ("kept", "cut"):
        assert (tmp_path / name / "last.safetensors").exists()


def test_with_two_a_damaged_one_is_no_loss(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        training(tmp_path, 10, double_checkpoint=True)[0].run()
    (tmp_path / "last.safetensors").write_bytes(b"torn")
    trainer, engine = training(tmp_path)
    trainer.run()
    assert engine.trained[0] == 6


def test_a_damaged_one_alone_is_told(tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=r"last\.safetensors"):
        training(tmp_path)[0].run()


def test_two_trainings_cannot_have_one_folder(tmp_path):
    held = RunLock(tmp_path)
    with pytest.raises(RunInUseError, match="is in use by process"):
        training(tmp_path)[0].run()
    held.release()
    training(tmp_path)[0].run()


def test_the_folder_is_given_back_where_training_never_began(tmp_path):
    for _ in range(2):
        callbacks = started([BackupAndRestore(str(tmp_path / "backup")), EarlyStopping(monitor="nope")])
        trainer = FakeTrainer(FakeEngine([1.0], VALUES), FakeLoader(), FakeLoader(2), callbacks, Plan(6))
        with pytest.raises(ExperimentError, match="EarlyStopping watches nope"):
            trainer.run()
    assert not (tmp_path / "backup").exists()
