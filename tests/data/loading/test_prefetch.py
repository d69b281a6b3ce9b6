"""Work done ahead, in order, with a bound."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count, islice

import pytest

from fittool.data.loading.prefetch import in_order
from fittool.errors import UserCodeError


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("fittool-data")]


def slow_for_even(number: int) -> int:
    time.sleep(0.002 * (number % 2 == 0))
    return number * number


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_results_come_in_order(workers: int) -> None:
    assert list(in_order(slow_for_even, iter(range(30)), workers, 6)) == [n * n for n in range(30)]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_comes_where_its_result_would(workers: int) -> None:
    results = in_order(lambda number: 1 // (3 - number), iter(range(10)), workers, 8)
    assert list(islice(results, 3)) == [0, 0, 1]
    with pytest.raises(ZeroDivisionError, match="division"):
        next(results)
    assert threads() == []


def test_no_more_than_the_bound_are_in_flight() -> None:
    started: list[int] = []
    results = in_order(started.append, count(), 2, 3)
    next(results)
    while len(started) < 4:
        time.sleep(0.01)
    time.sleep(0.05)  # for one too many
    assert sorted(started) == [0, 1, 2, 3]
    results.close()


def test_closing_joins_the_threads_and_drops_what_waits() -> None:
    started: list[int] = []

    def work(number: int) -> None:
        started.append(number)
        time.sleep(0.01)

    results = in_order(work, count(), 2, 50)
    next(results)
    assert threads()
    results.close()
    assert threads() == []
    assert len(started) < 20


def test_an_exception_in_the_consumer_joins_the_threads() -> None:
    def consume() -> None:
        for _ in in_order(lambda number: number, count(), 3, 5):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert threads() == []


def test_jobs_are_drawn_in_the_consumers_thread() -> None:
    drawn: set[str] = set()

    def jobs() -> Iterator[int]:
        for number in range(20):
            drawn.add(threading.current_thread().name)
            yield number

    list(in_order(lambda number: number, jobs(), 2, 4))
    assert drawn == {threading.current_thread().name}


def hangs(number: int) -> int:
    time.sleep(1000 if number == 1 else 0)
    return number


def test_a_thread_that_hangs_is_an_error_that_says_where() -> None:
    results = in_order(hangs, count(), 2, 4, timeout=1, describe="batch {}".format)
    assert next(results) == 0
    with pytest.raises(
        UserCodeError, match=r"batch 1 was not made within 1 s. It hangs at .*test_prefetch.py:\d+ in hangs"
    ) as caught:
        next(results)
    assert "time.sleep(1000" in caught.value.__notes__[0]


def test_the_time_of_a_slow_consumer_does_not_count() -> None:
    results = in_order(slow_for_even, count(), 1, 1, timeout=1)
    for number in range(2):
        assert next(results) == number * number
        time.sleep(1.5)
    results.close()


@pytest.mark.parametrize("left_by", [KeyboardInterrupt, SystemExit])
def test_a_job_cannot_end_the_run_as_if_someone_had_asked(left_by: type[BaseException]) -> None:
    def work(number: int) -> int:
        raise left_by("of the user's code")

    with pytest.raises(UserCodeError, match=rf"A worker was left by {left_by.__name__}: of the user's code"):
        next(in_order(work, count(), 1, 1))


STOPPED = """
import time
from itertools import count
from fittool.data.loading.prefetch import in_order

def slow(number):
    if number == 1:
        print("begun", flush=True)
        for _ in range(10):
            time.sleep(0.05)
    return number

results = in_order(slow, count(), 1, 2, timeout=2.0)
print(next(results), next(results), flush=True)
"""


def test_time_in_which_the_process_was_stopped_does_not_count() -> None:
    with subprocess.Popen([sys.executable, "-c", STOPPED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        process.send_signal(signal.SIGCONT)
        assert "0 1\n" in process.communicate()[0]
