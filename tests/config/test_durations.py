"""Times as people write them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from fittool.config.sections import Duration, seconds_of


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("1.5 m", 90), ("2h", 7200), ("0s", None), ("5", None), ("1d", None)])
def test_seconds(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("value", ["soon", "0m", 600, None])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(ValidationError, match="must be a time such as 30s, 5m or 2h"):
        TypeAdapter(Duration).validate_python(value)
