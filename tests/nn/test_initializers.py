from __future__ import annotations

import numpy as np
import pytest

from fittool.nn import initializers as i
from fittool.nn.initializers import INITIALIZERS, Initializer, fans
from fittool.nn.regularizers import L1, L1L2, L2, REGULARIZERS, Regularizer


def drawn(initializer: Initializer, shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    return initializer.draw(shape, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("shape", "expected"), [((7,), (7, 7)), ((3, 4), (3, 4)), ((3, 3, 5, 6), (45, 54)), ((3, 2, 5, 1), (30, 6)), ((), (1, 1))]
)
def test_fans_are_kerass(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert fans(shape) == expected


@pytest.mark.parametrize(
    ("initializer", "deviation", "largest"),
    [
        (i.GlorotUniform(), (2 / 500) ** 0.5, (6 / 500) ** 0.5),
        (i.GlorotNormal(), (2 / 500) ** 0.5, 2 * (2 / 500) ** 0.5 / 0.87962566),
        (i.HeUniform(), (2 / 200) ** 0.5, (6 / 200) ** 0.5),
        (i.HeNormal(), (2 / 200) ** 0.5, 2 * (2 / 200) ** 0.5 / 0.87962566),
        (i.LecunUniform(), (1 / 200) ** 0.5, (3 / 200) ** 0.5),
        (i.LecunNormal(), (1 / 200) ** 0.5, 2 * (1 / 200) ** 0.5 / 0.87962566),
        (i.VarianceScaling(3.0, "fan_out", "untruncated_normal"), 0.1, None),
        (i.RandomNormal(), 0.05, None),
        (i.TruncatedNormal(stddev=0.1), 0.1 * 0.87962566, 0.2),
        (i.RandomUniform(-0.3, 0.3), 0.6 / 12**0.5, 0.3),
    ],
    ids=str,
)
def test_spread(initializer: Initializer, deviation: float, largest: float | None) -> None:
    weights = drawn(initializer, (200, 300))
    assert weights.std() == pytest.approx(deviation, rel=0.02)
    assert abs(weights.mean()) < deviation * 0.02
    if largest is not None:
        assert abs(weights).max() == pytest.approx(largest, rel=0.01)
        assert abs(weights).max() <= largest * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3, 2, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = drawn(i.Orthogonal(2.0), shape).reshape(-1, shape[-1])
    product = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [(i.Zeros(), [[0, 0]]), (i.Ones(), [[1, 1]]), (i.Constant(0.5), [[0.5, 0.5]]), (i.Constant((1.0, 2.0)), [[1, 2]])],
    ids=str,
)
def test_fixed_values(initializer: Initializer, expected: list[list[float]]) -> None:
    assert drawn(initializer, (1, 2)).tolist() == expected


@pytest.mark.parametrize("cls", INITIALIZERS.members.values())
def test_every_initializer_draws_single_precision_from_the_generator_alone(cls: type[Initializer]) -> None:
    weights = drawn(cls(), (3, 4))
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, drawn(cls(), (3, 4)))


@pytest.mark.parametrize(
    ("name", "expected"), [("he_normal", i.HeNormal()), ("glorot_uniform", i.GlorotUniform()), ("zeros", i.Zeros())]
)
def test_kerass_names(name: str, expected: Initializer) -> None:
    assert INITIALIZERS.parse(name) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("l2", L2(0.01)), ({"L1": {"l1": 0.5}}, L1(0.5)), ({"l1_l2": {"l1": 0.1, "l2": 0.2}}, L1L2(0.1, 0.2))],
)
def test_regularizers(written: object, expected: Regularizer) -> None:
    assert REGULARIZERS.parse(written) == expected


@pytest.mark.parametrize(
    ("regularizer", "factors"), [(L1(0.1), (0.1, 0)), (L2(0.2), (0, 0.2)), (L1L2(0.1, 0.2), (0.1, 0.2))], ids=str
)
def test_regularizer_factors(regularizer: Regularizer, factors: tuple[float, float]) -> None:
    assert regularizer.factors == factors
