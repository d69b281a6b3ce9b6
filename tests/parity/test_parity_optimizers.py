from __future__ import annotations

import pytest
from parity.networks import chain
from parity.pair import SAMPLES, Pair, numbers

from fittool.nn.optimizers import OPTIMIZERS
from fittool.nn.schedules import SCHEDULES

NETWORK = chain((5,), {"Dense": {"units": 8, "activation": "tanh"}}, {"Dense": {"units": 2, "kernel_regularizer": "L2"}})
X, Y = numbers(SAMPLES, 5), numbers(SAMPLES, 2, seed=2)

OWN_OPTIONS = [
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"momentum": 0.5}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"rho": 0.8, "epsilon": 0.001, "momentum": 0.9, "centered": True}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 0.01}),
    ("AdamW", {"amsgrad": True}),
    ("Adagrad", {"initial_accumulator_value": 0.5, "epsilon": 0.01}),
    ("Adadelta", {"rho": 0.8, "learning_rate": 1.0}),
    ("Adamax", {"beta_1": 0.8, "beta_2": 0.9}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.9}),
    ("Lion", {"beta_1": 0.8, "beta_2": 0.9}),
    ("Muon", {"nesterov": False, "rms_rate": None}),
    ("Muon", {"exclude_layers": ["1"], "adam_lr_ratio": 0.3, "momentum": 0.8, "ns_steps": 3}),
    ("Muon", {"adam_beta_1": 0.8, "adam_beta_2": 0.9, "epsilon": 0.01, "adam_weight_decay": None}),
    ("Muon", {"muon_a": 3.0, "muon_b": -4.0, "muon_c": 2.0, "weight_decay": None, "adam_weight_decay": 0.5}),
]
COMMON_OPTIONS = [
    {},
    {"weight_decay": 0.1},
    {"clipnorm": 0.05},
    {"global_clipnorm": 0.05},
    {"clipvalue": 0.01},
    {"use_ema": True, "ema_momentum": 0.9},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 7},
    {"gradient_accumulation_steps": 3},
]
TOGETHER = [
    ("SGD", {"momentum": 0.9, "weight_decay": 0.1, "global_clipnorm": 0.1, "use_ema": True}),
    ("Adam", {"gradient_accumulation_steps": 4, "clipnorm": 0.1, "weight_decay": 0.01}),
    ("AdamW", {"gradient_accumulation_steps": 3, "use_ema": True, "ema_momentum": 0.8}),
]
CASES = [*OWN_OPTIONS, *((name, options) for name in OPTIMIZERS.members for options in COMMON_OPTIONS), *TOGETHER]


def titled(case):
    return f"{case[0]}-" + "-".join(f"{key}={value}" for key, value in case[1].items()).replace(" ", "")


@pytest.mark.parametrize(("name", "options"), CASES, ids=map(titled, CASES))
def test_optimizer_moves_weights_as_in_keras(name, options):
    pair = Pair(NETWORK, optimizer={name: {"learning_rate": 0.003} | options})
    pair.assert_agree(X, Y)


RATES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [10, 30], "values": [0.1, 0.05, 0.01]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "end_learning_rate": 0.01, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 15, "cycle": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 40, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 30, "warmup_target": 0.1, "warmup_steps": 15}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 10}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 13, "t_mul": 1.5, "m_mul": 0.7, "alpha": 0.05}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 11, "t_mul": 1.0, "m_mul": 0.9}),
]
OURS_ALONE = {"OneCycle"}
"""Schedules that Keras does not have."""


@pytest.mark.parametrize(("name", "arguments"), RATES, ids=map(titled, RATES))
def test_schedule_gives_kerass_rates(name, arguments):
    pair = Pair(NETWORK, optimizer={"SGD": {"learning_rate": {name: arguments}, "momentum": 0.5}})
    pair.assert_agree(X, Y)


def test_every_schedule_has_a_case():
    assert {name for name, _ in RATES} | OURS_ALONE >= set(SCHEDULES.members)
