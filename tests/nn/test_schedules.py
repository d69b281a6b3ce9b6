from __future__ import annotations

import pytest

from fittool.errors import ArgumentError, ExperimentError
from fittool.nn import schedules as s
from fittool.nn.schedules import SCHEDULES, Schedule
from fittool.nn.schedules.lengths import TrainingLength
from fittool.settings import fields_of, plain

CASES: list[tuple[Schedule, dict[int, float]]] = [
    (s.ExponentialDecay(0.8, 10, 0.25), {0: 0.8, 5: 0.4, 10: 0.2}),
    (s.ExponentialDecay(0.8, 10, 0.25, True), {9: 0.8, 10: 0.2, 19: 0.2}),
    (s.InverseTimeDecay(0.6, 10, 2.0), {0: 0.6, 5: 0.3, 10: 0.2}),
    (s.InverseTimeDecay(0.6, 10, 2.0, True), {9: 0.6, 10: 0.2}),
    (s.PolynomialDecay(1.0, 10, 0.2), {0: 1.0, 5: 0.6, 10: 0.2, 50: 0.2}),
    (s.PolynomialDecay(1.0, 10, 0.0, 2.0, True), {0: 1.0, 5: 0.25, 10: 0.0, 15: 0.0625, 20: 0.0}),
    (s.PiecewiseConstantDecay((5, 9), (1.0, 0.5, 0.1)), {0: 1.0, 5: 1.0, 6: 0.5, 9: 0.5, 10: 0.1}),
    (s.CosineDecay(0.4, 10), {0: 0.4, 5: 0.2, 10: 0.0, 99: 0.0}),
    (s.CosineDecay(0.4, 10, 0.5), {5: 0.3, 10: 0.2}),
    (s.CosineDecay(0.1, 10, 0.0, 0.5, 4), {0: 0.1, 2: 0.3, 4: 0.5, 9: 0.25, 14: 0.0}),
    (s.CosineDecayRestarts(0.4, 10), {0: 0.4, 5: 0.2, 10: 0.4, 20: 0.2, 30: 0.4}),
    (s.OneCycle(1.0, 11, 1 / 11 * 6, "linear", 10.0, 100.0), {0: 0.1, 1: 0.28, 5: 1.0, 6: 0.8002, 10: 0.001, 99: 0.001}),
    (s.OneCycle(1.0, 10, 0.5), {0: 0.04, 2: 0.52, 4: 1.0, 9: 4e-6}),
    (s.OneCycle(1.0, 10, 0.1), {0: 1.0, 9: 4e-6}),
    (s.CosineDecayRestarts(0.4, 10, 1.0, 0.5), {5: 0.2, 10: 0.2, 15: 0.1, 20: 0.1, 25: 0.05}),
]


@pytest.mark.parametrize(("schedule", "expected"), CASES, ids=str)
def test_rates(schedule: Schedule, expected: dict[int, float]) -> None:
    assert {step: schedule.rate(step) for step in expected} == pytest.approx(expected, abs=1e-12)


def test_every_schedule_is_checked_and_survives_being_written() -> None:
    assert {type(case[0]) for case in CASES} == set(SCHEDULES.members.values())
    assert all(SCHEDULES.parse(plain(schedule)) == schedule for schedule, _ in CASES)


def test_boundaries_must_be_one_fewer_than_values() -> None:
    with pytest.raises(ArgumentError, match="values must be one longer than boundaries, got 2 and 2"):
        s.PiecewiseConstantDecay((5, 9), (1.0, 0.5))


def test_boundaries_must_rise() -> None:
    with pytest.raises(ArgumentError, match="boundaries must rise"):
        s.PiecewiseConstantDecay((9, 5), (1.0, 0.5, 0.1))


@pytest.mark.parametrize("cls", SCHEDULES.members.values())
def test_every_field_is_described(cls: type[Schedule]) -> None:
    assert all((field.description or "").endswith(".") for field in fields_of(cls).values())


@pytest.mark.parametrize(
    ("schedule", "over_twenty"),
    [
        (s.OneCycle(1.0, total="auto"), s.OneCycle(1.0, 20)),
        (s.PolynomialDecay(1.0, total="auto"), s.PolynomialDecay(1.0, 20)),
        (s.CosineDecay(1.0, total="auto"), s.CosineDecay(1.0, 20)),
        (s.CosineDecay(0.0, warmup_target=1.0, warmup_steps=5, total="auto"), s.CosineDecay(0.0, 15, 0.0, 1.0, 5)),
    ],
    ids=str,
)
def test_total_auto_is_as_long_as_the_training(schedule: Schedule, over_twenty: Schedule) -> None:
    assert schedule.lasts_as_training and not over_twenty.lasts_as_training
    assert schedule.lasting(TrainingLength([(4, 5)])) == over_twenty == over_twenty.lasting(TrainingLength([(9, 11)]))
    assert SCHEDULES.parse(plain(schedule)) == schedule
    with pytest.raises(ExperimentError, match="with total: auto lasts as long as the training of an experiment; here give"):
        schedule.rate(7)


@pytest.mark.parametrize("given", [{}, {"decay_steps": 9, "total": "auto"}], ids=["neither", "both"])
def test_a_schedule_has_one_length(given: dict[str, object]) -> None:
    with pytest.raises(ArgumentError, match="must have decay_steps or total: auto, one of the two"):
        s.CosineDecay(0.1, **given)  # type: ignore[arg-type]
