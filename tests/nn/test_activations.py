from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from fittool.nn.activations import ACTIVATIONS, Activation, sigmoid, softmax

ADAPTER: TypeAdapter[str] = TypeAdapter(Activation)


@pytest.mark.parametrize(
    ("written", "name"), [("relu", "relu"), ("ReLU", "relu"), ("swish", "silu"), ("hard_swish", "hard_silu")]
)
def test_names_and_aliases(written: str, name: str) -> None:
    assert ADAPTER.validate_python(written) == name


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_known_by_its_name(name: str) -> None:
    assert ADAPTER.validate_python(name) == name


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match="no activation is called sigmiod") as caught:
        ADAPTER.validate_python("sigmiod")
    assert caught.value.errors()[0]["ctx"]["nearest"] == "sigmoid"


def test_a_number_is_no_activation() -> None:
    with pytest.raises(ValidationError, match="valid string"):
        ADAPTER.validate_python(3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_and_softmax_by_their_formulas(dtype: type) -> None:
    x = np.array([[0.5, -1.0, 2.0], [3.0, 3.0, -90.0]], dtype)
    powers = np.exp(x.astype(np.float64))
    for result, expected in ((sigmoid(x), powers / (1 + powers)), (softmax(x), powers / powers.sum(axis=1, keepdims=True))):
        np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-37)
        assert result.dtype == dtype


@pytest.mark.parametrize("function", [sigmoid, softmax])
def test_a_result_may_overwrite_the_logits(function: Callable[..., np.ndarray]) -> None:
    x = np.array([[500.0, -500.0], [-1.0, 1.0]])
    expected = function(x)
    assert np.isfinite(expected).all()
    assert function(x, x) is x
    np.testing.assert_array_equal(x, expected)


def test_softmax_along_another_axis() -> None:
    np.testing.assert_allclose(softmax(np.zeros((2, 4)), axis=0), np.full((2, 4), 0.5))
