from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from fittool.errors import CheckpointError, StorageError
from fittool.runs.checkpoint import CheckpointFacts
from fittool.runs.checkpoint_store import CheckpointStore
from fittool.runs.files.atomic import Staging
from fittool.runs.paths import BEST, LAST, PREVIOUS


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path, "run-1")


def save(store, *epochs):
    for epoch in epochs:
        assert store.save_last({"weights/a": np.full(3, epoch, np.float32)}, CheckpointFacts(epoch=epoch)) is None


def epochs(store):
    return {name.split(".")[0]: store.load(name).facts.epoch for name in sorted(os.listdir(store.folder))}


def no_links(monkeypatch, number=errno.EPERM):
    def link(*arguments, **keywords):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)


def test_the_last_becomes_the_previous(store):
    assert store.is_empty
    save(store, 1, 2, 3)
    assert epochs(store) == {"last": 3, "previous": 2}
    assert not store.is_empty


def test_each_checkpoint_carries_the_runs_id(store):
    save(store, 1)
    assert store.load(LAST).facts.run == "run-1"


def test_without_hard_links_the_rotation_is_the_same(monkeypatch, store):
    no_links(monkeypatch)
    save(store, 1, 2, 3)
    store.keep_last_as_best()
    assert epochs(store) == {"last": 3, "previous": 2, "best": 3}


def test_a_link_that_fails_for_another_reason_is_an_error_and_keeps_both(monkeypatch, store):
    save(store, 1, 2)
    no_links(monkeypatch, errno.EIO)
    with pytest.raises(StorageError, match=r"last\.safetensors: cannot be written: the disk reports"):
        store.save_last({}, CheckpointFacts(epoch=3))
    with pytest.raises(StorageError, match=r"best\.safetensors: cannot be written: the disk reports"):
        store.keep_last_as_best()
    assert epochs(store) == {"last": 2, "previous": 1}


def test_two_names_of_one_file_leave_no_temporary_name(store):
    save(store, 1)
    os.link(store.folder / LAST, store.folder / PREVIOUS)  # rename between two names of one file does nothing
    save(store, 2)
    assert epochs(store) == {"last": 2, "previous": 1}


@pytest.mark.parametrize("call", [1, 2, 3])
def test_at_each_failing_rename_last_and_previous_are_whole(call, monkeypatch, store):
    save(store, 1, 2)
    real, count = os.rename, iter(range(1, 9))

    def rename(*arguments, **keywords):
        if next(count) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*arguments, **keywords)

    monkeypatch.setattr(os, "rename", rename)
    if call < 3:
        with pytest.raises(StorageError, match="the disk is full"):
            store.save_last({}, CheckpointFacts(epoch=3))
    else:
        save(store, 3)
    assert epochs(store) == {1: {"last": 2, "previous": 1}, 2: {"last": 3, "previous": 1}, 3: {"last": 3, "previous": 2}}[call]


def test_a_symbolic_link_as_last_is_refused(store, tmp_path):
    (tmp_path / "elsewhere").write_text("old")
    (store.folder / LAST).symlink_to("elsewhere")
    with pytest.raises(StorageError, match="symbolic link"):
        save(store, 1)
    assert (tmp_path / "elsewhere").read_text() == "old"


def test_the_last_can_be_the_best_without_being_written_again(store):
    save(store, 1)
    assert store.keep_last_as_best() is None
    assert os.path.samefile(store.folder / LAST, store.folder / BEST)
    store.keep_last_as_best()
    save(store, 2, 3)
    assert epochs(store) == {"last": 3, "previous": 2, "best": 1}


def test_there_is_no_last_to_be_the_best(store):
    with pytest.raises(StorageError, match=r"best\.safetensors"):
        store.keep_last_as_best()


def test_without_a_best_the_newest_is_the_best(store):
    save(store, 1, 2)
    assert store.load_best()[0].facts.epoch == 2


def test_a_damaged_best_is_not_replaced_by_another(store):
    save(store, 1)
    (store.folder / BEST).write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"best\.safetensors: is empty"):
        store.load_best()


def test_the_newest_whole_one_is_the_last(store):
    save(store, 1, 2)
    checkpoint, warning = store.load_newest()
    assert (checkpoint.facts.epoch, warning) == (2, None)


def test_a_damaged_last_falls_back_to_the_previous_and_says_so(store):
    save(store, 1, 2)
    (store.folder / LAST).write_bytes(bytes(60_000))
    checkpoint, warning = store.load_newest()
    assert checkpoint.facts.epoch == 1
    assert warning is not None
    assert warning.startswith(f"{store.folder / LAST}: begins with zeros")
    assert warning.endswith("Going on from previous.safetensors, epoch 1, step 0.")


def test_two_damaged_ones_are_both_told(store):
    save(store, 1, 2)
    (store.folder / LAST).write_bytes(b"not a checkpoint")
    (store.folder / PREVIOUS).unlink()
    with pytest.raises(
        CheckpointError, match=r"last\.safetensors: is not a safetensors(.|\n)*previous\.safetensors: cannot be read: No such"
    ):
        store.load_newest()


def test_a_checkpoint_of_another_run_is_refused(store):
    save(CheckpointStore(store.folder, "run-2"), 1)
    with pytest.raises(CheckpointError, match="belongs to another run: it has run-2, expected run-1"):
        store.load(LAST)


def test_a_reader_sees_whole_files_only(child, store):
    code = """
import sys
from pathlib import Path
import numpy as np
from fittool.runs.checkpoint import CheckpointFacts
from fittool.runs.checkpoint_store import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]), "run-1")
for epoch in range(1, 100000):
    store.save_last({"weights/a": np.full(5000, epoch, np.float32)}, CheckpointFacts(epoch=epoch))
    if epoch == 2:
        print(flush=True)
"""
    process = child(code, store.folder)
    process.stdout.readline()
    seen = [store.load(LAST).facts.epoch for _ in range(300)]
    assert process.poll() is None
    assert seen == sorted(seen)
    assert seen[0] < seen[-1]


def test_files_beside_are_there_before_the_state_that_counts_on_them(store, monkeypatch):
    state = {"weights/a": np.zeros(1, np.float32)}
    moved = []
    monkeypatch.setattr(
        Staging, "move", lambda staging, name, target, move=Staging.move: (moved.append(target), move(staging, name, target))
    )
    beside = {"same": None, "other": ({"weights/a": np.ones(1, np.float32)}, CheckpointFacts(epoch=7))}
    assert store.save_last(state, CheckpointFacts(step=1), beside=beside) is None
    assert moved == ["same", "other", LAST]
    assert (store.load("other").facts.epoch, store.load("other").facts.run) == (7, "run-1")
    assert (store.folder / "same").read_bytes() == (store.folder / LAST).read_bytes()


def test_the_previous_state_is_kept_only_if_asked(store):
    for step in (1, 2):
        store.save_last({}, CheckpointFacts(step=step), keeps_previous=False)
    assert not (store.folder / PREVIOUS).exists()
