"""The board: the first failure counts, one process shows it, and a board that is gone is a connection that is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from fittool.distributed.board import Board, Failure
from fittool.distributed.environment import RankEnvironment
from fittool.errors import DataError, Problem

FAILURE = Failure(1, 4, (Problem("The label is 12.", "data.csv:3", "a,12"),), "", "fittool resume run")


@pytest.fixture
def boards() -> tuple[Board, Board]:
    """One that serves, and one that was reached."""
    serving = Board.connect(RankEnvironment(0, 2, 0, "127.0.0.1", 0, "test"), serves=True)
    return serving, Board.connect(RankEnvironment(1, 2, 1, "127.0.0.1", serving.port, "test"))


def test_a_failure_reads_back_as_it_was() -> None:
    assert Failure.decode(FAILURE.encode()) == FAILURE


def test_the_others_are_told_which_process_failed() -> None:
    error = FAILURE.error()
    assert (str(error), error.exit_code, error.next_command) == ("rank 1: data.csv:3: The label is 12.", 4, "fittool resume run")
    plain = Failure.of(2, DataError("Out of data.")).error()
    assert str(plain) == "rank 2: Out of data."


def test_the_first_failure_counts(boards: tuple[Board, Board]) -> None:
    serving, reached = boards
    assert serving.failure() is None
    assert reached.fail(FAILURE) == FAILURE
    assert serving.fail(Failure(0, 7)) == FAILURE
    assert serving.failure_within(60) == FAILURE


def test_one_process_shows_it(boards: tuple[Board, Board]) -> None:
    serving, reached = boards
    assert not serving.is_shown()
    assert reached.claims_showing(1)
    assert not serving.claims_showing(0)
    assert serving.is_shown()


def test_an_error_that_another_met_too_is_known(boards: tuple[Board, Board]) -> None:
    serving, reached = boards
    serving.note_error(0, "No such file.")
    assert reached.is_met_by_others(1, 2, "No such file.", 60)
    assert not reached.is_met_by_others(1, 2, "Another one.", 0)


def test_all_are_waited_for(boards: tuple[Board, Board]) -> None:
    serving, reached = boards
    serving.arrive(0)
    assert not reached.is_complete(2)
    reached.arrive(1)
    assert serving.is_complete(2)


def test_a_job_of_one_machine_is_served_to_this_machine_alone(boards: tuple[Board, Board]) -> None:
    sockets = Path("/proc/net/tcp")
    if not sockets.exists():
        pytest.skip("this machine does not say who listens")
    port = f":{boards[0].port:04X}"
    listening = [line.split()[1] for line in sockets.read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(port)] == [f"0100007F{port}"]
    others = Path("/proc/net/tcp6")
    assert port not in "".join(line.split()[1] for line in others.read_text().splitlines()[1:]) if others.exists() else True


def test_nobody_serves_it() -> None:
    serving = Board.connect(RankEnvironment(0, 2, 0, "127.0.0.1", 0, "test"), serves=True)
    reached = Board.connect(RankEnvironment(1, 2, 1, "127.0.0.1", serving.port, "test"))
    del serving
    with pytest.raises(ConnectionError, match=r"."):
        reached.failure()
