"""Two trainers in two threads stand for two processes: the same global batches, exact sums, one decision for all."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from training.fake_engine import FakeEngine, FakeTrainer, batch
from training.thread_group import Member, Threads, together

from fittool.augmentation import Augmentation
from fittool.augmentation.augment import augment
from fittool.augmentation.mixing import mix
from fittool.callbacks.base import Callback
from fittool.data.batch_transforms import BatchTransforms
from fittool.data.dataset import ArrayDataset
from fittool.data.loading.batch_loader import DatasetLoader, ValidationLoader
from fittool.errors import FittoolError, Interrupted
from fittool.process_group import ALONE, ProcessGroup, share_of
from fittool.training.plan import Plan
from fittool.training.recording.recorder import NullRecorder

SAMPLES = 101


def numbers() -> ArrayDataset:
    return ArrayDataset({"x": np.arange(SAMPLES, dtype=np.float32).reshape(-1, 1)}, (np.zeros(SAMPLES, np.int64),))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_parts_of_a_batch_are_the_whole_batch(size: int) -> None:
    alone = DatasetLoader(numbers(), 8, seed=3).batches(0)
    parts = [DatasetLoader(numbers(), 8, seed=3, group=Member(Threads(size), rank)).batches(0) for rank in range(size)]
    for _ in range(30):
        whole = next(alone).inputs[0]
        assert np.array_equal(np.concatenate([next(part).inputs[0] for part in parts]), whole)


@pytest.mark.parametrize("size", [2, 3])
def test_the_parts_of_a_changed_and_mixed_batch_are_the_whole_one(size: int) -> None:
    """Partners of a mixed sample may be in another part, and class weights are mixed with them."""
    images = np.random.default_rng(0).integers(0, 256, (31, 6, 6, 1), dtype=np.uint8)
    data = ArrayDataset({"x": images}, (np.arange(31) % 3,))
    changes = Augmentation(rotation_range=20, width_shift_range=0.2)
    options: Any = {"augment": BatchTransforms(partial(augment, changes), mix=partial(mix, Augmentation(mixup=0.3)))}
    options["class_weight"] = {0: 1.0, 1: 2.0, 2: 0.5}
    alone = DatasetLoader(data, 8, seed=3, **options).batches(0)
    members = [Member(Threads(size), rank) for rank in range(size)]
    parts = [DatasetLoader(data, 8, seed=3, group=member, **options).batches(0) for member in members]
    for _ in range(9):
        whole, shares = next(alone), [next(part) for part in parts]
        for one, several in (
            (whole.inputs[0], [share.inputs[0] for share in shares]),
            (whole.targets[0], [share.targets[0] for share in shares]),
            (whole.sample_weight, [share.sample_weight for share in shares]),
        ):
            assert np.array_equal(np.concatenate(several), one)
        assert [share.first for share in shares] == [share_of(whole.size, member).start for member in members]
        assert [share.whole_size for share in shares] == [whole.size] * size


def test_shares_differ_by_one_at_the_most() -> None:
    shares = [share_of(10, Member(Threads(4), rank)) for rank in range(4)]
    assert [share.stop - share.start for share in shares] == [2, 3, 2, 3]
    assert share_of(10, ALONE) == slice(0, 10)


class MeanEngine(FakeEngine):
    """Its loss is the mean of the samples, so that it tells which were counted."""

    def train_step(self, batch: Any) -> None:
        self.iterations += 1
        self._add(float(batch.inputs[0].mean()), batch.size)

    def test_step(self, batch: Any) -> None:
        self._add(float(batch.inputs[0].mean()), batch.size)


def trained(group: ProcessGroup, **options: Any) -> FakeTrainer:
    train, validation = DatasetLoader(numbers(), 8, group=group), ValidationLoader(numbers(), 8, group=group)
    trainer = FakeTrainer(MeanEngine(), train, validation, options.pop("callbacks", ()), Plan(2), group=group, **options)
    trainer.run()
    return trainer


@pytest.mark.parametrize("size", [2, 3])
def test_every_sample_counts_once_in_the_values_of_an_epoch(size: int) -> None:
    for trainer in together(size, trained):
        for row in trainer.history.rows:  # 0 to 100, each once
            assert (row["loss"], row["val_loss"]) == pytest.approx((50, 50), abs=1e-6)


class Writing(NullRecorder):
    """Counts the rows that are written."""

    def __init__(self) -> None:
        self.rows = 0

    def epoch_finished(self, row: Any, best: Any, improved: bool) -> None:
        self.rows += 1


def test_the_leader_alone_writes() -> None:
    recorders = [Writing(), Writing()]
    together(2, lambda group: trained(group, recorder=recorders[group.rank]))
    assert [recorder.rows for recorder in recorders] == [2, 0]


def test_a_stop_that_one_meets_ends_all_at_the_same_step() -> None:
    class StopsOnOne(Callback):
        def __init__(self, rank: int) -> None:
            self.rank = rank

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.rank == 1 and batch == 4:
                self.run.stop("one of us has had enough")

    trainers = together(2, lambda group: trained(group, callbacks=[StopsOnOne(group.rank)]))
    assert [trainer.position.step for trainer in trainers] == [trainers[0].position.step] * 2
    assert [len(trainer.history.rows) for trainer in trainers] == [1, 1]


def test_an_interruption_of_one_ends_all() -> None:
    def work(group: ProcessGroup) -> FakeTrainer:
        asked = iter(range(100))

        def interruption() -> FittoolError | None:
            return Interrupted(15, "Stopped by SIGTERM.") if group.rank == 1 and next(asked) == 6 else None

        return trained(group, interruption=interruption)

    errors = together(2, work)
    assert [type(error) for error in errors] == [Interrupted, Interrupted]
    assert str(errors[0]) == str(errors[1])


def test_batches_are_put_on_a_device_one_step_ahead() -> None:
    class Device(FakeEngine):
        def __init__(self) -> None:
            super().__init__()
            self.copies_ahead = True

    class Loader:
        samples, batch_size, steps_per_pass = 6, 2, 3

        def batches(self, first_step: int) -> Any:
            return (batch(step) for step in range(first_step, 6))

        def contents(self, step: int) -> str:
            return str(step)

    engine = Device()
    FakeTrainer(engine, Loader(), None, [], Plan(2)).run()
    assert engine.seen[:6] == ["put 0", "put 1", "step 0", "put 2", "step 1", "put 3"]
    assert engine.seen[-2:] == ["step 4", "step 5"]
    assert engine.trained == [0, 1, 2, 3, 4, 5]
