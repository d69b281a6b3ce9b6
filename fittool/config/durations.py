"""Times as people write them: `30s`, `5m`, `2h`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float | None:
    """The seconds in a time such as `30s`, `5m` or `2h`; None where the text is no time, or a time of no length."""
    match = _FORM.fullmatch(text)
    seconds = None if match is None else float(match[1]) * _SECONDS[match[2]]
    return seconds or None


def _duration(value: object) -> object:
    if isinstance(value, str) and seconds_of(value) is not None:
        return value
    raise PydanticCustomError("duration", "must be a time such as 30s, 5m or 2h")


Duration = Annotated[str, PlainValidator(_duration, json_schema_input_type=str)]
"""A time such as `30s`, `5m` or `2h`."""
