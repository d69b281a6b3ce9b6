from __future__ import annotations

import pytest

from fittool.training.display.view import RunClock, View


def view(epoch, done, seconds, *, epochs=10, steps=100, validating=False, title=""):
    return View(epoch, epochs, done, steps, seconds, done * 32, {}, validating, title)


def clock(*epochs):
    found = RunClock()
    for seconds in epochs:
        found.epoch_finished({"seconds": seconds})
    return found


def test_in_the_first_epoch_the_steps_tell_how_long_the_run_takes():
    assert clock().left(view(1, 50, 5.0)) == pytest.approx(5 + 9 * 10)


def test_later_the_epochs_tell_validation_included():
    assert clock(12.0, 12.0).left(view(3, 50, 5.0)) == pytest.approx(7 + 7 * 12)


def test_an_epoch_that_is_slower_than_those_before_takes_its_own_time():
    assert clock(12.0).left(view(2, 50, 20.0)) == pytest.approx(20 + 8 * 12)


def test_in_a_validation_its_rest_and_the_epochs_to_come_count():
    assert clock(12.0).left(view(2, 10, 1.0, steps=20, validating=True)) == pytest.approx(1 + 8 * 12)


def test_only_the_last_epochs_count():
    assert clock(1000.0, *[2.0] * 5).left(view(6, 100, 2.0)) == pytest.approx(4 * 2)


@pytest.mark.parametrize(
    "unknown",
    [
        view(10, 50, 5.0),  # the last epoch: its own time says it
        view(1, 0, 0.0),
        view(1, 50, 5.0, steps=None),
        view(1, 10, 1.0, validating=True),
        view(1, 50, 5.0, title="predicting"),
    ],
)
def test_where_nobody_can_know_nothing_is_said(unknown):
    assert clock().left(unknown) is None
