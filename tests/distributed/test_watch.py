"""The watch hears of failures, of silence and of a launcher that is gone."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

pytest.importorskip("torch")

from fittool.distributed import watch
from fittool.distributed.board import Board, Failure
from fittool.distributed.environment import RankEnvironment
from fittool.errors import Interrupted, OtherProcessError


def serving() -> Board:
    return Board.connect(RankEnvironment(0, 2, 0, "127.0.0.1", 0, "test"), serves=True)


def member(board: Board, rank: int) -> RankEnvironment:
    return RankEnvironment(rank, 2, rank, "127.0.0.1", board.port, "test")


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 100
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_process_that_falls_silent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_BEAT", 0.0)
    monkeypatch.setattr(watch, "_SILENCE", 0.05)
    board = serving()
    one, other = watch._Pulse(member(board, 0)), watch._Pulse(member(board, 1))
    for _ in range(5):  # both live
        other.beat(board)
        one.beat(board)
    assert board.failure() is None
    until(lambda: one.beat(board) or board.failure())
    failure = board.failure()
    assert failure is not None
    assert (failure.rank, failure.exit_code) == (1, 6)
    assert str(failure.error()).startswith("rank 1: The process gave no sign of life")


def test_a_process_that_does_not_hear_of_a_failure_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_GRACE", 0.1)
    ended: list[int] = []
    shown: list[OtherProcessError] = []
    monkeypatch.setattr(watch.os, "_exit", ended.append)
    board = serving()
    guard = watch.Watch(member(board, 0), shown.append)
    guard.start()
    board.fail(Failure.decode('[1, 4, [["No such file.", "", ""]], "", ""]'))
    until(lambda: ended)
    guard.close()
    assert ended == [4]
    assert list(map(str, shown)) == ["rank 1: No such file."]


def test_a_process_that_ends_by_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_GRACE", 0.0)
    ended: list[int] = []  # by the thread, where an assertion would fail no test
    monkeypatch.setattr(watch.os, "_exit", ended.append)
    board = serving()
    guard = watch.Watch(member(board, 0), lambda error: None)
    guard.is_ending = True
    guard.start()
    board.fail(Failure(1, 4))
    time.sleep(1)
    guard.close()
    assert ended == []


def test_a_launcher_that_is_gone_interrupts(monkeypatch: pytest.MonkeyPatch) -> None:
    board = serving()
    guard = watch.Watch(member(board, 1), lambda error: None)
    guard.start()
    assert guard.interruption() is None
    time.sleep(0.5)
    del board
    until(lambda: guard.is_orphaned)
    stop = guard.interruption()
    guard.close()
    assert isinstance(stop, Interrupted) and stop.exit_code == 143
