"""Columns of categories: one feature for each level, or one code that a network looks up; and columns of two values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.cell_form import BOOLEANS
from fittool.data.formats.columns import Column
from fittool.data.tables.column_kinds import CategorySettings
from fittool.data.tables.fitted_column import CLEAN, CellReport, Facts, FittedColumn
from fittool.data.tables.levels import by_rank, written_levels
from fittool.nn.table_layout import Feature

_MOST_ONE_HOT = 10
_RARE_CODE = 3
_SHOWN = 4
_TRUE = frozenset({"true", "yes", "1", "t", "y"})
_FALSE = frozenset({"false", "no", "0", "f", "n"})


@dataclass(frozen=True)
class FittedCategory(FittedColumn):
    """A column of categories.

    Attributes:
        levels: In order, with how often the training part holds each.
        rare: How many levels are merged, and how many rows hold one of them.
        gap: Whether a gap is a level.
        width: The length of the vector of a code; 0 where there is a feature for each level.
        all_rare: Whether every level is rare, so that none was merged.
        merged: The levels that are merged, as `levels`; empty in runs that have not kept them.
    """

    kind: ClassVar[str] = "category"
    needs_text: ClassVar[bool] = True

    levels: tuple[tuple[str, int], ...]
    rare: tuple[int, int] = (0, 0)
    gap: bool = False
    width: int = 0
    all_rare: bool = False
    merged: tuple[tuple[str, int], ...] = ()

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """One for each level, that of gaps and that of all others where training had such; or one code."""
        if self.width:
            return (Feature(self.name, self.name, "code", self._places, self.width),)
        names = [level for level, _ in self.levels] + ["(missing)"] * self.gap + ["(other)"] * self._has_other
        return tuple(Feature(f"{self.name}={name}", self.name, "one_hot") for name in names)

    @property
    def _has_other(self) -> bool:
        return self.rare[0] > 0

    @property
    def _places(self) -> int:
        """The number of codes."""
        return self._last + 1

    @property
    def _last(self) -> int:
        """The place of rare and of unknown values."""
        return len(self.levels) + self.gap

    @property
    def note(self) -> str:
        """The first levels, and what becomes of them."""
        names = [level for level, _ in self.levels[:_SHOWN]]
        listed = ", ".join(names) + (", …" if len(self.levels) > len(names) else "")
        parts = [f"vectors of {self.width}" if self.width else f"{len(self.features)} of 0 and 1"]
        parts += [f"{self.rare[0]:,} rare ones merged"] if self.rare[0] else []
        parts += ["all are rare, so none is merged"] if self.all_rare else []
        parts += ["gaps a level of their own"] if self.gap else []
        return f"{', '.join(parts)}: {listed}"

    def encode(self, column: Column, out: NDArray[np.float32]) -> CellReport:
        """The place of each cell's level; rare and unknown ones have the last, or where there is none, no place at all."""
        codes, names = written_levels(column)
        places = self._place_of(codes, names)
        unknown = np.flatnonzero(places < 0)  # and rare ones too in runs that have not kept their names
        places = np.where(places < 0, self._last, places)
        if self.width:
            out[:, 0] = places
        else:
            out[...] = 0
            held = np.flatnonzero(places < out.shape[1])
            out[held, places[held]] = 1
        return CLEAN if not len(unknown) else CellReport(unknown=unknown)

    def _place_of(self, codes: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.int64]:
        """(N,) the place of each cell's level, -1 where training has not seen it."""
        known = {level: place for place, (level, _) in enumerate(self.levels)} | {level: self._last for level, _ in self.merged}
        of_code = np.array([*(known.get(name, -1) for name in names), len(self.levels) if self.gap else -1], np.int64)
        return of_code[codes]  # -1, a gap, is the last

    def learnt(self) -> dict[str, Any]:
        """The levels with their counts, and how they become features."""
        gap = {"gap": True} if self.gap else {}
        encoded = {"encode": "embedding", "width": self.width} if self.width else {"encode": "one_hot"}
        return {**encoded, "levels": [list(level) for level in self.levels], **self._learnt_of_rare(), **gap}

    def _learnt_of_rare(self) -> dict[str, Any]:
        """What became of the rare levels, where there are some."""
        if self.all_rare:
            return {"all_rare": True}
        if not self.rare[0]:
            return {}
        names = {"merged": [list(level) for level in self.merged]} if self.merged else {}
        return {"rare": {"levels": self.rare[0], "rows": self.rare[1], **names}}

    @classmethod
    def of(cls, facts: Facts, plain: Mapping[str, Any]) -> FittedCategory:
        """The column that `plain` describes."""
        rare = plain.get("rare", {"levels": 0, "rows": 0})
        return cls(
            facts,
            _counted(plain["levels"]),
            (rare["levels"], rare["rows"]),
            plain.get("gap", False),
            plain.get("width", 0),
            plain.get("all_rare", False),
            _counted(rare.get("merged", ())),
        )


def _counted(levels: Iterable[Sequence[Any]]) -> tuple[tuple[str, int], ...]:
    return tuple((str(level), int(count)) for level, count in levels)


def fit_category(facts: Facts, kind: CategorySettings, column: Column, rows: NDArray[np.int64]) -> FittedCategory:
    """Fix a column of categories by (n,) rows of it."""
    codes, names = written_levels(column)
    codes = codes[rows]
    counts = dict(zip(names, np.bincount(codes[codes >= 0], minlength=len(names)).tolist(), strict=True))
    counts = {name: count for name, count in counts.items() if count}
    gap = bool((codes < 0).any())
    embeds = kind.encode == "embedding" or (kind.encode == "auto" and len(counts) + gap > _MOST_ONE_HOT)
    least = kind.rare or (_RARE_CODE if embeds else 1)
    all_rare = max(counts.values(), default=least) < least
    if all_rare:
        least = 1  # one level for all of them would be a constant that says nothing
    levels, merged = (
        tuple((name, counts[name]) for name in by_rank([name for name, count in counts.items() if (count < least) == is_rare]))
        for is_rare in (False, True)
    )
    width = (kind.embedding or embedding_width(len(levels) + gap + 1)) if embeds else 0
    rare = (len(merged), sum(count for _, count in merged))
    return FittedCategory(facts, levels, rare, gap, width, all_rare, merged)


def embedding_width(levels: int) -> int:
    """The length of vectors for so many levels: 1.6 · levels ** 0.56, fastai's rule, but at most 50."""
    return int(max(min(50, round(1.6 * float(levels) ** 0.56)), 1))


@dataclass(frozen=True)
class FittedBoolean(FittedColumn):
    """A column of two values.

    Attributes:
        off, on: The words for 0 and for 1, without regard to case.
        share: Of ones in the training part; what stands in a gap.
        indicates: Whether a second feature says where there was a gap.
    """

    kind: ClassVar[str] = "boolean"
    needs_text: ClassVar[bool] = True

    off: tuple[str, ...]
    on: tuple[str, ...]
    share: float = 0.0
    indicates: bool = False

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """0 or 1, and where training had gaps their indicator."""
        value = Feature(self.name, self.name, "boolean")
        return (value, Feature(f"{self.name} is missing", self.name, "indicator")) if self.indicates else (value,)

    @property
    def note(self) -> str:
        """Which is 1, and how often."""
        return f"{self.on[0] if self.on else '(none)'} is 1, {self.share:.1%} of the rows"

    def encode(self, column: Column, out: NDArray[np.float32]) -> CellReport:
        """0 or 1; gaps and unknown words get the share of ones."""
        codes, names = written_levels(column)
        values = dict.fromkeys(self.off, 0.0) | dict.fromkeys(self.on, 1.0)
        of_code = np.array([*(values.get(name.casefold(), np.nan) for name in names), np.nan])
        found = of_code[codes]
        if self.indicates:
            out[:, 1] = codes < 0
        out[:, 0] = np.where(np.isnan(found), self.share, found)
        unknown = np.flatnonzero(np.isnan(found) & (codes >= 0))
        return CLEAN if not len(unknown) else CellReport(unknown=unknown)

    def learnt(self) -> dict[str, Any]:
        """The words, and the share of ones."""
        indicator = {"indicator": True} if self.indicates else {}
        return {"zero": list(self.off), "one": list(self.on), "share": self.share, **indicator}

    @classmethod
    def of(cls, facts: Facts, plain: Mapping[str, Any]) -> FittedBoolean:
        """The column that `plain` describes."""
        return cls(facts, tuple(plain["zero"]), tuple(plain["one"]), plain["share"], plain.get("indicator", False))


def fit_boolean(facts: Facts, column: Column, rows: NDArray[np.int64]) -> FittedBoolean | None:
    """Fix a column of two values by (n,) rows of it; None where there are others or more."""
    codes, names = written_levels(column)
    codes = codes[rows]
    present = sorted({names[code].casefold() for code in np.unique(codes[codes >= 0]).tolist()})
    if set(present) <= _TRUE | _FALSE:
        off, on = tuple(name for name in present if name in _FALSE), tuple(name for name in present if name in _TRUE)
        off, on = off or tuple(_opposite(on)), on or tuple(_opposite(off))
    elif len(present) == 2:
        off, on = (present[0],), (present[1],)
    else:
        return None
    is_on = np.array([*(name.casefold() in on for name in names), False])[codes]
    known = max(int((codes >= 0).sum()), 1)
    return FittedBoolean(facts, off, on, float(is_on.sum() / known), bool((codes < 0).any()))


def _opposite(words: Sequence[str]) -> list[str]:
    pairs = {"true": "false", "yes": "no", "1": "0", "t": "f", "y": "n"}
    pairs |= {second: first for first, second in pairs.items()}
    return [pairs[word] for word in words]


def are_booleans(column: Column) -> bool:
    """True where all cells of a column of words are true and false, or yes and no."""
    return all(
        kind == "missing" or cell.strip().casefold() in BOOLEANS for cell, kind in zip(column.cells, column.kinds, strict=True)
    )
