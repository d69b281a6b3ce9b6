from __future__ import annotations

import csv
import json

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CallbackContext, EarlyStopping, ModelCheckpoint, started
from fittool.callbacks.snapshot import Position
from fittool.errors import ExperimentError, Interrupted, StorageError
from fittool.runs.checkpoint import load_checkpoint
from fittool.runs.directory import RunDirectory
from fittool.runs.paths import BEST, LAST, PREVIOUS
from fittool.training.plan import Plan
from fittool.training.recording.run_recorder import RunRecorder


@pytest.fixture
def run(tmp_path):
    with RunDirectory.create(tmp_path, "digits") as directory:
        yield directory


def train(run, *callbacks, epochs=3, interruption=lambda: None, **options):
    engine = FakeEngine([1.0], [0.5, 0.25, 0.75])
    recorder = RunRecorder(run, epochs, class_names=["a", "b"], **options)
    callbacks = started(callbacks, CallbackContext(run.path))
    training = FakeTrainer(
        engine, FakeLoader(3), FakeLoader(1), callbacks, Plan(epochs), recorder=recorder, interruption=interruption
    )
    training.run()
    return training


def test_rows_are_the_history(run):
    training = train(run)
    assert run.metrics.rows() == training.history.rows
    table = list(csv.DictReader(run.paths.history.read_text().splitlines()))
    assert [row["val_loss"] for row in table] == ["0.5", "0.25", "0.75"]


def test_last_previous_and_best_are_the_epochs_they_should_be(run):
    train(run)
    facts = {name: run.checkpoints.load(name).facts for name in (LAST, PREVIOUS, BEST)}
    assert [(facts[name].epoch, facts[name].step) for name in (LAST, PREVIOUS, BEST)] == [(3, 9), (2, 6), (2, 6)]
    assert facts[LAST].class_names == ("a", "b")


def test_last_is_the_state_before_weights_are_put_back(run):
    training = train(run, EarlyStopping(patience=1, restore_best_weights=True))
    assert run.checkpoints.load(LAST).tensors["weights/w"] == 8
    assert training.engine.state()["weights/w"] == 5


def test_callback_state_is_in_the_checkpoint(run):
    train(run, EarlyStopping(patience=5))
    state = run.checkpoints.load(LAST).facts.callbacks["EarlyStopping"]
    assert state == {"monitor": {"best": 0.25, "best_epoch": 1}, "wait": 1, "stopped_epoch": 0}


def test_the_status_says_how_it_ended(run):
    train(run, EarlyStopping(patience=1))
    status = run.read_status()
    assert (status.state, status.epoch, status.step, status.exit_code) == ("stopped", 3, 9, 0)
    assert status.reason == "Stopped at epoch 3: val_loss has not improved for 1 epoch."
    assert status.best == {"epoch": 2, "monitor": "val_loss", "value": 0.25}


def test_an_interruption_is_saved_in_the_middle(run):
    left = [None] * 6
    with pytest.raises(Interrupted, match="SIGTERM"):
        train(run, interruption=lambda: left.pop() if left else Interrupted(15))
    assert run.read_status().state == "interrupted"
    facts = run.checkpoints.load(LAST).facts
    assert (facts.epoch, facts.step_in_epoch, facts.step) == (1, 2, 5)


def test_it_saves_every_so_many_steps(run):
    saved = []
    save = run.save_checkpoint
    run.save_checkpoint = lambda tensors, facts, **more: (saved.append(facts.step), save(tensors, facts, **more))[1]
    train(run, epochs=2, every_steps=2)
    assert saved == [2, 3, 5, 6]


def test_it_saves_when_so_much_time_has_passed(run):
    saved = []
    save = run.save_checkpoint
    run.save_checkpoint = lambda tensors, facts, **more: (saved.append(facts.step), save(tensors, facts, **more))[1]
    train(run, epochs=1, every_seconds=0.0)
    assert saved == [1, 2, 3, 3]


def test_a_callback_has_files_of_its_own(run):
    train(run, ModelCheckpoint("all/{epoch}.safetensors", save_weights_only=True), architecture={"layers": []})
    path = run.paths.checkpoints / "all" / "3.safetensors"
    assert list(load_checkpoint(path).tensors) == ["weights/w"]
    assert load_checkpoint(path).facts.architecture == {"layers": []}


def test_a_callback_cannot_take_the_place_of_last(run):
    with pytest.raises(ExperimentError, match=r"last\.safetensors is one of the run's own checkpoints"):
        train(run, ModelCheckpoint("last.safetensors"))


def test_the_log_has_a_line_for_each_epoch_and_the_end(run):
    train(run, EarlyStopping(patience=1, verbose=1))
    lines = [line.split(" ", 1)[1] for line in run.paths.log.read_text().splitlines()]
    assert lines[0].startswith("1/3  loss 1.0000")
    assert any(line == "EarlyStopping: val_loss has not improved for 1 epoch." for line in lines)
    assert lines[-1].startswith("Stopped at epoch 3")


def test_the_status_is_running_meanwhile(run):
    RunRecorder(run, 3).begin(Position(0), None)
    assert json.loads(run.paths.status.read_text())["state"] == "running"


@pytest.mark.parametrize("ended", ["completed", "interrupted"])
def test_the_status_is_true_although_the_table_cannot_be_written(run, monkeypatch, ended):
    def full(rows):
        raise StorageError("cannot be written: the disk is full.")

    def never_but_for(epochs):
        return lambda: Interrupted(15) if run.metrics.rows()[epochs:] else None

    monkeypatch.setattr(run, "write_history", full)
    monkeypatch.setattr(RunRecorder, "_write_views", lambda self, snapshot: None)
    stop = never_but_for(0 if ended == "interrupted" else 100)
    with pytest.raises(StorageError if ended == "completed" else Interrupted):
        train(run, interruption=stop)
    status = run.read_status()
    assert (status.state, status.exit_code) == (("failed", 7) if ended == "completed" else ("interrupted", 143))
