from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from fittool.nn.activations import ACTIVATIONS, Activation

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
