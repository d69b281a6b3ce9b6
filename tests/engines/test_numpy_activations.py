from __future__ import annotations

import numpy as np
import pytest

from fittool.engines.numpy_engine import activations as numpy_activations
from fittool.engines.numpy_engine.activations import ACTIVATIONS, activation, normal_distribution
from fittool.nn.activations import ACTIVATIONS as NAMES

X = np.random.default_rng(3).uniform(-4.3, 7.7, (4, 6))
VARIANTS = {
    **{name: activation(name) for name in NAMES},
    "relu clipped": activation("relu", max_value=2.0, negative_slope=0.1, threshold=0.5),
    "relu capped": activation("relu", max_value=3.0, negative_slope=0.0, threshold=0.0),
    "relu leaking": activation("relu", max_value=None, negative_slope=0.2, threshold=0.0),
    "leaky_relu steep": activation("leaky_relu", negative_slope=1.5),
    "elu 0.5": activation("elu", alpha=0.5),
    "gelu tanh": activation("gelu", approximate=True),
    "softmax over rows": activation("softmax", axis=0),
}


def forward(name: str, x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    VARIANTS[name].forward(x, out)
    return out


@pytest.mark.parametrize("name", VARIANTS)
def test_gradients_agree_with_differences(name: str) -> None:
    weights = np.random.default_rng(5).standard_normal(X.shape)
    expected = np.empty_like(X)
    for place in np.ndindex(X.shape):
        step = np.zeros_like(X)
        step[place] = 1e-6
        expected[place] = ((forward(name, X + step) - forward(name, X - step)) * weights).sum() / 2e-6
    gradient = np.empty_like(X)
    VARIANTS[name].backward(X, forward(name, X), weights, gradient)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", [name for name, function in VARIANTS.items() if function.from_output])
def test_from_output_means_that_x_may_be_overwritten(name: str) -> None:
    gradient, in_place = np.empty_like(X), X.copy()
    VARIANTS[name].backward(X, forward(name, X), X * 0.7, gradient)
    VARIANTS[name].forward(in_place, in_place)
    np.testing.assert_array_equal(in_place, forward(name, X))
    dy = X * 0.7
    VARIANTS[name].backward(np.full_like(X, np.nan), in_place, dy, dy)
    np.testing.assert_array_equal(dy, gradient)


@pytest.mark.parametrize("name", [name for name, function in VARIANTS.items() if not function.from_output])
def test_other_gradients_may_overwrite_dy(name: str) -> None:
    y, dy, gradient = forward(name, X), X * 0.7, np.empty_like(X)
    VARIANTS[name].backward(X, y, dy.copy(), gradient)
    VARIANTS[name].backward(X, y, dy, dy)
    np.testing.assert_array_equal(dy, gradient)


@pytest.mark.parametrize("name", VARIANTS)
def test_single_precision_is_kept_and_far_inputs_are_finite(name: str) -> None:
    x = np.array([[-95.0, -20.0, -1.0, 0.0, 1.0, 20.0]], np.float32)
    y = forward(name, x)
    gradient = np.empty_like(x)
    VARIANTS[name].backward(x, y, np.ones_like(x), gradient)
    assert np.isfinite(y).all()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", [0, 0, 0.5, 8]), ("relu6", [0, 0, 0.5, 6]), ("leaky_relu", [-0.8, -0.2, 0.5, 8]),
        ("elu", [-0.98168436, -0.63212056, 0.5, 8]), ("selu", [-1.72589864, -1.11133074, 0.52535049, 8.4056079]),
        ("gelu", [-0.00012669, -0.15865525, 0.34573123, 8]), ("gelu tanh", [-0.00007022, -0.15880801, 0.34571401, 8]),
        ("silu", [-0.07194484, -0.26894142, 0.31122967, 7.99731787]), ("mish", [-0.07259174, -0.30340146, 0.37524524, 7.999998]),
        ("softplus", [0.01814993, 0.31326169, 0.97407698, 8.00033541]), ("softsign", [-0.8, -0.5, 0.33333333, 0.88888889]),
        ("squareplus", [0.23606798, 0.61803399, 1.28077641, 8.12310563]), ("sparse_plus", [0, 0, 0.5625, 8]),
        ("sigmoid", [0.01798621, 0.26894142, 0.62245933, 0.99966465]),
        ("log_sigmoid", [-4.01814993, -1.31326169, -0.47407698, -0.00033541]), ("hard_sigmoid", [0, 1 / 3, 0.58333333, 1]),
        ("sparse_sigmoid", [0, 0, 0.75, 1]), ("hard_silu", [0, -1 / 3, 0.29166667, 8]),
        ("hard_tanh", [-1, -1, 0.5, 1]), ("tanh_shrink", [-3.0006707, -0.23840584, 0.03788284, 7.00000023]),
        ("soft_shrink", [-3.5, -0.5, 0, 7.5]), ("hard_shrink", [-4, -1, 0, 8]),
        ("exponential", [0.01831564, 0.36787944, 1.64872127, 2980.95798704]),
        ("log_softmax", [-12.00068241, -9.00068241, -7.50068241, -0.00068241]), ("sparsemax", [0, 0, 0, 1]),
    ],
)  # fmt: skip
def test_values(name: str, expected: list[float]) -> None:
    np.testing.assert_allclose(forward(name, np.array([[-4, -1, 0.5, 8]])), [expected], rtol=1e-5, atol=1e-7)


def test_sparsemax_shares_between_close_outputs() -> None:
    np.testing.assert_allclose(forward("sparsemax", np.array([[1.0, 0.6, -1.0]])), [[0.7, 0.3, 0.0]])


def test_the_table_names_every_activation() -> None:
    assert set(ACTIVATIONS) == set(NAMES)


def test_relu_of_an_array_beyond_the_zeros_kept() -> None:
    x = np.linspace(-1, 1, 3 * 40_000, dtype=np.float32).reshape(3, -1)
    np.testing.assert_array_equal(forward("relu", x), np.where(x > 0, x, 0))


def test_relu_lets_no_nan_through_unseen() -> None:
    y = forward("relu", np.array([[-np.nan, np.nan, 1]], np.float32))
    np.testing.assert_array_equal(np.isnan(y), [[True, True, False]])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 5e-6)])
def test_the_normal_distribution(dtype: type, tolerance: float) -> None:
    x = np.array([-6, -2, -0.5, 0, 1, 3], dtype)
    expected = [9.865876450376946e-10, 0.022750131948179195, 0.3085375387259869, 0.5, 0.8413447460685429, 0.9986501019683699]
    np.testing.assert_allclose(normal_distribution(x), expected, rtol=tolerance)


def test_sigmoid_of_very_negative_numbers_stays_small() -> None:
    assert numpy_activations.sigmoid(np.array([-1000.0], np.float32))[0] < 1e-30
