"""The numbers of each training step, which are the same for every engine."""

from __future__ import annotations

import pytest

from fittool.engines.training_steps import StepCounter, TrainingStep
from fittool.errors import ExperimentError
from fittool.nn.optimizers import SGD, Optimizer
from fittool.nn.schedules import PiecewiseConstantDecay

HALVES = PiecewiseConstantDecay((1, 3), (1.0, 0.5, 0.25))


def steps(optimizer: Optimizer, count: int) -> list[TrainingStep]:
    counter = StepCounter(optimizer)
    return [counter.next() for _ in range(count)]


def test_a_plain_step_is_an_update_of_its_own() -> None:
    assert steps(SGD(0.1), 2) == [TrainingStep(0.1, 1, True, None, False), TrainingStep(0.1, 2, True, None, False)]


def test_a_group_of_steps_shares_an_update_while_the_rate_goes_by_steps() -> None:
    found = steps(SGD(HALVES, gradient_accumulation_steps=2), 5)
    assert [(step.rate, step.update, step.updates) for step in found] == [
        (1.0, 1, False), (1.0, 1, True), (0.5, 2, False), (0.5, 2, True), (0.25, 3, False),
    ]  # fmt: skip


def test_the_average_begins_as_a_copy() -> None:
    found = steps(SGD(use_ema=True, ema_momentum=0.75, gradient_accumulation_steps=2), 4)
    assert [step.average_kept for step in found] == [0.0, 0.0, 0.75, 0.75]


def test_weights_become_their_average_every_few_updates_and_only_if_there_is_one() -> None:
    assert [step.average_replaces for step in steps(SGD(use_ema=True, ema_overwrite_frequency=2), 5)] == [
        False, True, False, True, False,
    ]  # fmt: skip
    assert not any(step.average_replaces for step in steps(SGD(ema_overwrite_frequency=1), 2))


def test_training_ends_with_the_average_where_a_step_was_done() -> None:
    counter = StepCounter(SGD(use_ema=True))
    assert not counter.ends_with_average
    counter.next()
    assert counter.ends_with_average
    assert not StepCounter(SGD()).ends_with_average


def test_a_skipped_step_counts() -> None:
    counter = StepCounter(SGD(HALVES))
    counter.skip()
    counter.skip()
    assert counter.iterations == 2
    assert counter.next() == TrainingStep(0.5, 3, True, None, False)


def test_a_rate_can_be_set_but_not_beside_a_schedule() -> None:
    counter = StepCounter(SGD(0.1))
    counter.learning_rate = 0.01
    assert counter.next().rate == 0.01
    with pytest.raises(ExperimentError, match="learning_rate is a schedule"):
        StepCounter(SGD(HALVES)).learning_rate = 0.01


def test_counting_goes_on_from_a_state() -> None:
    counter, other = StepCounter(SGD(0.1)), StepCounter(SGD(0.1))
    counter.learning_rate = 0.02
    counter.next()
    other.load_state(counter.state())
    assert other.next() == counter.next() == TrainingStep(0.02, 2, True, None, False)
    assert set(StepCounter(SGD(HALVES)).state()) == {"optimizer/iterations"}
