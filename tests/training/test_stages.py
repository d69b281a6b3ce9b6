from __future__ import annotations

import pytest
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import Callback, EarlyStopping, started
from fittool.errors import CheckpointError
from fittool.training.plan import Plan
from fittool.training.recording.recorder import NullRecorder
from fittool.training.stages import Stage


class Saving(NullRecorder):
    """Keeps every snapshot."""

    saves = True

    def __init__(self):
        self.snapshots = []

    def due(self, step):
        return True

    def save(self, snapshot, kind, path=None):
        self.snapshots.append(snapshot)


def stages():
    stopping = started([EarlyStopping("loss", patience=2)])
    return [
        Stage(FakeLoader(3), None, Plan(2), "one"),
        Stage(FakeLoader(2), None, Plan(5), "two", stopping, learning_rate=0.5),
        Stage(FakeLoader(3), None, Plan(1), "three", learning_rate=0.25),
    ]


def training(recorder=None):
    parts = stages()
    engine = FakeEngine([3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    return FakeTrainer(engine, parts[0].train, None, [], parts[0].plan, stages=parts, recorder=recorder), engine


def rows(trainer):
    return [{name: value for name, value in row.items() if "second" not in name} for row in trainer.history.rows]


def test_epochs_count_on_also_after_a_stage_that_stopped():
    trainer, _ = training()
    trainer.run()
    assert [(row["epoch"], row["stage"], row["learning_rate"]) for row in rows(trainer)] == [
        (1, "one", 0.1), (2, "one", 0.1), (3, "two", 0.5), (4, "two", 0.5), (5, "two", 0.5), (6, "three", 0.25),
    ]  # fmt: skip


def test_data_go_on_with_the_pass_of_the_epoch():
    trainer, engine = training()
    trainer.run()
    assert engine.trained == [0, 1, 2, 3, 4, 5, *(4, 5, 6, 7, 8, 9), *(15, 16, 17)]


def test_from_every_moment_it_goes_on_the_same():
    recorder = Saving()
    whole, engine = training(recorder)
    whole.run()
    assert len(recorder.snapshots) > 15
    for snapshot in recorder.snapshots:
        again, other = training()
        again.load_snapshot(snapshot, rows(whole)[: snapshot.position.epoch])
        again.run()
        assert rows(again) == rows(whole)
        assert engine.trained[len(engine.trained) - len(other.trained) :] == other.trained


def test_a_state_of_a_stage_that_is_no_more_is_refused():
    recorder = Saving()
    training(recorder)[0].run()
    trainer = FakeTrainer(FakeEngine(), FakeLoader(), None, [], Plan(9))
    with pytest.raises(CheckpointError, match="of stage 3, but there are only 1 stages now"):
        trainer.load_snapshot(recorder.snapshots[-1], [])


def test_a_stage_is_prepared_and_its_callbacks_begin_and_end_with_it():
    seen = []

    class Telling(Callback):
        def on_train_begin(self, logs=None):
            seen.append("begin")

        def on_train_end(self, logs=None):
            seen.append(f"end {self.run.reason}")

    second = Stage(FakeLoader(1), None, Plan(1), "b", [Telling()], prepare=lambda: seen.append("prepare"))
    first = Stage(FakeLoader(1), None, Plan(1), "a", prepare=lambda: seen.append("first"))
    FakeTrainer(FakeEngine(), FakeLoader(1), None, [], Plan(1), stages=[first, second, first]).run()
    assert seen == ["first", "prepare", "begin", "end completed", "first"]
