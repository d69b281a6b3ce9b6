"""Texts for each of pydantic's complaints: what must be there, what was found, what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fittool.errors import shorten
from fittool.settings.family import nearest_name
from fittool.settings.scalars import in_one_line, scalar, written

WRONG_KIND = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "dataclass_type": "a mapping of settings",
    "none_required": "null",
}
"""Complaints that something of another kind must stand there, and of which."""

RULES = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "multiple_of": "must be a multiple of {multiple_of}",
}
"""Rules that were broken, by the kind of complaint; the limits are filled in."""
_PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$": (
        "must begin with a letter or digit and hold only letters, digits, '.', '_' and '-', at most 100"
    ),
    r"^[^/\s]+$": "must be a name without blanks and slashes",
}
_SHOWN_ITEMS = 4
_SCALARS = (str, int, float, type(None))
_DECIMAL_COMMA = re.compile(r"[-+]?[0-9]{0,20},[0-9]{1,20}")
_PERCENT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?%")
_NUMBERLIKE = re.compile(r"[-+]?[0-9][0-9_]*|[-+]?0[xob][0-9A-Fa-f_]+|[-+]?\.(?:inf|nan)|nan|[-+]?inf", re.IGNORECASE)


def found(value: object) -> str:
    """The value that was found, as it reads after "got"."""
    if isinstance(value, str):
        return f'the text "{shorten(value)}"'
    if value is None:
        return "nothing"
    if isinstance(value, bool | int | float):
        return shorten(written(value))
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        short = len(value) <= _SHOWN_ITEMS and all(isinstance(item, _SCALARS) for item in value)
        return shorten(in_one_line(value)) if short else "a list"
    return f"the class {value.__name__}" if isinstance(value, type) else f"an object of the class {type(value).__name__}"


def literals(expected: str) -> list[str]:
    """The values that pydantic lists as `'a', 'b' or 'c'`."""
    return [quoted or bare for quoted, bare in re.findall(r"'([^']*)'|(-?\d+)", expected)]


def one_of(choices: Sequence[str]) -> str:
    """Choices as they read in a sentence: `a, b or c`."""
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def suggestion(name: object, known: Sequence[str]) -> str:
    """A question for the nearest known name, or "" where none is near; begins with a blank."""
    near = nearest_name(name, list(known)) if isinstance(name, str) else None
    return f" Did you mean {near}?" if near else ""


def rule(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """The rule that was broken, beginning with "must"."""
    if kind in ("too_short", "too_long"):
        return _count_rule(kind, context)
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], f"must match the pattern {context['pattern']}")
    if kind in RULES:
        return RULES[kind].format(**{key: _number(value) for key, value in context.items()})
    if kind in ("value_error", "assertion_error"):
        message = str(context.get("error", message))
    return message if message.startswith(("must", "no ")) else f"is not valid: {message[:1].lower()}{message[1:]}"


def wrong_kind(wanted: Sequence[str], value: object) -> str:
    """The sentence's end where something of another kind was found, with how to write it if that can be told."""
    phrases = list(dict.fromkeys(wanted))
    if len(phrases) > 1 and phrases[0] == "true or false":
        phrases[:1] = ["true", "false"]
    return f"must be {one_of(phrases)}, got {found(value)}.{_mend(wanted, value)}"


def _mend(wanted: Sequence[str], value: object) -> str:
    wants_number = "a number" in wanted or "a whole number" in wanted
    if "true or false" in wanted:
        return " Write true or false."
    if wants_number and isinstance(value, str):
        return _number_mend(value, whole="a number" not in wanted)
    if wants_number and isinstance(value, float) and value.is_integer():
        return f" Write {int(value)}."
    if "text" in wanted and isinstance(value, bool | int | float):
        return " Put it in quotes."
    return ""


def _number_mend(text: str, *, whole: bool) -> str:
    if isinstance(scalar(text), int | float) and len(text) < 40:
        return f" Write {shorten(text)} without quotes."
    if not whole and _DECIMAL_COMMA.fullmatch(text):
        return f" Write {text.replace(',', '.')}."
    if not whole and _PERCENT.fullmatch(text):
        return f" Write {float(text[:-1]) / 100:g}."
    if _NUMBERLIKE.fullmatch(text):
        return " Write decimal digits, without leading zeros and underscores."
    return ""


def _count_rule(kind: str, context: Mapping[str, Any]) -> str:
    least = kind == "too_short"
    limit = context["min_length" if least else "max_length"]
    noun = "entry" if context.get("field_type") == "Dictionary" else "item"
    many = noun if limit == 1 else "entries" if noun == "entry" else "items"
    actual = "" if context["actual_length"] is None else f", not {context['actual_length']}"
    return f"must have at {'least' if least else 'most'} {limit} {many}{actual}"


def _number(value: object) -> object:
    """Limits without a needless `.0`."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value
