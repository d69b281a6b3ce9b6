from __future__ import annotations

import json
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from fittool.nn.optimizers import (
    OPTIMIZERS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    Nadam,
    Optimizer,
    RMSprop,
)
from fittool.nn.schedules import CosineDecay
from fittool.settings import fields_of, plain


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("adam", Adam(0.001, 0.9, 0.999, 1e-7, False, None)), ("sgd", SGD(0.01, 0.0, False, None)),
        ("rmsprop", RMSprop(0.001, 0.9, 0.0, 1e-7, False, None)), ("adamw", AdamW(0.001, 0.004, 0.9, 0.999, 1e-7, False)),
        ("adadelta", Adadelta(0.001, 0.95, 1e-7, None)), ("adamax", Adamax(0.001, 0.9, 0.999, 1e-7, None)),
        ("nadam", Nadam(0.001, 0.9, 0.999, 1e-7, None)), ("lion", Lion(0.001, 0.9, 0.99, None)),
        ("muon", Muon(0.001, 0.9, 0.999, 0.004, 1e-7, 0.004)),
        ({"Muon": {"exclude_layers": "head"}}, Muon(exclude_layers=("head",))),
        ({"SGD": {"clipnorm": 1, "use_ema": True}}, SGD(clipnorm=1.0, use_ema=True)),
        ("adagrad", Adagrad(0.001, 0.1, 1e-7, None)), ({"Adam": {"learning_rate": "1/8"}}, Adam(0.125)),
        ({"SGD": {"learning_rate": {"cosine_decay": {"initial_learning_rate": 1, "decay_steps": 8}}}}, SGD(CosineDecay(1.0, 8))),
    ],
    ids=str,
)  # fmt: skip
def test_defaults_order_and_forms_are_kerass(written: object, expected: Optimizer) -> None:
    assert OPTIMIZERS.parse(written) == expected
    assert OPTIMIZERS.parse(plain(expected)) == expected


def test_the_rate_is_a_number_or_follows_the_schedule() -> None:
    assert Adam(0.5).rate(100) == 0.5
    assert Adam(CosineDecay(1.0, 8)).rate(4) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("written", "place", "message"),
    [
        ({"Adam": {"learning_rate": -1}}, ("Adam", "learning_rate"), "greater than or equal to 0"),
        ({"Adam": {"learning_rate": "fast"}}, ("Adam", "learning_rate"), "valid number"),
        ({"Adam": {"beta_1": 1.0}}, ("Adam", "beta_1"), "less than 1"),
        ({"SGD": {"momentum": 2}}, ("SGD", "momentum"), "less than or equal to 1"),
        ({"SGD": {"clipnorm": 1, "clipvalue": 1}}, ("SGD",), "only one of clipnorm and clipvalue can be set"),
        ({"SGD": {"gradient_accumulation_steps": 1}}, ("SGD", "gradient_accumulation_steps"), "greater than or equal to 2"),
        (
            {"Muon": {"exclude_layers": ["head", "(a"]}},
            ("Muon", "exclude_layers", 1),
            "must be a regular expression: missing \\)",
        ),
        ({"Muon": {"ns_steps": 0}}, ("Muon", "ns_steps"), "greater than or equal to 1"),
        ({"Lion": {"beta_1": 0}}, ("Lion", "beta_1"), "greater than 0"),
        (
            {"SGD": {"learning_rate": {"CosineDecay": {"initial_learning_rate": 1, "decay_steps": 0}}}},
            ("SGD", "learning_rate", "CosineDecay", "decay_steps"),
            "greater than or equal to 1",
        ),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_at_their_place(written: object, place: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as caught:
        OPTIMIZERS.parse(written)
    assert [error["loc"] for error in caught.value.errors()] == [place]


def test_the_schema_offers_schedules() -> None:
    assert '"CosineDecay"' in json.dumps(TypeAdapter(Annotated[Optimizer, OPTIMIZERS]).json_schema())


@pytest.mark.parametrize("cls", OPTIMIZERS.members.values())
def test_every_field_is_described(cls: type[Optimizer]) -> None:
    assert all((field.description or "").endswith(".") for field in fields_of(cls).values())


@pytest.mark.parametrize(
    ("setting", "slots"),
    [
        (SGD(), ()), (SGD(momentum=0.9), ("momentum",)), (RMSprop(), ("velocity",)),
        (RMSprop(momentum=0.9, centered=True), ("velocity", "momentum", "average_gradient")), (Adam(), ("momentum", "velocity")),
        (AdamW(amsgrad=True), ("momentum", "velocity", "velocity_hat")), (Adagrad(), ("accumulator",)),
        (Adadelta(), ("accumulated_grad", "accumulated_delta_var")), (Adamax(), ("momentum", "norm")),
        (Nadam(), ("momentum", "velocity")), (Lion(), ("momentum",)), (Muon(), ("momentum", "velocity")),
        (SGD(gradient_accumulation_steps=2), ("gradient_accumulator",)),
        (Lion(gradient_accumulation_steps=2, use_ema=True), ("momentum", "average", "gradient_accumulator")),
    ],
    ids=str,
)  # fmt: skip
def test_slots_are_those_the_formula_needs(setting: Optimizer, slots: tuple[str, ...]) -> None:
    assert tuple(setting.slots()) == slots


def test_slots_start_at_zero_but_for_the_sum_of_squares() -> None:
    assert Adagrad(initial_accumulator_value=0.5, use_ema=True).slots() == {"accumulator": 0.5, "average": 0.0}
    assert set(Adam(amsgrad=True, use_ema=True).slots().values()) == {0.0}


def test_no_decay_is_a_decay_of_zero() -> None:
    assert (SGD().decay, SGD(weight_decay=0.5).decay, AdamW().decay) == (0.0, 0.5, 0.004)
