from __future__ import annotations

import pytest

from fittool.errors import ArgumentError, ExperimentError
from fittool.nn import optimizers
from fittool.nn import schedules as s
from fittool.nn.schedules import SCHEDULES, Schedule, Warmup
from fittool.nn.schedules.lengths import PartOfTraining, TrainingLength
from fittool.settings import plain

TEN_OF_FIVE = TrainingLength([(10, 5)])


@pytest.mark.parametrize(
    ("part", "steps"),
    [
        ({"epochs": 3}, 15), ({"epochs": 0.5}, 2), ({"epochs": 12}, 60), ({"epochs": 0.01}, 1), ({"share": 0.5}, 25),
        ({"share": 1}, 50),
    ],
    ids=str,
)  # fmt: skip
def test_a_part_of_a_training_is_a_number_of_steps(part: dict[str, float], steps: int) -> None:
    assert TEN_OF_FIVE.steps_of(PartOfTraining(**part)) == steps


def test_epochs_of_several_stages_are_as_long_as_each_stage_has_them() -> None:
    training = TrainingLength([(2, 10), (3, 100)])
    assert training.steps == 320
    assert [training.steps_of(PartOfTraining(epochs=epochs)) for epochs in (1, 2, 3, 5, 6)] == [10, 20, 120, 320, 420]


def test_behind_a_warmup_there_is_so_much_less() -> None:
    assert TrainingLength([(2, 10), (3, 100)]).after(PartOfTraining(epochs=2.5)).steps == 250


EPOCHS, HALF = {"epochs": 2}, {"share": 0.5}


@pytest.mark.parametrize(
    ("written", "counted"),
    [
        (
            {"ExponentialDecay": {"initial_learning_rate": 0.8, "decay_steps": EPOCHS, "decay_rate": 0.5}},
            s.ExponentialDecay(0.8, 10, 0.5),
        ),
        (
            {"InverseTimeDecay": {"initial_learning_rate": 0.8, "decay_steps": HALF, "decay_rate": 0.5}},
            s.InverseTimeDecay(0.8, 25, 0.5),
        ),
        ({"PolynomialDecay": {"initial_learning_rate": 1.0, "decay_steps": EPOCHS}}, s.PolynomialDecay(1.0, 10)),
        (
            {"PiecewiseConstantDecay": {"boundaries": [EPOCHS, HALF], "values": [1.0, 0.5, 0.1]}},
            s.PiecewiseConstantDecay((10, 25), (1.0, 0.5, 0.1)),
        ),
        ({"CosineDecay": {"initial_learning_rate": 1.0, "decay_steps": HALF}}, s.CosineDecay(1.0, 25)),
        (
            {"CosineDecay": {"initial_learning_rate": 0.0, "warmup_target": 1.0, "warmup_steps": EPOCHS, "total": "auto"}},
            s.CosineDecay(0.0, 40, 0.0, 1.0, 10),
        ),
        ({"CosineDecayRestarts": {"initial_learning_rate": 1.0, "first_decay_steps": EPOCHS}}, s.CosineDecayRestarts(1.0, 10)),
        ({"OneCycle": {"max_learning_rate": 1.0, "total_steps": HALF}}, s.OneCycle(1.0, 25)),
    ],
    ids=str,
)  # fmt: skip
def test_schedules_take_lengths_in_epochs_and_shares(written: object, counted: Schedule) -> None:
    schedule = SCHEDULES.parse(written)
    assert schedule.lasts_as_training and not counted.lasts_as_training
    assert schedule.lasting(TEN_OF_FIVE) == counted
    assert SCHEDULES.parse(plain(schedule)) == schedule
    with pytest.raises(ExperimentError, match="training of an experiment; here give"):
        schedule.rate(7)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"share": 2}, {"epochs": 1, "share": 1}, {}, {"steps": 3}], ids=str)
def test_other_parts_are_refused(wrong: object) -> None:
    with pytest.raises(ArgumentError, match=r"must be a number of steps, \{epochs: 3\} or \{share: 0.5\}"):
        s.CosineDecay(0.1, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "many", True], ids=str)
def test_other_numbers_are_refused(wrong: object) -> None:
    with pytest.raises(ArgumentError, match="decay_steps must be"):
        s.CosineDecay(0.1, wrong)  # type: ignore[arg-type]


def test_a_number_rises_in_a_line_and_stays() -> None:
    rate = optimizers.Adam(0.4).warmed_up(4).rate
    assert [rate(step) for step in range(6)] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4])


def test_the_warmup_is_that_of_keras_cosine_decay() -> None:
    keras = s.CosineDecay(0.0, 20, 0.1, 0.4, 5)
    ours = Warmup(s.CosineDecay(0.4, 20, 0.1), 5)
    assert [ours.rate(step) for step in range(30)] == pytest.approx([keras.rate(step) for step in range(30)])
