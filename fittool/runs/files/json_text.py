"""JSON as strict as its standard: no NaN, no double keys, no bottomless nesting. Every JSON file of a run goes through here.

Numbers that JSON cannot write become `{"nonfinite": "nan"}` (or `"inf"`, `"-inf"`) and come back as what they were.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_TAG = "nonfinite"


def to_json(value: object, *, indent: int | None = None) -> bytes:
    """Plain data as JSON in UTF-8; tuples become lists, NumPy scalars numbers.

    The standard library would turn numbers that are keys into texts, and has no hook for floats that are not finite.

    Args:
        value: Mappings with text keys, lists, tuples, text, numbers, booleans, None.
        indent: Spaces for each level, for files that people read.

    Raises:
        TypeError: Something in it is no plain data.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(_plain(value), indent=indent, separators=separators, ensure_ascii=False, allow_nan=False)
    # File names may hold bytes that are no UTF-8; such a lone surrogate is written as JSON's own escape for it.
    return text.encode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {_TAG: str(value)}
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"The keys of a mapping must be text, got {wrong[0]!r}.")
        if set(value) == {_TAG}:
            raise TypeError(f"A mapping whose only key is {_TAG!r} has a meaning of its own here.")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def from_json(text: bytes) -> Any:
    """Plain data from JSON in UTF-8.

    Raises:
        ValueError: It is not JSON, or a key comes twice, or a number is not finite, or it is nested too deeply.
    """
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_mapping, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _mapping(pairs: list[tuple[str, Any]]) -> Any:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError("a key comes twice")
    if set(mapping) == {_TAG} and mapping[_TAG] in ("nan", "inf", "-inf"):
        return float(mapping[_TAG])
    return mapping


def _finite(text: str) -> float:
    """A number with a point or exponent, or one of the words NaN, Infinity and -Infinity that the standard does not know."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number
