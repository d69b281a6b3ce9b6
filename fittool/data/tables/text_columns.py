"""Columns of text: words and pieces of words, counted in hashed places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import Column
from fittool.data.tables.fitted_column import CLEAN, CellReport, Facts, FittedColumn
from fittool.data.tables.levels import written_levels
from fittool.nn.table_layout import Feature

_WORD = re.compile(r"\w\w+")
_PIECE = 3
_MASK = 0xFFFFFFFF
_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class FittedText(FittedColumn):
    """A column of text.

    Attributes:
        width: How many features it becomes.
    """

    kind: ClassVar[str] = "text"
    needs_text: ClassVar[bool] = True

    width: int

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Half of them for words, half for pieces of three letters."""
        return tuple(Feature(f"{self.name} {number}", self.name, "text") for number in range(self.width))

    @property
    def note(self) -> str:
        """Where its words go."""
        return f"words and pieces of words in {self.width} hashed places"

    def encode(self, column: Column, out: NDArray[np.float32]) -> CellReport:
        """Hashed words, then hashed pieces, each half of length 1 unless it is empty; zeros of a gap."""
        codes, names = written_levels(column)
        vectors = np.zeros((len(names) + 1, self.width), np.float32)
        half = self.width // 2
        for row, name in enumerate(names):
            text = name.lower()
            _count(_WORD.findall(text), vectors[row, :half])
            _count(_pieces(text), vectors[row, half:])
        for start in range(0, len(out), _AT_ONCE):
            out[start : start + _AT_ONCE] = vectors[codes[start : start + _AT_ONCE]]
        return CLEAN

    def learnt(self) -> dict[str, Any]:
        """The width."""
        return {"width": self.width}

    @classmethod
    def of(cls, facts: Facts, plain: Mapping[str, Any]) -> FittedText:
        """The column that `plain` describes."""
        return cls(facts, plain["width"])


def _pieces(text: str) -> Iterator[str]:
    """Each three letters that follow one another in a word with a blank before and behind it."""
    for word in text.split():
        padded = f" {word} "
        yield from (padded[start : start + _PIECE] for start in range(max(len(padded) - _PIECE + 1, 1)))


def _count(tokens: Iterator[str] | list[str], out: NDArray[np.float32]) -> None:
    """Add 1 or -1 for each token at its place, then make the length 1.

    As scikit-learn's HashingVectorizer does it: the place is |h| modulo the width and the sign that of h, the signed MurmurHash3
    of the token's UTF-8 bytes.
    """
    sums = np.zeros(len(out))
    for token, amount in Counter(tokens).items():
        found = murmur_hash(token)
        sums[abs(found) % len(out)] += amount if found >= 0 else -amount
    length = float(np.sqrt((sums * sums).sum()))
    out[...] = sums / length if length else 0.0


@lru_cache(maxsize=1 << 16)
def murmur_hash(text: str) -> int:
    """The signed 32-bit MurmurHash3 (x86, seed 0) of a text's UTF-8 bytes; Austin Appleby's public-domain algorithm."""
    data = text.encode("utf-8", "surrogatepass")
    state, whole = 0, len(data) // 4 * 4
    for start in range(0, whole, 4):
        state ^= _mixed(int.from_bytes(data[start : start + 4], "little"))
        state = (_rotated(state, 13) * 5 + 0xE6546B64) & _MASK
    if whole < len(data):
        state ^= _mixed(int.from_bytes(data[whole:], "little"))
    state ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        state = ((state ^ (state >> shift)) * factor) & _MASK
    state ^= state >> 16
    return state - (1 << 32) if state >> 31 else state


def _mixed(block: int) -> int:
    return (_rotated((block * 0xCC9E2D51) & _MASK, 15) * 0x1B873593) & _MASK


def _rotated(value: int, places: int) -> int:
    return ((value << places) | (value >> (32 - places))) & _MASK
