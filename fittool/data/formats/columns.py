"""Columns of a table: every cell is counted as a number, a percentage, a boolean, a gap or text, and the first of each is kept.

What a column is, is decided once all of its cells were seen: a few codes that look like numbers make no numbers of a column of
text, and one word makes no text of a column of numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.number_forms import FOREIGN_FORMS, advice
from fittool.data.formats.number_parsing import PLAIN, NumberForm
from fittool.errors import DataError, Problem, shown

MOST_PROBLEMS = 20
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
ColumnKind = Literal["number", "percent", "boolean", "text", "empty", "mixed"]

_LARGEST = float(np.finfo(np.float32).max)
_REMEMBERED = 1001
_INFINITE = frozenset({"inf", "-inf", "+inf", "infinity", "-infinity"})
_SHOWN = 40


class Problems:
    """Mistakes in a file, gathered until there are enough."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.found: list[Problem] = []

    def add(self, text: str, line: int) -> None:
        """Note one; the last that is wanted raises them all."""
        self.found.append(Problem(text, f"{shown(self.path)}:{line}"))
        if len(self.found) == MOST_PROBLEMS:
            raise DataError([*self.found, Problem(f"There may be more; these are the first {MOST_PROBLEMS}.")])

    def check(self) -> None:
        """Raise what was noted, if anything was."""
        if self.found:
            raise DataError(self.found)


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
        if self.numbers.is_number(cell):
            return "number", self.numbers.value(cell)
        if bare.endswith("%") and self.numbers.is_number(bare[:-1]):
            return "percent", self.numbers.value(bare[:-1]) / 100
        if word in BOOLEANS:
            return "boolean", BOOLEANS[word]
        foreign = any(form.is_number(bare.removesuffix("%")) for form in FOREIGN_FORMS if form != self.numbers)
        return ("foreign" if foreign else "text"), np.nan

    def has_gap(self, cells: Collection[str]) -> bool:
        """True where a cell may stand for a missing value although it is written as a number (such as -999)."""
        return self.missing is not MISSING and any(cell.strip().casefold() in self.missing for cell in cells)


@dataclass
class Column:
    """One column: its cells as numbers, and what they are.

    Attributes:
        name: From the first line.
        form: How its cells are read.
        keep_text: Whether cells are kept as they are written.
        pieces: Its cells as pieces of float64; NaN where a cell is no number.
        text: All cells where `keep_text`.
        counts: How many cells there are of each kind.
        first: The first cells of each kind but numbers, with their lines; as many as errors are told.
        too_large: The first numbers that are too large for float32, with their lines.
    """

    name: str
    form: CellForm = field(default_factory=CellForm)
    keep_text: bool = False
    pieces: list[NDArray[np.float64]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    counts: Counter[CellKind] = field(default_factory=Counter)
    first: dict[CellKind, list[tuple[int, str]]] = field(default_factory=dict)
    too_large: list[tuple[int, str]] = field(default_factory=list)
    _known: dict[str, tuple[CellKind, float]] = field(default_factory=dict, repr=False)

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Take over the cells of some rows."""
        if self.keep_text:
            self.text.extend(cells)
        if self.form.numbers.are_numbers(cells) and not self.form.has_gap(cells):
            values = self.form.numbers.values(cells)
            self.counts["number"] += len(cells)
        else:
            values = self._mix(cells, lines)
        self.pieces.append(values)
        for row in np.flatnonzero(np.abs(values) > _LARGEST)[: MOST_PROBLEMS - len(self.too_large)].tolist():
            self.too_large.append((lines[row], cells[row]))

    def _mix(self, cells: Sequence[str], lines: Sequence[int]) -> NDArray[np.float64]:
        values = np.empty(len(cells), np.float64)
        for row, cell in enumerate(cells):
            known = self._known.get(cell)
            if known is None:
                known = self.form.kind_of(cell)
                if len(self._known) < _REMEMBERED:
                    self._known[cell] = known
            kind, values[row] = known
            self.counts[kind] += 1
            if kind != "number" and len(told := self.first.setdefault(kind, [])) < MOST_PROBLEMS:
                told.append((lines[row], cell))
        return values

    @property
    def size(self) -> int:
        """The number of its cells."""
        return self.counts.total()

    @property
    def gaps(self) -> int:
        """The number of cells that are missing values."""
        return self.counts["missing"]

    @property
    def different(self) -> int:
        """The number of different cells beside chunks of numbers only, as far as they are remembered (a thousand)."""
        return len(self._known)

    @property
    def kind(self) -> ColumnKind:
        """The kind of the column.

        `mixed` where most cells are numbers and some are not, which is a mistake; where most are not, the column is text.
        """
        present = self.size - self.gaps
        if present == 0:
            return "empty"
        for kind in ("number", "percent", "boolean"):
            if self.counts[kind] == present:
                return kind
        numeric = self.counts["number"] + self.counts["percent"] + self.counts["foreign"]
        return "mixed" if 2 * numeric >= present else "text"

    @property
    def is_numeric(self) -> bool:
        """True where each cell that is no gap has a value."""
        return self.kind in ("number", "percent", "boolean")

    @property
    def example(self) -> str:
        """Its first cell of text, in quotes, or its first of any kind."""
        told = [told for kind in ("text", "foreign", "boolean", "percent") for told in self.first.get(kind, [])]
        return repr(told[0][1][:_SHOWN]) if told else ""

    def array(self) -> NDArray[np.float64]:
        """(N,) the cells as numbers; NaN where a cell has no value."""
        return np.concatenate(self.pieces)

    def report(self, problems: Problems) -> None:
        """Note the cells that have no value, those that are of another kind than most, and those that are too large."""
        kind = self.kind
        wrong = [(line, _no_number(cell)) for line, cell in self._of_other_kinds(kind)]
        wrong += [(line, f"{cell[:_SHOWN]!r} is too large for float32. Scale the numbers.") for line, cell in self.too_large]
        wrong += self._gaps()
        for line, text in sorted(wrong)[:MOST_PROBLEMS]:
            problems.add(f"column {self.name}: {text}", line)

    def _of_other_kinds(self, kind: ColumnKind) -> list[tuple[int, str]]:
        others = [other for other in self.first if other not in (kind, "missing")]
        return [told for other in others for told in self.first[other]]

    def _gaps(self) -> list[tuple[int, str]]:
        if not self.gaps:
            return []
        line, cell = self.first["missing"][0]
        found = "the cell is empty" if not cell.strip() else f"{cell!r} is not a number"
        if self.gaps == 1:
            return [(line, f"{found}. {mend_of_gaps(1)}")]
        mend = "Remove these rows, give them values, or list the columns to learn from as features."
        return [(line, f"{found}{and_more(self.gaps - 1)}. {mend}")]


def and_more(count: int) -> str:
    """The number of cells without a value beside the one that is named, in parentheses; begins with a blank, "" for none."""
    return "" if not count else f" (and {count:,} more {'cell has' if count == 1 else 'cells have'} no value)"


def mend_of_gaps(count: int) -> str:
    """Advice about cells that have no value but need one."""
    return "Remove the row, or give it a value." if count == 1 else "Remove these rows, or give them values."


def _no_number(cell: str) -> str:
    bare = cell.strip()
    found = f"{cell[:_SHOWN]!r} is not a number"
    if bare.casefold() in _INFINITE:
        return f"{found}. Remove the row, or give it a value."
    if PLAIN.is_number(bare.removesuffix("%")):
        return f"{found} as the others of this column are. Write all of them with a percent sign, or none."
    return f"{found}.{advice(cell)}"
