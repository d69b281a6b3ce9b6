"""Two trainers in two threads stand for two processes: the same global batches, exact sums, one decision for all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from training.fake_engine import FakeEngine, FakeTrainer, batch

from fittool.callbacks.base import Callback
from fittool.data.dataset import ArrayDataset
from fittool.data.loading.batch_loader import DatasetLoader, ValidationLoader
from fittool.errors import FittoolError, Interrupted
from fittool.process_group import ALONE, ProcessGroup, share_of
from fittool.training.plan import Plan
from fittool.training.recording.recorder import NullRecorder

SAMPLES = 101


class Threads:
    """A group whose processes are threads of this one.

    Args:
        size: The number of members.
    """

    def __init__(self, size: int) -> None:
        self.size, self._barrier, self._slots = size, threading.Barrier(size, timeout=30), [None] * size

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self._slots[rank] = value
        self._barrier.wait()
        values = list(self._slots)
        self._barrier.wait()
        return values


class Member:
    """One of them."""

    def __init__(self, threads: Threads, rank: int) -> None:
        self.rank, self.size, self._threads = rank, threads.size, threads

    def sum(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        every = self._threads.exchange(self.rank, arrays)
        return {name: sum((one[name] for one in every[1:]), every[0][name]) for name in arrays}

    def sum_in_place(self, tensor: Any) -> None:
        every = self._threads.exchange(self.rank, tensor.copy())
        tensor[...] = sum(every[1:], every[0])

    def broadcast(self, value: Any) -> Any:
        return self._threads.exchange(self.rank, value)[0]

    def agree(self, value: Any) -> Any:
        return next((one for one in self._threads.exchange(self.rank, value) if one is not None), None)

    def fail(self, error: BaseException) -> None:
        self._threads.failed = error

    def interruption(self) -> None:
        return None

    def note_directory(self, path: str) -> None:
        pass


def together(size: int, work: Callable[[ProcessGroup], Any]) -> list[Any]:
    """The results of all members, in the order of their ranks; what one raises is its result."""
    threads, results = Threads(size), [None] * size

    def run(rank: int) -> None:
        try:
            results[rank] = work(Member(threads, rank))
        except Exception as error:
            results[rank] = error

    running = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results


def numbers() -> ArrayDataset:
    return ArrayDataset({"x": np.arange(SAMPLES, dtype=np.float32).reshape(-1, 1)}, (np.zeros(SAMPLES, np.int64),))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_parts_of_a_batch_are_the_whole_batch(size: int) -> None:
    alone = DatasetLoader(numbers(), 8, seed=3).batches(0)
    parts = [DatasetLoader(numbers(), 8, seed=3, group=Member(Threads(size), rank)).batches(0) for rank in range(size)]
    for _ in range(30):
        whole = next(alone).inputs[0]
        assert np.array_equal(np.concatenate([next(part).inputs[0] for part in parts]), whole)


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
