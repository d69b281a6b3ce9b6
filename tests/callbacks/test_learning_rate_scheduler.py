from __future__ import annotations

import pytest
from pydantic import TypeAdapter
from training.fake_engine import FakeEngine, FakeLoader, FakeTrainer

from fittool.callbacks import CALLBACKS, CallbackContext, LearningRateScheduler
from fittool.errors import ArgumentError, ExperimentError, UserCodeError
from fittool.training.plan import Plan


def rates(setting, surroundings=None, **plan):
    training = FakeTrainer(FakeEngine(), FakeLoader(), None, [setting.start(surroundings or CallbackContext())], Plan(3, **plan))
    training.run()
    return [pytest.approx(row["learning_rate"]) for row in training.history.rows]


def test_a_function_gets_epoch_and_rate():
    assert rates(LearningRateScheduler(lambda epoch, rate: rate / 2 + epoch)) == [0.05, 1.025, 2.5125]


def test_a_function_of_the_epoch_alone_is_welcome():
    assert rates(LearningRateScheduler(lambda epoch: 0.5**epoch)) == [1, 0.5, 0.25]


def test_it_begins_at_the_initial_epoch():
    assert rates(LearningRateScheduler(lambda epoch, rate: epoch), initial_epoch=1) == [1, 2]


def test_a_schedule_counts_epochs():
    setting = CALLBACKS.parse(
        {"LearningRateScheduler": {"schedule": {"PiecewiseConstantDecay": {"boundaries": [1], "values": [0.5, 0.2]}}}}
    )
    assert rates(setting) == [0.5, 0.5, 0.2]


def test_a_schedule_may_begin_behind_some_epochs():
    schedule = {"PiecewiseConstantDecay": {"boundaries": [0], "values": [0.5, 0.2]}}
    for first, expected in ((0, [0.5, 0.2, 0.2]), (1, [0.5, 0.5, 0.2]), (2, [0.5, 0.5, 0.5])):
        setting = CALLBACKS.parse({"LearningRateScheduler": {"schedule": schedule, "first_epoch": first}})
        assert rates(setting) == expected


def test_a_named_function_is_found_by_the_surroundings():
    surroundings = CallbackContext(function={"mine:halve": lambda epoch, rate: rate / 2}.__getitem__)
    assert rates(LearningRateScheduler("mine:halve"), surroundings) == [0.05, 0.025, 0.0125]


def test_a_named_function_without_an_experiment_is_refused():
    with pytest.raises(ExperimentError, match="mine:halve names a function in a module"):
        LearningRateScheduler("mine:halve").start(CallbackContext())


def test_what_a_named_function_raises_is_told_with_its_line():
    def broken(epoch, rate):
        raise ZeroDivisionError("oh")

    with pytest.raises(UserCodeError, match=r"test_learning_rate_scheduler.py:\d+: .*mine:f failed: ZeroDivisionError: oh"):
        rates(LearningRateScheduler("mine:f"), CallbackContext(function=lambda name: broken))


@pytest.mark.parametrize("rate", [None, float("nan"), -1, "fast"])
def test_a_rate_must_be_a_number(rate):
    with pytest.raises(UserCodeError, match="must give a number of at least 0"):
        rates(LearningRateScheduler(lambda epoch, old: rate))


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ArgumentError, match="no schedule is called CosineDcay"):
        LearningRateScheduler("CosineDcay")


def test_the_schema_knows_schedules_and_functions():
    schema = TypeAdapter(LearningRateScheduler).json_schema()
    assert schema["properties"]["schedule"]["anyOf"][-1] == {"type": "string", "pattern": "^[^:]+:[^:]+$"}
