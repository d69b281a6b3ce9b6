"""What workers print."""

from __future__ import annotations

import sys
from itertools import count, islice

import pytest

from fittool.data.loading.prefetch import in_order
from fittool.data.workers.process_pool import in_order_by_processes
from fittool.data.workers.worker_output import WorkerOutput


def talks(number: int) -> int:
    print(f"at {number}", flush=True)
    sys.stderr.write("half of a line, ")
    sys.stderr.write("and the rest\n")
    sys.stderr.flush()
    return number


@pytest.mark.parametrize("processes", [False, True])
def test_what_workers_print_goes_elsewhere(capsys: pytest.CaptureFixture[str], processes: bool) -> None:
    lines: list[str] = []
    with WorkerOutput() as output:
        output.goes_to(lines.append)
        if processes:
            made = in_order_by_processes(talks, count(), 1, 1, timeout=30, describe="job {}".format)
        else:
            made = in_order(talks, count(), 1, 1)
        print("the main thread")
        list(islice(made, 2))
        made.close()
    assert lines[:2] == ["worker 0: at 0", "worker 0: half of a line, and the rest"]
    assert capsys.readouterr() == ("the main thread\n", "")


def test_streams_are_given_back() -> None:
    before = sys.stdout, sys.stderr
    with WorkerOutput():
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before


def test_lines_wait_until_it_is_known_where_to() -> None:
    lines: list[str] = []
    with WorkerOutput() as output:
        list(in_order(talks, iter([7]), 1, 1))
        output.goes_to(lines.append)
    assert lines == ["worker 0: at 7", "worker 0: half of a line, and the rest"]


def test_what_nobody_wanted_is_shown_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with WorkerOutput():
        list(in_order(talks, iter([7]), 1, 1))
    assert capsys.readouterr() == ("", "worker 0: at 7\nworker 0: half of a line, and the rest\n")
