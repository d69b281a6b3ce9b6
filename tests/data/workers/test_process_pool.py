"""Work done by processes: the same bytes, and an error that says so for everything that can happen to them."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fittool.data.workers.process_pool import in_order_by_processes
from fittool.errors import DataError, ExperimentError, UserCodeError


def squares(number: int) -> tuple[int, Any]:
    return number, np.full((100, 100), number * number)


def process_id(number: int) -> int:
    return os.getpid()


def fails_at_two(number: int) -> int:
    if number == 2:
        raise DataError("The image is damaged.", place="cat/2.jpg")
    return number


def divides(number: int) -> float:
    return 1 / number


def segfaults(number: int) -> None:
    ctypes.string_at(0)


def leaves(number: int) -> None:
    os._exit(3)


def quits(number: int) -> None:
    sys.exit("enough")


def sleeps(number: int) -> None:
    time.sleep(1000)


def touch(folder: Path, number: int) -> None:
    (folder / str(number)).touch()


def prints(number: int) -> int:
    print(f"at {number}")
    sys.stdout.flush()
    return number


def work(make: Callable[[int], Any], workers: int = 2, in_flight: int = 4, timeout: float = 100.0) -> Any:
    return in_order_by_processes(make, count(), workers, in_flight, timeout=timeout, describe="batch {}".format)


def some(make: Callable[[int], Any], amount: int, **arguments: Any) -> list[Any]:
    results = work(make, **arguments)
    try:
        return list(islice(results, amount))
    finally:
        results.close()


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def gone(processes: list[int]) -> bool:
    end = time.monotonic() + 100
    while time.monotonic() < end and any(map(alive, processes)):
        time.sleep(0.02)
    return not any(map(alive, processes))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_order_and_whole(workers: int) -> None:
    for number, (given, array) in enumerate(some(squares, 20, workers=workers)):
        assert given == number
        np.testing.assert_array_equal(array, np.full((100, 100), number * number))


def test_results_belong_to_the_consumer() -> None:
    (_, first), *_ = some(squares, 9)
    first += 1
    assert (first == 1).all()


def test_results_that_grow_find_room() -> None:
    sizes = [len(array) for array in some(np.ones, 400, workers=1)]
    assert sizes == list(range(400))


def test_jobs_are_done_by_other_processes() -> None:
    processes = set(some(process_id, 6))
    assert len(processes) == 2 and os.getpid() not in processes
    assert gone(list(processes))


def test_errors_keep_their_kind_and_place() -> None:
    results = work(fails_at_two)
    assert list(islice(results, 2)) == [0, 1]
    with pytest.raises(DataError, match=r"^cat/2.jpg: The image is damaged.\nIn the worker:"):
        next(results)


def test_other_errors_tell_where_they_come_from() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero") as caught:
        next(work(divides))
    assert "in divides" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("make", "how"),
    [
        (segfaults, r"was killed by signal 11 \(SIGSEGV\)"),
        (leaves, "ended by itself with exit code 3"),
    ],
)
def test_a_worker_that_dies_is_named(make: Callable[[int], None], how: str) -> None:
    with pytest.raises(UserCodeError, match=rf"Worker 0 \(process \d+\) {how} while it made batch 0"):
        next(work(make))


def test_sys_exit_does_not_end_the_run_as_if_all_were_well() -> None:
    with pytest.raises(UserCodeError, match="A worker was left by SystemExit: enough"):
        next(work(quits))


def test_a_killed_worker_is_found_without_waiting_for_the_limit() -> None:
    results = work(process_id, timeout=1e9)
    os.kill(next(results), signal.SIGKILL)
    with pytest.raises(UserCodeError, match=r"Worker 0 \(process \d+\) was killed by signal 9 \(SIGKILL; out of memory\?\)"):
        list(islice(results, 50))


def test_a_worker_that_hangs_is_told_with_the_place() -> None:
    with pytest.raises(
        UserCodeError, match=r"did not make batch 0 within 1 s. It hangs at File .*test_process_pool.py\", line \d+ in sleeps"
    ):
        next(work(sleeps, timeout=1))


def test_a_stopped_worker_is_an_error_too() -> None:
    results = work(process_id, workers=1, in_flight=1, timeout=1)
    os.kill(next(results), signal.SIGSTOP)
    with pytest.raises(UserCodeError, match="It hangs at an unknown place"):
        list(islice(results, 50))


def test_signals_to_the_whole_group_do_not_reach_workers() -> None:
    results = work(process_id, workers=1)
    process = next(results)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process, number)
    assert set(islice(results, 10)) == {process}
    results.close()


def test_no_more_than_the_bound_are_made(tmp_path: Path) -> None:
    results = work(partial(touch, tmp_path), in_flight=3)
    next(results)
    while len(list(tmp_path.iterdir())) < 4:
        time.sleep(0.01)
    time.sleep(0.1)  # for one too many
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "3"]
    results.close()


def test_what_workers_print_is_logged_and_not_torn(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.WARNING, "fittool.workers"):
        some(prints, 3, workers=1)
    assert caplog.messages[:3] == [f"worker 0: at {number}" for number in range(3)]
    assert capfd.readouterr().out == ""


def test_what_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ExperimentError, match=r"use_multiprocessing: the data cannot be sent to another process: .* generator"):
        next(work(iter(number for number in range(3)).send))  # type: ignore[attr-defined]


def shared_segments() -> set[str]:
    return set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()


PARENT = """
import os, sys, time
sys.path[:0] = {path!r}
from test_process_pool import work, process_id
results = work(process_id, workers=3)
print(*{{next(results) for _ in range(6)}}, flush=True)
time.sleep(1000)
"""


def test_workers_die_with_the_parent_and_leave_nothing() -> None:
    before = shared_segments()
    code = PARENT.format(path=[str(Path(__file__).parent), *sys.path])
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(process) for process in parent.stdout.readline().split()]
        assert len(workers) == 3
        parent.kill()
    assert gone(workers)
    assert shared_segments() <= before


def open_files(number: int) -> set[int]:
    found = set()
    for descriptor in range(3, 256):
        with suppress(OSError):
            found.add(os.fstat(descriptor).st_ino)
    return found


def test_workers_hold_no_files_of_the_parent(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        assert os.fstat(lock.fileno()).st_ino not in some(open_files, 1)[0]
