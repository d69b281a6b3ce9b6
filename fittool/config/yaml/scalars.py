"""Which scalars of the file are booleans, numbers or nothing; everything else is text.

YAML 1.1's surprises (`010` is 8, `yes` is true, `12:30:45` is 45045, `1e-3` is text) do not exist here.
"""

from __future__ import annotations

import re

from fittool.config.yaml.source_map import Scalar

_FIXED: dict[str, Scalar] = {
    "": None, "~": None, "null": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_MOST_DIGITS = 40


class ScalarError(ValueError):
    """A scalar reads as a number that no setting can hold; the text is a sentence's end ("has 5,000 digits …")."""


def scalar(text: str) -> Scalar:
    """What a scalar without quotes means.

    Raises:
        ScalarError: It is a number with too many digits, or too large for a float.
    """
    if text in _FIXED:
        return _FIXED[text]
    if _INTEGER.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            raise ScalarError(f"is a number of {len(text):,} digits; at most {_MOST_DIGITS} are read")
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            raise ScalarError("is too large for a number; the largest is about 1.8e308")
        return number
    return text


def written(value: Scalar) -> str:
    """The scalar without quotes that reads back as `value`, which is no text; floats keep every bit."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else repr(value)
