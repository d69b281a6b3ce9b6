"""Blocks of a CSV file taken apart as bytes, many rows in one call: most files have no quotes and as many cells in each row.

Everything else is left to Python's `csv` (`fittool.data.formats.csv_form`), from the row on at which such a block begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import IO

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 20
_FEWEST_ROWS = 200
"""Rows in a block from which on the calls for each column cost less than they save."""
_ENCODINGS = frozenset({"utf-8", "utf-8-sig", "ascii", "cp1252", "latin-1"})
_MARGIN = 8
_LONGEST, _LONGEST_CODED = 8, 32
_EXACT = 2.0**53
_ZEROS = np.uint64(0x3030303030303030)
_SIXES = np.uint64(0x0606060606060606)
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_PAIRS = np.uint64(0x000000FF000000FF)
_FIRST, _SECOND = np.uint64(100 + (1_000_000 << 32)), np.uint64(1 + (10_000 << 32))
_NONE = np.empty(0, np.int64)
_POWERS = np.array([10.0**power for power in range(_LONGEST + 1)])


@dataclass(frozen=True)
class ParsedNumbers:
    """Cells as numbers.

    Attributes:
        values: (N,) float64; NaN where a cell is no plain number of a few digits.
        others: (n,) which rows these are.
    """

    values: NDArray[np.float64]
    others: NDArray[np.int64]


class ByteBlock:
    """Whole rows of a file.

    Args:
        content: Their bytes; each ends with a line break.
        first_line: The line of the first.
        places: (n,) where a sign stands that is no digit: those between cells, points, minus signs and some others.
        ends: (N, columns) which of these end a cell.
        encoding: Of the text.
    """

    def __init__(
        self, content: bytes, first_line: int, places: NDArray[np.int64], ends: NDArray[np.int64], encoding: str
    ) -> None:
        self._content = content
        self._encoding = encoding
        self.lines = range(first_line, first_line + len(ends))
        padded = np.zeros(len(content) + 2 * _MARGIN, np.uint8)
        padded[_MARGIN:-_MARGIN] = np.frombuffer(content, np.uint8)
        # Eight bytes at each place, as one number; nothing is copied.
        self._words: NDArray[np.uint64] = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))
        self._bytes = padded
        self._places = places + _MARGIN
        self._signs = padded[self._places]
        self._ends = ends
        self._before = np.concatenate([[-1], ends.ravel()[:-1]]).reshape(ends.shape)

    def _range(self, column: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(N,) where each cell of a column begins, and the place behind it."""
        before = self._before[:, column]
        starts = self._places[before] + 1
        if column == 0:
            starts[0] = _MARGIN
        return starts, self._places[self._ends[:, column]]

    @cached_property
    def _text(self) -> str | None:
        return self._content.decode("ascii") if self._content.isascii() else None

    def cells(self, place: int) -> list[str]:
        """The cells of a column as text."""
        starts, ends = self._range(place)
        ranges = zip((starts - _MARGIN).tolist(), (ends - _MARGIN).tolist(), strict=True)
        if (text := self._text) is not None:
            return [text[start:end] for start, end in ranges]
        content, encoding = self._content, self._encoding
        return [content[start:end].decode(encoding) for start, end in ranges]

    def codes(self, place: int) -> tuple[NDArray[np.int64], list[str]] | None:
        """The cells of a column as (N,) numbers of different texts, and these; None where they are long."""
        starts, ends = self._range(place)
        longest = int((ends - starts).max())
        if longest > _LONGEST_CODED:
            return None
        found = np.zeros(len(starts), np.int64)
        for offset in range(0, max(longest, 1), 8):  # the different texts so far, and how each goes on
            counts = np.clip(ends - starts - offset, 0, 8)
            shifts = np.minimum(8 * (8 - counts), 63).astype(np.uint64)
            words = (self._words[np.minimum(starts + offset, len(self._words) - 1)] << shifts) >> shifts
            words[counts == 0] = 0
            _, further = np.unique(words, return_inverse=True)
            _, first, found = np.unique(found * len(words) + further, return_index=True, return_inverse=True)
        # Words are padded with zeros, which no cell holds, so two texts have the same ones only if they are the same.
        return found, [self.cell(row, place) for row in first.tolist()]

    def cell(self, row: int, place: int) -> str:
        """One cell."""
        before, end = int(self._before[row, place]), int(self._places[self._ends[row, place]])
        start = _MARGIN if before < 0 else int(self._places[before]) + 1
        return self._content[start - _MARGIN : end - _MARGIN].decode(self._encoding)

    def rows_of(self, place: int, text: str) -> list[int]:
        """The rows whose cell in a column is just that text."""
        wanted = text.encode(self._encoding, "replace")
        starts, ends = self._range(place)
        alike = ends - starts == len(wanted)
        alike &= self._bytes[starts] == (wanted[0] if wanted else self._bytes[starts])
        return [row for row in np.flatnonzero(alike).tolist() if self.cell(row, place) == text]

    def numbers(self, place: int) -> ParsedNumbers | None:
        """The cells of a column as numbers; None where one has leading zeros, as codes have.

        Digits before and behind the point are read eight at a time, as parts of one machine word; their quotient by a power of
        ten is rounded once, as both are exact, so it is the number that Python reads.
        """
        starts, ends = self._range(place)
        sign = self._before[:, place] + 1  # the first in each cell, or that behind it
        signed = (self._signs[sign] == ord("-")) & (self._places[sign] == starts)
        sign += signed
        starts += signed
        points = np.where(self._signs[sign] == ord("."), self._places[sign], ends)
        whole_digits, fraction_digits = points - starts, np.maximum(ends - points - 1, 0)
        if ((whole_digits > 1) & (self._bytes[starts] == ord("0"))).any():
            return None
        long = (whole_digits > _LONGEST) | (fraction_digits > _LONGEST) | (whole_digits + fraction_digits == 0)
        whole, good = self._digits(points, np.minimum(whole_digits, _LONGEST))
        fraction, also_good = self._digits(ends, np.minimum(fraction_digits, _LONGEST))
        powers = _POWERS[np.minimum(fraction_digits, _LONGEST)]
        digits = whole * powers + fraction
        values = np.where(signed, -1.0, 1.0) * digits / powers
        bad = long | ~good | ~also_good | (digits >= _EXACT)
        if not bad.any():
            return ParsedNumbers(values, _NONE)
        values[bad] = np.nan
        return ParsedNumbers(values, np.flatnonzero(bad))

    def _digits(self, ends: NDArray[np.int64], counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """(N,) the numbers that up to eight digits before each place spell, and where they are nothing but digits."""
        shifts = (8 * (8 - counts)).astype(np.uint64)
        shifts, none = np.minimum(shifts, np.uint64(63)), counts == 0
        digits = ((self._words[ends - 8] ^ _ZEROS) >> shifts) << shifts
        digits[none] = 0
        good = (((digits + _SIXES) | digits) & _HIGH) == 0
        digits = digits * np.uint64(10) + (digits >> np.uint64(8))
        found = (digits & _PAIRS) * _FIRST + ((digits >> np.uint64(16)) & _PAIRS) * _SECOND
        return (found >> np.uint64(32)).astype(np.float64), good


class ByteBlocks:
    """The rows of a file in blocks, as far as they can be taken apart so; where the last one ends, `csv` is to go on.

    Args:
        file: Its bytes.
        delimiter: Between cells.
        encoding: Of its text.
        columns: The number of cells in each row.
        first_line: The line on which rows begin.

    Attributes:
        line: The line behind the last block.
        is_complete: Whether all rows of the file were in blocks.
    """

    def __init__(self, file: IO[bytes], delimiter: str, encoding: str, columns: int, first_line: int) -> None:
        self._file = file
        self._delimiter, self._encoding, self._columns = delimiter, encoding, columns
        self.line = first_line
        self.is_complete = False

    def __iter__(self) -> Iterator[ByteBlock]:
        if self._encoding not in _ENCODINGS or not self._delimiter.isascii() or self._delimiter == " ":
            return
        for _ in range(self.line - 1):
            line = self._file.readline()
            if not line.endswith(b"\n") or b"\r" in line[:-2]:  # lines may end otherwise
                return
        if self.line == 1 and self._encoding == "utf-8-sig":
            self._file.read(3)
        rest = b""
        while content := self._file.read(_BLOCK):
            whole, rest = _whole_lines(rest + content)
            if (block := self._block(whole)) is None:
                return
            yield block
            self.line += len(block.lines)
        if rest:
            if (block := self._block(rest + b"\n", fewest=1)) is None:
                return
            yield block
            self.line += len(block.lines)
        self.is_complete = True

    def _block(self, content: bytes, fewest: int = _FEWEST_ROWS) -> ByteBlock | None:
        return _block(content, self._delimiter, self._encoding, self._columns, self.line, fewest)


def _whole_lines(content: bytes) -> tuple[bytes, bytes]:
    end = content.rfind(b"\n") + 1
    return content[:end], content[end:]


def _block(content: bytes, delimiter: str, encoding: str, columns: int, first_line: int, fewest: int) -> ByteBlock | None:
    """The rows in some lines; None where they are not as most are."""
    content = content.replace(b"\r\n", b"\n") if b"\r" in content else content
    if not content or b'"' in content or b"\r" in content or b"\0" in content:
        return None
    if not content.isascii() and not _decodes(content, encoding):
        return None
    codes = np.frombuffer(content, np.uint8)
    # Signs between cells, and points, come before the digits in ASCII, but for some; a look at these few is enough then.
    places = np.flatnonzero((codes < ord("0")) if delimiter < "0" else (codes < ord("0")) | (codes == ord(delimiter)))
    signs = codes[places]
    breaks = signs == ord("\n")
    ends = np.flatnonzero(breaks | (signs == ord(delimiter)))
    rows = int(breaks.sum())
    if rows < fewest or len(ends) != rows * columns or not breaks[ends[columns - 1 :: columns]].all():
        return None
    by_row = ends.reshape(rows, columns)
    behind = places[by_row[:, -1]]
    if (np.diff(behind, prepend=-1) <= columns).any():  # a row of delimiters alone, which is left out
        return None
    return ByteBlock(content, first_line, places, by_row, encoding)


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
