"""The scalars that are booleans, numbers or nothing; everything else is text. And how values are written in one line.

YAML 1.1's surprises (`010` is 8, `yes` is true, `12:30:45` is 45045, `1e-3` is text) do not exist here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

Scalar = str | int | float | bool | None

_FIXED: dict[str, Scalar] = {
    "": None, "~": None, "null": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_MOST_DIGITS = 40
_PLAIN = re.compile(r"[A-Za-z_./](?:[A-Za-z0-9_./+-]| (?=[A-Za-z0-9_./+-]))*")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class ScalarError(ValueError):
    """A scalar reads as a number that no setting can hold; the text is a sentence's end ("has 5,000 digits …")."""


def scalar(text: str) -> Scalar:
    """The value of a scalar without quotes.

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


def in_one_line(data: object, text: Callable[[str], str] = lambda text: text) -> str:
    """Data in one line of YAML, each text as `text` changes it."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{key_text(str(key))}: {in_one_line(value, text)}" for key, value in data.items()) + "}"
    if isinstance(data, list | tuple):
        return "[" + ", ".join(in_one_line(item, text) for item in data) + "]"
    if isinstance(data, str):
        changed = text(data)
        return changed if _PLAIN.fullmatch(changed) and scalar(changed) == changed else _quote(changed)
    return written(data)  # type: ignore[arg-type]


def key_text(key: str) -> str:
    """A key as it stands before its colon."""
    return key if _PLAIN_KEY.fullmatch(key) else _quote(key)


def _quote(text: str) -> str:
    """Double quotes; what YAML does not show as itself becomes an escape."""
    return "".join(letter if letter.isprintable() else _escape(letter) for letter in json.dumps(text, ensure_ascii=False))


def _escape(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
