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
_LONGEST = 8
_EXACT = 2.0**53
_ZEROS = np.uint64(0x3030303030303030)
_SIXES = np.uint64(0x0606060606060606)
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_PAIRS = np.uint64(0x000000FF000000FF)
_FIRST, _SECOND = np.uint64(100 + (1_000_000 << 32)), np.uint64(1 + (10_000 << 32))
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
        starts, ends: (N, columns) where each cell begins, and the place behind it.
        encoding: Of the text.
    """

    def __init__(
        self, content: bytes, first_line: int, starts: NDArray[np.int64], ends: NDArray[np.int64], encoding: str
    ) -> None:
        self._content = content
        self._starts, self._ends = starts, ends
        self._encoding = encoding
        self.lines = range(first_line, first_line + len(starts))
        padded = np.zeros(len(content) + 2 * _MARGIN, np.uint8)
        padded[_MARGIN:-_MARGIN] = np.frombuffer(content, np.uint8)
        self._bytes = padded
        # Eight bytes at each place, as one number; nothing is copied.
        self._words: NDArray[np.uint64] = np.ndarray((len(padded) - 7,), "<u8", padded, strides=(1,))

    @cached_property
    def _text(self) -> str | None:
        return self._content.decode("ascii") if self._content.isascii() else None

    def cells(self, place: int) -> list[str]:
        """The cells of a column as text."""
        ranges = zip(self._starts[:, place].tolist(), self._ends[:, place].tolist(), strict=True)
        if (text := self._text) is not None:
            return [text[start:end] for start, end in ranges]
        content, encoding = self._content, self._encoding
        return [content[start:end].decode(encoding) for start, end in ranges]

    def cell(self, row: int, place: int) -> str:
        """One cell."""
        return self._content[self._starts[row, place] : self._ends[row, place]].decode(self._encoding)

    def rows_of(self, place: int, text: str) -> list[int]:
        """The rows whose cell in a column is just that text."""
        wanted = text.encode(self._encoding, "replace")
        alike = self._ends[:, place] - self._starts[:, place] == len(wanted)
        alike &= self._bytes[self._starts[:, place] + _MARGIN] == (wanted[0] if wanted else 0)
        return [row for row in np.flatnonzero(alike).tolist() if self.cell(row, place) == text]

    def numbers(self, place: int) -> ParsedNumbers | None:
        """The cells of a column as numbers; None where one has leading zeros, as codes have.

        Digits before and behind the point are read eight at a time, as parts of one machine word; their quotient by a power of
        ten is rounded once, as both are exact, so it is the number that Python reads.
        """
        starts, ends = self._starts[:, place] + _MARGIN, self._ends[:, place] + _MARGIN
        signed = self._bytes[starts] == ord("-")
        starts = starts + signed
        points = self._points(starts, ends)
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
        values[bad] = np.nan
        return ParsedNumbers(values, np.flatnonzero(bad))

    def _points(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """(N,) the place of the first point in each cell, or its end."""
        points = self._all_points
        following = points[np.searchsorted(points, starts)]
        return np.minimum(following, ends)

    @cached_property
    def _all_points(self) -> NDArray[np.int64]:
        return np.append(np.flatnonzero(self._bytes == ord(".")), len(self._bytes))

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


def byte_blocks(file: IO[bytes], delimiter: str, encoding: str, columns: int, first_line: int) -> Iterator[ByteBlock]:
    """The rows of a file in blocks, as far as they can be taken apart so; where the last one ends, `csv` is to go on.

    Args:
        file: Its bytes.
        delimiter: Between cells.
        encoding: Of its text.
        columns: The number of cells in each row.
        first_line: The line on which rows begin.
    """
    if encoding not in _ENCODINGS or not delimiter.isascii() or delimiter == " ":
        return
    for _ in range(first_line - 1):
        if not file.readline():
            return
    if first_line == 1 and encoding == "utf-8-sig":
        file.read(3)
    rest = b""
    while content := file.read(_BLOCK):
        content, rest = _whole_lines(rest + content)
        block = _block(content, delimiter, encoding, columns, first_line)
        if block is None:
            return
        yield block
        first_line += len(block.lines)
    if rest and (block := _block(rest + b"\n", delimiter, encoding, columns, first_line)) is not None:
        yield block


def _whole_lines(content: bytes) -> tuple[bytes, bytes]:
    end = content.rfind(b"\n") + 1
    return content[:end], content[end:]


def _block(content: bytes, delimiter: str, encoding: str, columns: int, first_line: int) -> ByteBlock | None:
    """The rows in some lines; None where they are not as most are."""
    content = content.replace(b"\r\n", b"\n") if b"\r" in content else content
    if not content or b'"' in content or b"\r" in content or b"\0" in content:
        return None
    if not content.isascii() and not _decodes(content, encoding):
        return None
    codes = np.frombuffer(content, np.uint8)
    breaks = codes == ord("\n")
    ends = np.flatnonzero(breaks | (codes == ord(delimiter)))
    rows = int(breaks.sum())
    if rows < _FEWEST_ROWS or len(ends) != rows * columns or not breaks[ends[columns - 1 :: columns]].all():
        return None
    starts = np.empty_like(ends)
    starts[0], starts[1:] = 0, ends[:-1] + 1
    begins, behind = starts.reshape(rows, columns), ends.reshape(rows, columns)
    if ((behind[:, -1] - begins[:, 0]) < columns).any():  # a row of delimiters alone, which is left out
        return None
    return ByteBlock(content, first_line, begins, behind, encoding)


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
