"""Exponential, logarithm and their kin against the same in double precision, over all of their range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fittool.kernels.library import Library, find_library

LIBRARY, REASON = find_library()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-45, -1e-45, 1.2e-38, 3.4e38, -3.4e38], np.float32)
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "exponentiate": (np.exp, -110.0, 95.0),
    "take_logarithm": (np.log, 1e-45, 3e38),
    "sigmoid": (lambda x: np.where(x < 0, np.exp(x), 1) / (1 + np.exp(-np.abs(x))), -120.0, 120.0),
    "tanh_forward": (np.tanh, -12.0, 12.0),
}


def library() -> Library:
    assert LIBRARY is not None
    return LIBRARY


def computed(name: str, x: Any) -> Any:
    y = np.full_like(x, 7)
    library().task(name, x=x, y=y)()
    return y


@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_are_within_three_units_in_the_last_place(name: str) -> None:
    function, low, high = FUNCTIONS[name]
    x = np.geomspace(low, high, 2_000_003) if low > 0 else np.linspace(low, high, 2_000_003)
    near = np.geomspace(1e-44, 1, 300_001)
    x = np.concatenate([x, near, -near if low < 0 else near]).astype(np.float32)
    with np.errstate(all="ignore"):
        exact = function(x.astype(np.float64))
        rounded = exact.astype(np.float32)
        unit = np.spacing(np.abs(rounded)).astype(np.float64)
    ours = computed(name, x).astype(np.float64)
    finite = np.isfinite(unit)
    assert finite.mean() > 0.9
    assert (np.abs(ours - exact)[finite] / unit[finite]).max() < 3
    np.testing.assert_array_equal(ours[~finite], rounded[~finite])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_numbers(name: str) -> None:
    with np.errstate(all="ignore"):
        exact = FUNCTIONS[name][0](SPECIAL.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(computed(name, SPECIAL), exact, rtol=1e-6, atol=1e-44)


@pytest.mark.parametrize("columns", [1, 3, 10, 16, 33, 1000])
def test_softmax(columns: int) -> None:
    x = (np.random.default_rng(0).normal(size=(5, columns)) * 30).astype(np.float32)
    y = np.empty_like(x)
    library().task("softmax", x=x, y=y)()
    powers = np.exp((x - x.max(axis=1, keepdims=True)).astype(np.float64))
    np.testing.assert_allclose(y, powers / powers.sum(axis=1, keepdims=True), rtol=2e-6, atol=1e-44)
