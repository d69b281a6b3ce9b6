"""Numbers in text: digits with a decimal sign and an exponent, perhaps with signs between thousands; no other scripts' digits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BLANKS = " \t\u00a0\u202f\u2009"
"""Letters that may stand round a number, or between its thousands where a blank does."""
_FREQUENT = b"0123456789.-"


@dataclass(frozen=True)
class NumberForm:
    """A way of writing numbers.

    Attributes:
        decimal: The sign before the fraction.
        thousands: The sign between groups of three digits, "" for none; " " stands for any blank, "'" for any apostrophe.
    """

    decimal: str = "."
    thousands: str = ""

    @property
    def is_plain(self) -> bool:
        """True where numbers are written as Python and YAML write them."""
        return self.decimal == "." and not self.thousands

    @cached_property
    def pattern(self) -> str:
        """A regular expression for one number.

        Digits can be shared out in one way only, and nothing is given back: were there two ways, a column of numbers with a
        gap would be tried in 2 ** rows ways.
        """
        digits = "[0-9]++"
        if self.thousands:
            # Nothing stands before a thousand but a number of them: 0,137 is a fraction.
            digits = f"(?:[1-9][0-9]{{0,2}}(?:[{re.escape(self._separators)}][0-9]{{3}})++(?![0-9])|[0-9]++)"
        decimal = re.escape(self.decimal)
        number = rf"[+-]?+(?:{digits}(?:{decimal}[0-9]*+)?+|{decimal}[0-9]++)(?:[eE][+-]?+[0-9]{{1,3}}+)?+"
        return rf"[{BLANKS}]*+{number}[{BLANKS}]*+"

    @property
    def _separators(self) -> str:
        return {" ": BLANKS, "'": "'\u2019"}.get(self.thousands, self.thousands)

    @cached_property
    def one(self) -> re.Pattern[str]:
        """Matches a number."""
        return re.compile(self.pattern)

    @cached_property
    def column(self) -> re.Pattern[str]:
        """Matches numbers with line breaks between them."""
        return re.compile(rf"{self.pattern}(?:\n{self.pattern})*+")

    @cached_property
    def _to_python(self) -> dict[int, str]:
        dropped = dict.fromkeys(map(ord, self._separators), "")
        return dropped | ({} if self.decimal == "." else {ord(self.decimal): "."})

    def is_number(self, text: str) -> bool:
        """True where a text is one number."""
        return self.one.fullmatch(text) is not None

    def are_numbers(self, cells: Sequence[str]) -> bool:
        """True where each of some texts is one number; looks at all of them at once."""
        together = "\n".join(cells)
        # A cell with a line break in it would otherwise pass as two numbers.
        return together.count("\n") == len(cells) - 1 and self.column.fullmatch(together) is not None

    def values_if_numbers(self, cells: Sequence[str]) -> NDArray[np.float64] | None:
        """(N,) the values of texts if each is one number; else None."""
        if self.is_plain:
            together = "".join(cells)
            # Of these letters alone Python makes numbers of just what the pattern takes; most columns hold no others.
            if together.isascii() and not together.encode().translate(None, delete=_FREQUENT):
                try:
                    return np.fromiter(map(float, cells), np.float64, len(cells))
                except ValueError:
                    return None
        return self.values(cells) if self.are_numbers(cells) else None

    def plainly(self, number: str) -> str:
        """A text that is a number, written plainly."""
        return number.strip().translate(self._to_python)

    def value(self, number: str) -> float:
        """The value of a text that is a number; infinite where it is too large."""
        return float(number if self.is_plain else self.plainly(number))

    def values(self, numbers: Sequence[str]) -> NDArray[np.float64]:
        """(N,) the values of texts that are numbers."""
        return np.fromiter(map(float if self.is_plain else self.value, numbers), np.float64, len(numbers))


PLAIN = NumberForm()
"""Numbers as Python writes them."""


def is_number(text: str) -> bool:
    """True where a text is one number as Python writes it."""
    return PLAIN.is_number(text)
