from __future__ import annotations

import threading

from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks.trackers.tracker import TrackerCallback, finite
from fittool.training.display.progress import NullProgress
from fittool.training.plan import Plan


class Heard(NullProgress):
    def __init__(self):
        self.said = []

    def say(self, text):
        self.said.append(text)


class Kept:
    """A tracker that remembers what it was told, and fails where it is asked to."""

    def __init__(self, *fails):
        self.told, self.fails = [], fails

    def begin(self):
        self._tell("begin")

    def epoch(self, number, values):
        self._tell("epoch", number, *sorted(values))

    def end(self, reason):
        self._tell("end", reason)

    def may_pass(self, error):
        return False

    def close(self):
        self.told.append(("close",))

    def _tell(self, what, *more):
        self.told.append((what, *more))
        if what in self.fails:
            raise ValueError(f"{what} is refused\x1b[31m")


def trained(tracker, **options):
    heard = Heard()
    callbacks = [TrackerCallback("Kept", tracker, **options)]
    outcome = FakeTrainer(FakeEngine(), FakeLoader(1), FakeLoader(1), callbacks, Plan(2), progress=heard).run()
    assert outcome.reason == "completed"
    return heard.said


def test_it_is_told_of_beginning_epochs_and_end():
    tracker = Kept()
    assert trained(tracker) == []
    assert [told[:2] for told in tracker.told] == [("begin",), ("epoch", 1), ("epoch", 2), ("end", "completed"), ("close",)]
    assert {"loss", "val_loss"} <= set(tracker.told[1][2:])


def test_what_fails_is_a_warning_of_which_each_kind_is_told_once():
    said = trained(Kept("epoch"))
    assert said == ["warning: Kept: ValueError: epoch is refused\\x1b[31m Training goes on."]


def test_where_it_could_not_begin_nothing_more_is_sent():
    tracker = Kept("begin")
    assert len(trained(tracker)) == 1
    assert tracker.told == [("begin",), ("close",)]


def test_one_that_hangs_is_left():
    go = threading.Event()

    class Hanging(Kept):
        def epoch(self, number, values):
            go.wait()

    said = trained(Hanging(), patience=0.05)
    assert said == ["warning: Kept: 3 messages could not be sent in time."]
    go.set()


def test_finite_values():
    assert finite({"a": 1, "b": float("nan"), "c": None, "d": "x", "e": 0.5}) == {"a": 1.0, "e": 0.5}
