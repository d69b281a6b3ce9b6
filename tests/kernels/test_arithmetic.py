"""Functions, sums and products by kernels against NumPy's, over all layouts of arrays that formulas hand over."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fittool.kernels import arithmetic
from fittool.kernels.arithmetic import Arithmetic, in_force
from fittool.kernels.library import find_library
from fittool.kernels.native_arithmetic import NativeArithmetic

LIBRARY, REASON = find_library()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason=REASON)
Random = np.random.Generator
RANGES: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "exp": (arithmetic.exp, -700.0, 700.0),
    "expm1": (arithmetic.expm1, -40.0, 700.0),
    "log": (arithmetic.log, 1e-300, 1e300),
    "log1p": (arithmetic.log1p, -0.999, 1e300),
    "tanh": (arithmetic.tanh, -25.0, 25.0),
    "cos": (arithmetic.cos, -90_000.0, 90_000.0),
}


@pytest.fixture
def native() -> NativeArithmetic:
    assert LIBRARY is not None
    return NativeArithmetic(LIBRARY)


def points(low: float, high: float) -> Any:
    """Numbers over a range and close to 0, some of both signs."""
    spread = np.geomspace(low, high, 200_001) if low > 0 else np.linspace(low, high, 200_001)
    near = np.geomspace(1e-300, 0.9, 50_001)
    return np.concatenate([spread, near, -near if low < 0 else near])


@pytest.mark.parametrize("name", RANGES)
def test_functions_of_doubles_are_within_a_few_units_in_the_last_place(name: str, native: NativeArithmetic) -> None:
    function, low, high = RANGES[name]
    x = points(low, high)
    exact = function(x)  # NumPy's, within a unit itself
    with in_force(native):
        found = function(x)
    unit = np.maximum(np.spacing(np.abs(exact)), 2e-16 if name == "cos" else 0)  # near the roots of a cosine x itself is rounded
    assert (np.abs(found - exact) / unit).max() <= 4


@pytest.mark.parametrize("name", ["expm1", "log1p", "cos"])
def test_functions_of_floats_are_rounded_from_doubles(name: str, native: NativeArithmetic) -> None:
    function, low, high = RANGES[name]
    x = points(max(low, -80.0), min(high, 80.0)).astype(np.float32)
    exact = function(x.astype(np.float64))
    with in_force(native):
        found = function(x)
    assert found.dtype == np.float32
    assert np.mean(found == exact.astype(np.float32)) > 0.9999


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 1.7, 2.0, -1.5, -1.0, 3.0])
def test_powers(exponent: float, native: NativeArithmetic) -> None:
    x = np.concatenate([np.geomspace(1e-20, 1e9, 10_001), [1.0, 2.0]]).astype(np.float32)
    with in_force(native):
        found = arithmetic.power(x, exponent)
    np.testing.assert_allclose(found, x.astype(np.float64) ** exponent, rtol=1e-6, atol=1e-44)


@pytest.mark.parametrize(("exponent", "expected"), [(3.0, [-8, 0, np.inf]), (4.0, [16, 0, np.inf]), (1.5, [np.nan, 0, np.inf])])
def test_powers_of_numbers_below_0(exponent: float, expected: list[float], native: NativeArithmetic) -> None:
    with in_force(native), np.errstate(all="ignore"):
        found = arithmetic.power(np.array([-2, 0, np.inf], np.float32), exponent)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_special_numbers(native: NativeArithmetic) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-320, -1e-320])
    for name, (function, _, _) in RANGES.items():
        if name == "cos":
            continue
        with np.errstate(all="ignore"):
            exact = function(x)
            with in_force(native):
                found = function(x)
        np.testing.assert_allclose(found, exact, rtol=1e-15, atol=0, err_msg=name)


@pytest.mark.parametrize("name", ["exp", "log1p", "expm1", "tanh"])
@pytest.mark.parametrize("count", [0, 1, 3, 7, 17])
def test_nothing_is_said_of_the_arithmetic_of_good_numbers(name: str, count: int, native: NativeArithmetic) -> None:
    faults: list[str] = []
    told = np.errstate(all="call", under="ignore", call=lambda kind, _: faults.append(kind))
    with in_force(native), told:
        RANGES[name][0](np.linspace(0, 2, count, dtype=np.float32))
        RANGES[name][0](np.zeros(count))
    assert faults == []


def test_overflow_is_told_as_numpy_tells_it(native: NativeArithmetic) -> None:
    faults: list[str] = []
    with in_force(native), np.errstate(over="call", call=lambda kind, _: faults.append(kind)):
        arithmetic.exp(np.full(5, 1000.0))
    assert faults == ["overflow"]


def test_results_go_where_the_caller_says(native: NativeArithmetic) -> None:
    x = np.linspace(0.1, 3, 24).astype(np.float32).reshape(4, 6)
    for view in (x.copy(), x.copy().T, x.copy()[:, ::2]):
        expected = np.exp(view)
        with in_force(native):
            assert arithmetic.exp(view, view) is view
        np.testing.assert_allclose(view, expected, rtol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sums(kind: Any, native: NativeArithmetic) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 70)).astype(kind)
    for view in (x, x.T, x[::2, :, 1:, ::-3]):
        for axes in [None, *itertools.chain(*(itertools.combinations(range(4), n) for n in (1, 2, 3, 4)))]:
            for keepdims in (False, True):
                with in_force(native):
                    found = arithmetic.sum(view, axes, keepdims=keepdims)
                expected = view.sum(axis=axes, dtype=np.float64, keepdims=keepdims)
                assert found.dtype == kind
                np.testing.assert_allclose(found, expected, rtol=1e-6 if kind is np.float32 else 1e-12, atol=1e-12)
                assert np.shape(found) == np.shape(expected)


def test_sums_of_few_or_none(native: NativeArithmetic) -> None:
    with in_force(native):
        assert arithmetic.sum(np.zeros((0, 3), np.float32), 0).tolist() == [0, 0, 0]
        assert arithmetic.sum(np.zeros((3, 0), np.float32), 0).shape == (0,)
        assert arithmetic.sum(np.array([True, True, False])) == 2
        assert arithmetic.sum(np.array([1, 2], np.float32), where=np.array([False, True])) == 2
        assert arithmetic.sum(np.float32(3), ()) == 3
        assert arithmetic.mean(np.array([1, 2, 6], np.float32)) == 3


def test_a_sum_goes_where_the_caller_says(native: NativeArithmetic) -> None:
    x, out = np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.zeros((2, 1, 4), np.float32)
    with in_force(native):
        assert arithmetic.sum(x, 1, None, out, True) is out
    np.testing.assert_array_equal(out, x.sum(axis=1, keepdims=True))


def laid_out(array: Any, rng: Random) -> Any:
    """The same matrices in one of the layouts that a view can have."""
    form = rng.integers(4)
    if form == 1:
        return np.ascontiguousarray(array.swapaxes(-1, -2)).swapaxes(-1, -2)
    if form == 2:
        return np.repeat(array, 2, axis=-1)[..., ::2]
    return np.asfortranarray(array) if form == 3 else array


def test_products(native: NativeArithmetic) -> None:
    for seed in range(300):
        rng = np.random.default_rng(seed)
        m, k, n = (int(one) for one in rng.integers(1, 40, 3))
        before = tuple(int(one) for one in rng.integers(1, 4, rng.integers(0, 3)))
        shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [(before, before), (before, ()), ((), before), ((1,), before)]
        first, second = shapes[rng.integers(4)]
        left, right = rng.normal(size=(*first, m, k)), rng.normal(size=(*second, k, n))
        left, right = laid_out(left.astype(np.float32), rng), laid_out(right.astype(np.float32), rng)
        expected = np.matmul(left.astype(np.float64), right)
        with in_force(native):
            found = arithmetic.matmul(left, right)
            out = laid_out(np.zeros_like(expected, dtype=np.float32), rng)
            arithmetic.matmul(left, right, out)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(out, found)


def test_matrices_that_do_not_fit_are_refused(native: NativeArithmetic) -> None:
    with in_force(native), pytest.raises(ValueError, match="mismatch in its core dimension"):
        arithmetic.matmul(np.ones((2, 3), np.float32), np.ones((1, 4), np.float32))


def test_a_row_is_the_same_in_any_company(native: NativeArithmetic) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(37, 300)).astype(np.float32), rng.normal(size=(300, 19)).astype(np.float32)
    with in_force(native):
        whole = arithmetic.matmul(left, right)
        np.testing.assert_array_equal(arithmetic.matmul(left[5:6], right), whole[5:6])
        np.testing.assert_array_equal(arithmetic.matmul(np.asfortranarray(left), right), whole)


def test_dot_and_rows_by_number(native: NativeArithmetic) -> None:
    rng = np.random.default_rng(0)
    a, numbers, rows = (
        rng.normal(size=900).astype(np.float32),
        rng.integers(0, 5, 30),
        rng.normal(size=(30, 9)).astype(np.float32),
    )
    ours, theirs = np.ones((7, 9), np.float32), np.ones((7, 9), np.float32)
    arithmetic.add_rows(numbers, rows, theirs)
    with in_force(native):
        assert arithmetic.dot(a, a) == np.float32(np.dot(a.astype(np.float64), a))
        arithmetic.add_rows(numbers, rows[:, ::-1][:, ::-1], ours)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_an_arithmetic_is_in_force_in_one_thread_until_its_context_ends(native: NativeArithmetic) -> None:
    seen: list[type[Arithmetic]] = []

    class Other(Arithmetic):
        def dot(self, left: Any, right: Any) -> Any:
            return "other"

    def look() -> None:
        seen.append(type(arithmetic._IN_FORCE.arithmetic))

    with in_force(native):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        with in_force(Other()):
            assert arithmetic.dot(np.ones(2), np.ones(2)) == "other"
        look()
    look()
    assert seen == [Arithmetic, NativeArithmetic, Arithmetic]
