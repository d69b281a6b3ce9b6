from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.numpy_engine.optimizers import optimizer_at_work
from fittool.nn.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

START, GRADIENTS = np.array([1.0, -2.0, 0.5]), [np.array([0.5, -1.0, 0.0]), np.array([0.1, 2.0, -0.3])]


def moved(setting: Optimizer, dtype: type = np.float64, pieces: int = 1) -> np.ndarray:
    """START after one step along each of GRADIENTS."""
    rule, weights = optimizer_at_work(setting), START.astype(dtype)
    state, scratch = rule.make_state(3, dtype), np.full((rule.scratch_rows, 3), np.nan, dtype)
    for iteration, gradient in enumerate(GRADIENTS, 1):
        for part in np.array_split(np.arange(3), pieces):
            piece = slice(part[0], part[-1] + 1)
            slots = {name: array[piece] for name, array in state.items()}
            rule.update(weights[piece], gradient.astype(dtype)[piece], slots, 0.1, iteration, scratch[:, piece])
    return weights


def by_hand(setting: Optimizer) -> np.ndarray:
    """The same by the formulas as they stand in textbooks and Keras's documentation."""
    return np.array([_by_hand_one(setting, START[i], [gradient[i] for gradient in GRADIENTS]) for i in range(3)])


def _by_hand_one(s: Optimizer, w: float, gradients: list[float]) -> float:
    m = v = top = mean = 0.0
    total = s.initial_accumulator_value if isinstance(s, Adagrad) else 0.0
    for t, g in enumerate(gradients, 1):
        w -= w * (s.weight_decay or 0) * 0.1
        if isinstance(s, SGD):
            m = s.momentum * m - 0.1 * g
            w += s.momentum * m - 0.1 * g if s.nesterov else m
        elif isinstance(s, RMSprop):
            v, mean = s.rho * v + (1 - s.rho) * g * g, s.rho * mean + (1 - s.rho) * g
            m = s.momentum * m + 0.1 * g / (v - s.centered * mean**2 + s.epsilon) ** 0.5
            w -= m
        elif isinstance(s, Adagrad):
            total += g * g
            w -= 0.1 * g / (total + s.epsilon) ** 0.5
        else:
            m, v = s.beta_1 * m + (1 - s.beta_1) * g, s.beta_2 * v + (1 - s.beta_2) * g * g
            top = max(top, v) if s.amsgrad else v
            w -= 0.1 * (1 - s.beta_2**t) ** 0.5 / (1 - s.beta_1**t) * m / (top**0.5 + s.epsilon)
    return w


SETTINGS = [
    SGD(), SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True), SGD(weight_decay=0.1), RMSprop(), RMSprop(momentum=0.5),
    RMSprop(centered=True), RMSprop(0.1, 0.8, 0.3, 1e-3, True, 0.2), Adam(), Adam(amsgrad=True, beta_2=0.5), Adam(epsilon=0.1),
    Adam(weight_decay=0.3), AdamW(), AdamW(weight_decay=0.5), Adagrad(), Adagrad(initial_accumulator_value=0.0, weight_decay=0.1),
]  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_two_steps(setting: Optimizer) -> None:
    np.testing.assert_allclose(moved(setting), by_hand(setting), rtol=1e-12)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_single_precision_is_kept(setting: Optimizer) -> None:
    np.testing.assert_allclose(moved(setting, np.float32), by_hand(setting), rtol=2e-5)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_pieces_change_nothing(setting: Optimizer) -> None:
    np.testing.assert_array_equal(moved(setting), moved(setting, pieces=2))


def test_every_optimizer_is_checked() -> None:
    assert {type(setting) for setting in SETTINGS} == set(OPTIMIZERS.members.values())


@pytest.mark.parametrize(
    ("setting", "slots"),
    [
        (SGD(), ()), (SGD(momentum=0.9), ("momentum",)), (RMSprop(), ("velocity",)),
        (RMSprop(momentum=0.9, centered=True), ("velocity", "momentum", "average_gradient")), (Adam(), ("momentum", "velocity")),
        (AdamW(amsgrad=True), ("momentum", "velocity", "velocity_hat")), (Adagrad(), ("accumulator",)),
    ],
)  # fmt: skip
def test_slots_are_those_the_formula_needs(setting: Optimizer, slots: tuple[str, ...]) -> None:
    assert tuple(optimizer_at_work(setting).make_state(2, np.float32)) == slots == optimizer_at_work(setting).slots


def test_the_gradients_are_only_read() -> None:
    rule, gradients = optimizer_at_work(RMSprop(momentum=0.5, centered=True)), np.array([1.0, 2.0])
    rule.update(np.ones(2), gradients, rule.make_state(2, np.float64), 0.1, 1, np.empty((1, 2)))
    np.testing.assert_array_equal(gradients, [1.0, 2.0])
