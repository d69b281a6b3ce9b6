from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.numpy_engine import optimizers
from fittool.engines.numpy_engine.optimizers import OrthogonalMomentum, update_rule, update_rules
from fittool.nn.optimizers import (
    FLUSH_STEPS,
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
    if isinstance(s, Muon):  # what is no matrix
        rest = AdamW(0.001, s.adam_weight_decay, s.adam_beta_1, s.adam_beta_2, s.epsilon)
        assert s.adam_lr_ratio == 1
        return _by_hand_one(rest, w, gradients)
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
    Nadam(0.1, 0.5, 0.6, 1e-3, 0.1), Lion(), Lion(0.1, 0.5, 0.6, 0.1), Muon(), Muon(0.1, 0.5, 0.6, 0.3, 1e-3, 0.1),
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


def orthogonal_by_svd(momentum: np.ndarray, setting: Muon) -> np.ndarray:
    """The iteration acts on each singular value by itself, so it can be done on these alone."""
    left, sizes, right = np.linalg.svd(momentum, full_matrices=False)
    sizes = sizes / (np.linalg.norm(momentum) + 1e-7)
    for _ in range(setting.ns_steps):
        sizes = setting.muon_a * sizes + setting.muon_b * sizes**3 + setting.muon_c * sizes**5
    return left * sizes @ right


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (1, 6)])
@pytest.mark.parametrize(
    "setting", [Muon(), Muon(nesterov=False, rms_rate=None), Muon(weight_decay=0.5, momentum=0.7, ns_steps=2)], ids=str
)
def test_a_matrix_of_muon_follows_its_orthogonal_momentum(setting: Muon, shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    rule, size = OrthogonalMomentum(setting, shape), shape[0] * shape[1]
    weights, momentum = generator.normal(size=size), np.zeros(size)
    expected, by_hand = weights.reshape(shape).copy(), np.zeros(shape)
    for iteration in (1, 2):
        gradient = generator.normal(size=size)
        rule.update(weights, gradient, {"momentum": momentum}, 0.1, iteration, np.full((rule.scratch_rows, size), np.nan))
        by_hand = setting.momentum * by_hand + gradient.reshape(shape)
        direction = gradient.reshape(shape) + setting.momentum * by_hand if setting.nesterov else by_hand
        scale = 1 if setting.rms_rate is None else setting.rms_rate * max(shape) ** 0.5
        expected = expected * (1 - 0.1 * setting.weight_decay) - 0.1 * scale * orthogonal_by_svd(direction, setting)
    np.testing.assert_allclose(weights.reshape(shape), expected, rtol=1e-9)


def test_a_matrix_of_muon_without_a_gradient_stays() -> None:
    rule, weights = OrthogonalMomentum(Muon(weight_decay=None), (2, 3)), np.ones(6)
    rule.update(weights, np.zeros(6), {"momentum": np.zeros(6)}, 0.1, 1, np.empty((rule.scratch_rows, 6)))
    np.testing.assert_array_equal(weights, np.ones(6))


def test_muon_has_a_rule_for_each_matrix_and_one_between() -> None:
    shapes = {"a/kernel": (3, 4), "a/bias": (4,), "conv/kernel": (3, 3, 1, 2), "tokens/embeddings": (9, 2), "head/kernel": (4, 2)}
    kinds = [(type(rule) is OrthogonalMomentum, size) for rule, size in update_rules(Muon(), shapes)]
    assert kinds == [(True, 12), (False, 4 + 18 + 18), (True, 8)]
    kinds = [(type(rule) is OrthogonalMomentum, size) for rule, size in update_rules(Muon(exclude_layers=("^head",)), shapes)]
    assert kinds == [(True, 12), (False, 48)]
    assert [size for _, size in update_rules(Adam(), shapes)] == [60]


def test_the_ratio_scales_the_rate_of_what_is_no_matrix() -> None:
    plain, halved = Muon(adam_weight_decay=None), Muon(adam_weight_decay=None, adam_lr_ratio=0.5)
    np.testing.assert_allclose(moved(halved) - START, 0.5 * (moved(plain) - START))


FADING = [
    SGD(momentum=0.9), RMSprop(momentum=0.9, centered=True), Adam(beta_2=0.95, amsgrad=True), AdamW(beta_2=0.95), Adadelta(),
    Adamax(beta_2=0.95), Nadam(beta_2=0.95), Lion(beta_2=0.95), Muon(adam_beta_2=0.95),
]  # fmt: skip
"""Every optimizer with moments that shrink, and in a few thousand updates to nothing."""


def after_a_gradient(setting: Optimizer, updates: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Weights and slots after one update along a gradient and many without."""
    rule, weights = update_rule(setting), np.array([1.0, -2.0, 0.5], np.float32)
    slots, scratch = slots_of(setting, 3, np.float32), np.empty((rule.scratch_rows, 3), np.float32)
    for iteration in range(1, updates + 1):
        gradient = np.array([0.5, -1e-3, 0.0], np.float32) * (iteration == 1)
        rule.update(weights, gradient, slots, 0.01, iteration, scratch)
    return weights, slots


@pytest.mark.parametrize("setting", FADING, ids=str)
def test_moments_of_weights_without_a_gradient_end_at_zero(monkeypatch: pytest.MonkeyPatch, setting: Optimizer) -> None:
    weights, slots = after_a_gradient(setting, 20 * FLUSH_STEPS)
    monkeypatch.setattr(optimizers, "FLUSH_STEPS", 10**9)
    as_they_were, stuck = after_a_gradient(setting, 20 * FLUSH_STEPS)
    if not isinstance(setting, Lion):  # whose weights would go by the sign of nothing for ever
        np.testing.assert_array_equal(weights, as_they_were)
    fading = [name for name in slots if name != "velocity_hat"]
    assert not any(slots[name].any() for name in fading)
    smallest = np.finfo(np.float32).smallest_normal
    assert all(np.count_nonzero((stuck[name] != 0) & (np.abs(stuck[name]) < smallest)) == 2 for name in fading)


def test_moments_go_to_zero_only_at_some_updates_so_that_a_run_goes_on_exactly() -> None:
    setting, faded = SGD(momentum=0.9), np.array([1e-39], np.float32)
    for iteration in range(1, 2 * FLUSH_STEPS + 1):
        slots = {"momentum": faded.copy()}
        update_rule(setting).update(
            np.ones(1, np.float32), np.zeros(1, np.float32), slots, 0.1, iteration, np.empty((1, 1), np.float32)
        )
        assert (slots["momentum"][0] == 0) == (iteration in (FLUSH_STEPS, 2 * FLUSH_STEPS))


@pytest.mark.parametrize("setting", [Adam(beta_2=0.9, epsilon=0.0), Adamax(beta_2=0.9, epsilon=0.0), RMSprop(0.1, epsilon=0.0)])
def test_what_is_divided_by_stays_where_no_epsilon_is_added(setting: Optimizer) -> None:
    rule, weights, slots = update_rule(setting), np.ones(1, np.float32), slots_of(setting, 1, np.float32)
    for iteration in range(1, 20 * FLUSH_STEPS):
        gradient = np.full(1, 0.5 if iteration == 1 else 0.0, np.float32)
        rule.update(weights, gradient, slots, 0.01, iteration, np.empty((rule.scratch_rows, 1), np.float32))
    assert np.isfinite(weights).all()
