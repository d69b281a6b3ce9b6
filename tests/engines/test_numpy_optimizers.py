from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.numpy_engine.optimizers import update_rule
from fittool.nn.optimizers import OPTIMIZERS, SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, Nadam, Optimizer, RMSprop

START, GRADIENTS = np.array([1.0, -2.0, 0.5]), [np.array([0.5, -1.0, 0.0]), np.array([0.1, 2.0, -0.3])]


def slots_of(setting: Optimizer, size: int, dtype: type) -> dict[str, np.ndarray]:
    return {name: np.full(size, start, dtype) for name, start in setting.slots().items()}


def moved(setting: Optimizer, dtype: type = np.float64, pieces: int = 1) -> np.ndarray:
    """START after one step along each of GRADIENTS."""
    rule, weights = update_rule(setting), START.astype(dtype)
    state, scratch = slots_of(setting, 3, dtype), np.full((rule.scratch_rows, 3), np.nan, dtype)
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
    product = 1.0
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
        elif isinstance(s, Adadelta):
            v = s.rho * v + (1 - s.rho) * g * g
            step = ((m + s.epsilon) / (v + s.epsilon)) ** 0.5 * g
            m = s.rho * m + (1 - s.rho) * step**2
            w -= 0.1 * step
        elif isinstance(s, Adamax):
            m, v = s.beta_1 * m + (1 - s.beta_1) * g, max(s.beta_2 * v, abs(g))
            w -= 0.1 * m / ((1 - s.beta_1**t) * (v + s.epsilon))
        elif isinstance(s, Lion):
            w -= 0.1 * np.sign(s.beta_1 * m + (1 - s.beta_1) * g)
            m = s.beta_2 * m + (1 - s.beta_2) * g
        elif isinstance(s, Nadam):
            m, v = s.beta_1 * m + (1 - s.beta_1) * g, s.beta_2 * v + (1 - s.beta_2) * g * g
            now, ahead = (s.beta_1 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
            product *= now
            direction = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
            w -= 0.1 * direction / ((v / (1 - s.beta_2**t)) ** 0.5 + s.epsilon)
        else:
            m, v = s.beta_1 * m + (1 - s.beta_1) * g, s.beta_2 * v + (1 - s.beta_2) * g * g
            top = max(top, v) if s.amsgrad else v
            w -= 0.1 * (1 - s.beta_2**t) ** 0.5 / (1 - s.beta_1**t) * m / (top**0.5 + s.epsilon)
    return w


SETTINGS = [
    SGD(), SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True), SGD(weight_decay=0.1), RMSprop(), RMSprop(momentum=0.5),
    RMSprop(centered=True), RMSprop(0.1, 0.8, 0.3, 1e-3, True, 0.2), Adam(), Adam(amsgrad=True, beta_2=0.5), Adam(epsilon=0.1),
    Adam(weight_decay=0.3), AdamW(), AdamW(weight_decay=0.5), Adagrad(), Adagrad(initial_accumulator_value=0.0, weight_decay=0.1),
    Adadelta(), Adadelta(0.1, 0.5, 1e-3, 0.1), Adamax(), Adamax(0.1, 0.5, 0.6, 1e-3, 0.1), Nadam(),
    Nadam(0.1, 0.5, 0.6, 1e-3, 0.1), Lion(), Lion(0.1, 0.5, 0.6, 0.1),
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


def test_the_gradients_are_only_read() -> None:
    setting, gradients = RMSprop(momentum=0.5, centered=True), np.array([1.0, 2.0])
    update_rule(setting).update(np.ones(2), gradients, slots_of(setting, 2, np.float64), 0.1, 1, np.empty((1, 2)))
    np.testing.assert_array_equal(gradients, [1.0, 2.0])


def test_the_momentum_of_nadam_is_known_at_any_iteration() -> None:
    def step(iteration: int) -> float:
        setting, weights = Nadam(beta_1=0.9999), np.zeros(1)
        update_rule(setting).update(weights, np.ones(1), slots_of(setting, 1, np.float64), 0.1, iteration, np.empty((2, 1)))
        return float(weights[0])

    assert step(1001) == pytest.approx(step(1000), rel=1e-3)
