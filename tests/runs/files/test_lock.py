from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import time

import pytest

from fittool.errors import RunInUseError, StorageError
from fittool.runs.files import lock
from fittool.runs.files.lock import RunLock, is_held

HOLD = """
import sys, time
from pathlib import Path
from fittool.errors import RunInUseError
from fittool.runs.files import lock
from fittool.runs.files.lock import RunLock
print("ready", flush=True)
sys.stdin.readline()
try:
    lock = RunLock(Path(sys.argv[1]))
except RunInUseError as error:
    print("refused", error, flush=True)
else:
    print("won", flush=True)
    sys.stdin.readline()
"""

FORK = """
import os, sys, time
from pathlib import Path
from fittool.runs.files import lock
from fittool.runs.files.lock import RunLock, is_held
lock = RunLock(Path(sys.argv[1]))
if not os.fork():
    print(os.getpid(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE", 0.02)


def test_the_second_is_refused_and_told_by_whom(tmp_path):
    with RunLock(tmp_path):
        text = rf"{tmp_path}: is in use by process {os.getpid()} on host {os.uname().nodename} since 20\S+Z\. Wait"
        with pytest.raises(RunInUseError, match=text):
            RunLock(tmp_path)


def test_a_released_lock_can_be_taken_and_released_twice(tmp_path):
    held = RunLock(tmp_path)
    held.release()
    held.release()
    RunLock(tmp_path).release()


def test_of_two_processes_exactly_one_wins(child, tmp_path):
    for _ in range(3):
        pair = [child(HOLD, tmp_path) for _ in range(2)]
        for process in pair:
            process.stdout.readline()
        for process in pair:
            process.stdin.write("\n")
            process.stdin.flush()
        said = sorted(process.stdout.readline().split(" ")[0].strip() for process in pair)
        assert said == ["refused", "won"]
        for process in pair:
            process.communicate()


def test_a_killed_holder_leaves_no_lock(child, tmp_path):
    process = child(HOLD, tmp_path)
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() + process.stdout.readline() == "ready\nwon\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert json.loads((tmp_path / ".lock").read_bytes())["pid"] == process.pid
    RunLock(tmp_path).release()


def test_a_forked_worker_does_not_keep_its_dead_parents_lock(child, tmp_path):
    process = child(FORK, tmp_path)
    worker = int(process.stdout.readline())
    process.kill()
    process.wait()
    try:
        os.kill(worker, 0)
        RunLock(tmp_path).release()
    finally:
        os.kill(worker, signal.SIGKILL)


def test_what_a_forked_worker_does_first_closes_its_copies(tmp_path):
    before = os.listdir("/dev/fd")
    held = RunLock(tmp_path)
    lock._close_in_child()
    assert os.listdir("/dev/fd") == before
    held.release()


def test_a_deleted_lock_file_does_not_make_a_second_owner(impatient, tmp_path):
    with RunLock(tmp_path):
        (tmp_path / ".lock").unlink()
        with pytest.raises(RunInUseError, match="in use by another process"):
            RunLock(tmp_path)


@pytest.mark.parametrize(
    "said", [b"", b"{", b"[]", b'{"pid": "x"}', b'{"pid": 99999999999999999999, "host": "HOST", "since": ""}']
)
def test_a_holder_that_does_not_say_who_it_is_is_another_process(said, impatient, tmp_path):
    with RunLock(tmp_path):
        (tmp_path / ".lock").write_bytes(said.replace(b"HOST", os.uname().nodename.encode()))
        with pytest.raises(RunInUseError, match="in use by another process"):
            RunLock(tmp_path)


def test_the_name_of_a_dead_process_is_not_believed(child, impatient, tmp_path):
    dead = child("pass")
    dead.wait()
    with RunLock(tmp_path):
        said = {"pid": dead.pid, "host": os.uname().nodename, "since": "x"}
        (tmp_path / ".lock").write_text(json.dumps(said))
        with pytest.raises(RunInUseError, match="in use by another process"):
            RunLock(tmp_path)


@pytest.mark.parametrize("host", ["elsewhere", os.uname().nodename])
def test_a_process_that_cannot_be_asked_is_believed(host, monkeypatch, tmp_path):
    def kill(pid, number):
        raise PermissionError

    with RunLock(tmp_path):
        (tmp_path / ".lock").write_text(json.dumps({"pid": 4711, "host": host, "since": "2026"}))
        monkeypatch.setattr(os, "kill", kill)
        with pytest.raises(RunInUseError, match=f"process 4711 on host {host} since 2026"):
            RunLock(tmp_path)


def test_a_lock_that_only_the_file_knows_of_counts_too(impatient, tmp_path):
    with open(tmp_path / ".lock", "w") as elsewhere:
        fcntl.flock(elsewhere, fcntl.LOCK_EX)
        with pytest.raises(RunInUseError, match="in use by another process"):
            RunLock(tmp_path)


def test_a_directory_that_cannot_be_locked_is_a_storage_error(monkeypatch, tmp_path):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StorageError, match=r"\.lock: cannot be written: the file system grants no locks"):
        RunLock(tmp_path)


def test_a_missing_directory_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="its directory is not there"):
        RunLock(tmp_path / "gone")


def test_releasing_works_where_nothing_can_be_written_any_more(monkeypatch, tmp_path):
    def ftruncate(descriptor, length):
        raise OSError(errno.EROFS, "Read-only file system")

    held = RunLock(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", ftruncate)
        held.release()
    RunLock(tmp_path).release()


def test_looking_whether_it_is_held_changes_nothing(tmp_path):
    assert not is_held(tmp_path)
    assert not list(tmp_path.iterdir())
    with RunLock(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)


def test_an_instant_of_somebody_else_keeps_nobody_out(monkeypatch, tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_SH)
    pauses = []
    monkeypatch.setattr(time, "sleep", lambda seconds: pauses.append(seconds) or os.close(folder))
    RunLock(tmp_path).release()
    assert len(pauses) == 1
