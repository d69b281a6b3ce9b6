"""What counts as a number in text: digits with a decimal point and an exponent; no commas, blanks or other scripts' digits."""

from __future__ import annotations

import re

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_NUMBER = re.compile(NUMBER)


def is_number(text: str) -> bool:
    """Whether a text is one number."""
    return _NUMBER.fullmatch(text) is not None
