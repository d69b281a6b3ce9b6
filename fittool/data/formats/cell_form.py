"""The reading of single cells: numbers, percentages, words for true and false, marks of a missing value, and text."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fittool.data.formats.number_forms import FOREIGN_FORMS
from fittool.data.formats.number_parsing import PLAIN, NumberForm

MISSING = frozenset(
    {
        "", "-", ".", "?", "na", "n/a", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan", "null", "none", "-1.#ind", "1.#ind",
        "-1.#qnan", "1.#qnan",
    }
)  # fmt: skip
"""Marks of a missing value in tables from R, pandas, Excel, SQL and SAS, without regard to case."""
BOOLEANS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
"""Words that are read as numbers where a column holds nothing else, without regard to case."""

CellKind = Literal["number", "percent", "boolean", "missing", "foreign", "text"]

_DIGIT = re.compile("[0-9]")


@dataclass(frozen=True)
class CellForm:
    """The reading of cells.

    Attributes:
        numbers: How numbers are written.
        missing: What stands for a missing value, folded.
    """

    numbers: NumberForm = PLAIN
    missing: frozenset[str] = MISSING

    def kind_of(self, cell: str) -> tuple[CellKind, float]:
        """The kind of a cell, and its value as a number; NaN where it has none."""
        bare = cell.strip()
        word = bare.casefold()
        if word in self.missing:
            return "missing", np.nan
        if _DIGIT.search(cell) is None:
            return ("boolean", BOOLEANS[word]) if word in BOOLEANS else ("text", np.nan)
        if self.numbers.is_number(cell):
            return "number", self.numbers.value(cell)
        if bare.endswith("%") and self.numbers.is_number(bare[:-1]):
            return "percent", self.numbers.value(bare[:-1]) / 100
        foreign = any(form.is_number(bare.removesuffix("%")) for form in FOREIGN_FORMS if form != self.numbers)
        return ("foreign" if foreign else "text"), np.nan

    def has_gap(self, cells: Collection[str]) -> bool:
        """True where a cell may stand for a missing value although it is written as a number (such as -999)."""
        return self.missing is not MISSING and any(cell.strip().casefold() in self.missing for cell in cells)
