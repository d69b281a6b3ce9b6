"""Columns of a table: every cell is counted as a number, a percentage, a boolean, a gap or text, and the first of each is kept.

What a column is, is decided once all of its cells were seen: a few codes that look like numbers make no numbers of a column of
text, and one word makes no text of a column of numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.byte_blocks import ParsedNumbers
from fittool.data.formats.cell_form import MISSING, CellForm, CellKind
from fittool.data.formats.number_forms import advice
from fittool.data.formats.number_parsing import PLAIN
from fittool.errors import DataError, Problem, shown

MOST_PROBLEMS = 20
SHOWN = 40
ColumnKind = Literal["number", "percent", "boolean", "text", "empty", "mixed"]

_LARGEST = float(np.finfo(np.float32).max)
_LEADING_ZERO = re.compile("\n0[0-9]")
_INFINITE = frozenset({"inf", "-inf", "+inf", "infinity", "-infinity"})


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


class CellBlock(Protocol):
    """Some rows of a table."""

    @property
    def lines(self) -> Sequence[int]:
        """The line of each."""

    def cells(self, place: int) -> Sequence[str]:
        """The cells of a column."""

    def cell(self, row: int, place: int) -> str:
        """One of them."""

    def numbers(self, place: int) -> ParsedNumbers | None:
        """The cells of a column as numbers, where that was found without making text of them."""

    def codes(self, place: int) -> tuple[NDArray[np.int64], list[str]] | None:
        """The cells of a column as (N,) numbers of different texts, and these, where they were found so."""


def _has_leading_zeros(cells: Sequence[str]) -> bool:
    """True where a number is written as codes are, such as 007, and may be one."""
    return _LEADING_ZERO.search("\n".join(("", *cells))) is not None


class _Codes(dict[str, int]):
    """A number for each different cell, in the order in which they come."""

    def __missing__(self, cell: str) -> int:
        self[cell] = code = len(self)
        return code


@dataclass
class Column:
    """One column: its cells as numbers, and what they are.

    Chunks of numbers and gaps are kept as numbers alone. Where a cell is something else, has leading zeros, or `keep_text`, each
    different cell is kept once, as it is written, and the rows as codes of these.

    Attributes:
        name: From the first line.
        form: How its cells are read.
        keep_text: Whether cells are kept as they are written, numbers too.
        counts: How many cells there are of each kind.
        first: The first cells of each kind but numbers, with their lines; as many as errors are told.
        too_large: The first numbers that are too large for float32, with their lines.
    """

    name: str
    form: CellForm = field(default_factory=CellForm)
    keep_text: bool = False
    counts: Counter[CellKind] = field(default_factory=Counter)
    first: dict[CellKind, list[tuple[int, str]]] = field(default_factory=dict)
    too_large: list[tuple[int, str]] = field(default_factory=list)
    _pieces: list[NDArray[np.float64] | NDArray[np.int32]] = field(default_factory=list, repr=False)
    _codes: _Codes = field(default_factory=_Codes, repr=False)
    _kinds: list[CellKind] = field(default_factory=list, repr=False)
    _values: list[float] = field(default_factory=list, repr=False)

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Take over the cells of some rows."""
        values = None if self.keep_text else self._numbers(cells, lines)
        if values is None:
            codes, values = self._code(cells, lines)
            self._pieces.append(codes)
        else:
            self._pieces.append(values)
        for row in np.flatnonzero(np.abs(values) > _LARGEST)[: MOST_PROBLEMS - len(self.too_large)].tolist():
            self.too_large.append((lines[row], cells[row]))

    def add_block(self, block: CellBlock, place: int) -> None:
        """Take over the cells of a column of some rows."""
        may_be_numbers = not self.keep_text and self.form.numbers.is_plain and self.form.missing is MISSING and not self._codes
        parsed = block.numbers(place) if may_be_numbers else None
        if parsed is not None and self._add_parsed(parsed, block, place):
            return
        coded = block.codes(place) if self.keep_text or self._codes else None
        if coded is None:
            self.add(block.cells(place), block.lines)
        else:
            self._add_coded(*coded, block, place)

    def _add_parsed(self, parsed: ParsedNumbers, block: CellBlock, place: int) -> bool:
        """Take over numbers, and few cells beside them that are gaps or are written unusually; False where there are others."""
        others = parsed.others
        if 2 * len(others) > len(parsed.values):
            return False
        if len(others):
            cells, lines = [block.cell(row, place) for row in others.tolist()], [block.lines[row] for row in others.tolist()]
            found = self._numbers(cells, lines)
            if found is None and not all(cell.strip().casefold() in self.form.missing for cell in cells):
                return False
            if found is None:
                found = np.full(len(cells), np.nan)
                self.counts["missing"] += len(cells)
                self._note("missing", np.arange(len(cells)), cells, lines)
            parsed.values[others] = found
            for row in np.flatnonzero(np.abs(found) > _LARGEST)[: MOST_PROBLEMS - len(self.too_large)].tolist():
                self.too_large.append((lines[row], cells[row]))
        self.counts["number"] += len(parsed.values) - len(others)
        self._pieces.append(parsed.values)
        return True

    def _add_coded(self, codes: NDArray[np.int64], cells: Sequence[str], block: CellBlock, place: int) -> None:
        """Take over cells that are numbers of different texts already."""
        known, values = self._known(cells)
        found = known[codes]
        self._pieces.append(found)
        self._count(found, lambda row: block.cell(row, place), block.lines)
        if (np.abs(values) > _LARGEST).any():
            for row in np.flatnonzero(np.abs(values[codes]) > _LARGEST)[: MOST_PROBLEMS - len(self.too_large)].tolist():
                self.too_large.append((block.lines[row], block.cell(row, place)))

    def _known(self, cells: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """(n,) the codes of different cells, new ones among them, and their values."""
        codes = np.fromiter(map(self._codes.__getitem__, cells), np.int32, len(cells))
        for cell in islice(self._codes, len(self._kinds), None):
            kind, value = self.form.kind_of(cell)
            self._kinds.append(kind)
            self._values.append(value)
        return codes, np.array([self._values[code] for code in codes.tolist()])

    def _count(self, codes: NDArray[np.int32], cell: Callable[[int], str], lines: Sequence[int]) -> None:
        """Count the kinds of coded cells, and note the first of each."""
        amounts = np.bincount(codes, minlength=len(self._kinds))
        for code in np.flatnonzero(amounts).tolist():
            self.counts[self._kinds[code]] += int(amounts[code])
        kinds = np.array(self._kinds)
        for kind in set(kinds[amounts > 0].tolist()) - {"number"}:
            told = self.first.setdefault(kind, [])
            if len(told) < MOST_PROBLEMS:
                rows = np.flatnonzero((kinds == kind)[codes])[: MOST_PROBLEMS - len(told)].tolist()
                told += [(lines[row], cell(row)) for row in rows]

    def add_numbers(self, values: NDArray[np.float64]) -> None:
        """Take over (N,) numbers that were read elsewhere, NaN where there is a gap."""
        self._pieces.append(values)
        gaps = int(np.isnan(values).sum())
        self.counts.update({"number": len(values) - gaps, "missing": gaps} if gaps else {"number": len(values)})

    def _numbers(self, cells: Sequence[str], lines: Sequence[int]) -> NDArray[np.float64] | None:
        """The values of cells that are all numbers or gaps, NaN for these; None where there is anything else."""
        whole = None if self.form.has_gap(cells) else self.form.numbers.values_if_numbers(cells)
        if whole is not None and not _has_leading_zeros(cells):
            self.counts["number"] += len(cells)
            return whole
        gaps = {cell for cell in set(cells) if cell.strip().casefold() in self.form.missing}
        present = [cell for cell in cells if cell not in gaps]
        found = self.form.numbers.values_if_numbers(present) if gaps and present else None
        if found is None or _has_leading_zeros(present):
            return None
        is_gap = np.fromiter((cell in gaps for cell in cells), np.bool_, len(cells))
        values = np.full(len(cells), np.nan)
        values[~is_gap] = found
        self.counts.update({"number": len(present), "missing": len(cells) - len(present)})
        self._note("missing", np.flatnonzero(is_gap), cells, lines)
        return values

    def _code(self, cells: Sequence[str], lines: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        codes = np.fromiter(map(self._codes.__getitem__, cells), np.int32, len(cells))
        self._known(())
        self._count(codes, cells.__getitem__, lines)
        return codes, np.array(self._values)[codes]

    def _note(self, kind: CellKind, rows: NDArray[np.int64], cells: Sequence[str], lines: Sequence[int]) -> None:
        told = self.first.setdefault(kind, [])
        told += [(lines[row], cells[row]) for row in rows[: MOST_PROBLEMS - len(told)].tolist()]

    @classmethod
    def of_codes(cls, name: str, form: CellForm, codes: NDArray[np.int32], cells: Sequence[str]) -> Column:
        """A column of (N,) codes of different cells."""
        column = cls(name, form, keep_text=True)
        column._codes.update((cell, code) for code, cell in enumerate(cells))
        column._kinds, column._values = (list(one) for one in zip(*map(form.kind_of, cells), strict=True)) if cells else ([], [])
        column._pieces = [codes]
        for code, amount in enumerate(np.bincount(codes, minlength=len(cells)).tolist()):
            column.counts[column._kinds[code]] += amount
        return column

    @property
    def is_coded(self) -> bool:
        """True where all cells are there as they are written."""
        return bool(self._codes) and all(piece.dtype == np.int32 for piece in self._pieces)

    @property
    def needs_text(self) -> bool:
        """True where some cells are no numbers, and others are not there as they are written."""
        return not self.is_coded and bool(self._codes)

    @cached_property
    def codes(self) -> NDArray[np.int32]:
        """(N,) the number of each cell in `cells`; only of columns that are coded."""
        return np.concatenate(self._pieces).astype(np.int32, copy=False)

    @property
    def cells(self) -> list[str]:
        """The different cells, in the order of their codes."""
        return list(self._codes)

    @property
    def kinds(self) -> list[CellKind]:
        """The kind of each of `cells`."""
        return self._kinds

    def value_of(self, code: int) -> float:
        """The number that one of `cells` is; NaN where it is none."""
        return self._values[code]

    @property
    def text(self) -> list[str]:
        """All cells as they are written, where they are coded."""
        cells = self.cells
        return [cells[code] for code in self.codes.tolist()]

    def select(self, rows: NDArray[np.int64]) -> Column:
        """The column of (n,) of its rows alone."""
        if self.is_coded:
            chosen = Column.of_codes(self.name, self.form, self.codes[rows], self.cells)
        else:
            chosen = Column(self.name, self.form)
            chosen.add_numbers(self.array()[rows])
        chosen.first, chosen.too_large = self.first, self.too_large
        return chosen

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
        """The number of different cells beside chunks of numbers only."""
        return len(self._codes)

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
    def is_percent(self) -> bool:
        """True where all cells that are no gaps are percentages."""
        return bool(self._codes) and self.kind == "percent"

    @property
    def is_numeric(self) -> bool:
        """True where each cell that is no gap has a value."""
        return self.kind in ("number", "percent", "boolean")

    @property
    def example(self) -> str:
        """Its first cell of text, in quotes, or its first of any kind."""
        told = [told for kind in ("text", "foreign", "boolean", "percent") for told in self.first.get(kind, [])]
        return repr(told[0][1][:SHOWN]) if told else ""

    def array(self) -> NDArray[np.float64]:
        """(N,) the cells as numbers; NaN where a cell has no value."""
        return np.concatenate([self._values_of(piece) for piece in self._pieces]) if self._pieces else np.empty(0)

    def _values_of(self, piece: NDArray[np.float64] | NDArray[np.int32]) -> NDArray[np.float64]:
        return np.array(self._values)[piece] if piece.dtype == np.int32 else cast("NDArray[np.float64]", piece)

    def report(self, problems: Problems) -> None:
        """Note the cells that have no value, those that are of another kind than most, and those that are too large."""
        kind = self.kind
        wrong = [(line, no_number(cell)) for line, cell in self._of_other_kinds(kind)]
        wrong += [(line, f"{cell[:SHOWN]!r} is too large for float32. Scale the numbers.") for line, cell in self.too_large]
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


def no_number(cell: str) -> str:
    """The sentence about a cell that is no number, with what to do where that can be told."""
    bare = cell.strip()
    found = f"{cell[:SHOWN]!r} is not a number"
    if bare.casefold() in _INFINITE:
        return f"{found}. Remove the row, or give it a value."
    if PLAIN.is_number(bare.removesuffix("%")):
        return f"{found} as the others of this column are. Write all of them with a percent sign, or none."
    return f"{found}.{advice(cell)}"
