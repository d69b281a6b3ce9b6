from __future__ import annotations

import threading

import pytest

from fittool.callbacks.trackers.sender import Sender


def never(error):
    return False


def on_connection(error):
    return isinstance(error, ConnectionError)


def test_jobs_are_done_in_their_order_in_another_thread():
    done, sender = [], Sender(never)
    for number in range(100):
        sender.send(lambda number=number: done.append((number, threading.current_thread().name)))
    assert sender.finish() == 0
    assert done == [(number, "fittool-tracker") for number in range(100)]
    assert sender.failures() == []


def test_sending_does_not_wait():
    go, sender = threading.Event(), Sender(never)
    sender.send(go.wait)
    sender.send(lambda: None)
    go.set()
    assert sender.finish() == 0


def test_a_job_that_hangs_is_left_at_the_end():
    go, sender = threading.Event(), Sender(never)
    sender.send(go.wait)
    sender.send(lambda: None)
    assert sender.finish(patience=0.05) == 2
    go.set()


def test_what_fails_for_good_is_given_up_and_told_once():
    done, sender = [], Sender(never)

    def fail():
        raise ValueError("no such name")

    for _ in range(3):
        sender.send(fail)
    sender.send(lambda: done.append(1))
    assert sender.finish() == 0
    assert done == [1]
    assert sender.failures() == ["ValueError: no such name"]
    assert sender.failures() == []


def test_what_may_pass_is_tried_again_before_what_is_behind_it():
    done, attempts, sender = [], [], Sender(on_connection, pause=0.01)

    def sometimes():
        attempts.append(1)
        if len(attempts) < 3:
            raise ConnectionError("refused")
        done.append("first")

    failed = threading.Event()
    sender.send(sometimes)
    sender.send(lambda: (done.append("second"), failed.set()))
    assert failed.wait(60)
    assert sender.finish() == 0
    assert done == ["first", "second"]
    assert sender.failures() == ["ConnectionError: refused"]


def test_a_last_attempt_is_made_at_the_end_and_then_no_more():
    attempts, tried, sender = [], threading.Event(), Sender(on_connection, pause=3600)

    def refuse():
        attempts.append(1)
        tried.set()
        raise ConnectionError

    sender.send(refuse)
    sender.send(lambda: attempts.append("behind it"))
    assert tried.wait(60)
    assert sender.finish() == 2
    assert attempts == [1, 1]
    assert sender.failures() == ["ConnectionError"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_nothing_of_a_library_reaches_the_training(error):
    def leave():
        raise error

    sender = Sender(never)
    sender.send(leave)
    assert sender.finish() == 0
    assert len(sender.failures()) == 1


def test_without_a_job_there_is_no_thread():
    before = threading.active_count()
    assert Sender(never).finish() == 0
    assert threading.active_count() == before
