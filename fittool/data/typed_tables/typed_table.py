"""A table whose cells came with types, as columns of numbers and of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.byte_blocks import ParsedNumbers

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class NumberCells:
    """A column of numbers.

    Attributes:
        values: (N,) float64, NaN for gaps.
    """

    values: NDArray[np.float64]


@dataclass(frozen=True)
class TextCells:
    """A column of texts.

    Attributes:
        codes: (N,) the number of each cell's text.
        texts: The different texts.
    """

    codes: NDArray[np.int32]
    texts: Sequence[str]

    @classmethod
    def of(cls, cells: Sequence[str]) -> TextCells:
        """The column of N cells."""
        texts: dict[str, int] = {}
        codes = np.fromiter((texts.setdefault(cell, len(texts)) for cell in cells), np.int32, len(cells))
        return cls(codes, list(texts))


@dataclass(frozen=True)
class TypedTable:
    """A whole table; as one block of rows it is read as a CSV file is.

    Attributes:
        names: Of the columns.
        columns: Their cells.
        first_line: The row of the file that its first row of data is.
        left_out: Columns that cannot be read, with the reason.
    """

    names: tuple[str, ...]
    columns: tuple[NumberCells | TextCells, ...]
    first_line: int = 1
    left_out: tuple[tuple[str, str], ...] = ()

    @cached_property
    def lines(self) -> range:
        """The row of the file that each row is."""
        count = 0
        if self.columns:
            first = self.columns[0]
            count = len(first.values if isinstance(first, NumberCells) else first.codes)
        return range(self.first_line, self.first_line + count)

    def cells(self, place: int) -> list[str]:
        """The cells of a column as text; numbers as Python writes them, gaps empty."""
        column = self.columns[place]
        if isinstance(column, NumberCells):
            return ["" if value != value else repr(value).removesuffix(".0") for value in column.values.tolist()]
        return [column.texts[code] for code in column.codes.tolist()]

    def cell(self, row: int, place: int) -> str:
        """One of them."""
        column = self.columns[place]
        if isinstance(column, NumberCells):
            value = float(column.values[row])
            return "" if value != value else repr(value).removesuffix(".0")
        return str(column.texts[column.codes[row]])

    def numbers(self, place: int) -> ParsedNumbers | None:
        """The numbers of a column of such."""
        column = self.columns[place]
        if not isinstance(column, NumberCells):
            return None
        infinite = np.isinf(column.values)
        others = np.flatnonzero(np.isnan(column.values) | infinite) if infinite.any() or np.isnan(column.values).any() else _NONE
        return ParsedNumbers(column.values.copy(), others)

    def codes(self, place: int) -> tuple[NDArray[np.int64], list[str]] | None:
        """The codes of a column of texts."""
        column = self.columns[place]
        return (column.codes.astype(np.int64), list(column.texts)) if isinstance(column, TextCells) else None
