"""A column as the training part has fixed it: its kind, why it has that, and what makes features of its cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.columns import Column
from fittool.nn.table_layout import Feature


@dataclass(frozen=True)
class Facts:
    """The facts about a column in the training part.

    Attributes:
        name: The column.
        why: The reason for its kind.
        gaps: How many cells have no value.
        distinct: How many different values there are.
        rows: How many cells there are.
    """

    name: str
    why: str = ""
    gaps: int = 0
    distinct: int = 0
    rows: int = 0


@dataclass(frozen=True)
class CellReport:
    """The cells of a column that are not as training had them.

    Attributes:
        unknown: Rows whose value training has not seen.
        outside: Rows whose number lies further outside of the training part's range than that range is wide.
        bad: Rows whose cell cannot be read as the column's kind.
        needed: Rows with a gap that is not allowed.
    """

    unknown: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    outside: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    bad: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    needed: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def is_clean(self) -> bool:
        """True where there is none."""
        return not (len(self.unknown) or len(self.outside) or len(self.bad) or len(self.needed))


CLEAN = CellReport()


@dataclass(frozen=True)
class FittedColumn:
    """A column whose kind is fixed.

    Attributes:
        facts: What the training part showed.
    """

    kind: ClassVar[str] = ""
    needs_text: ClassVar[bool] = False
    """True where cells must be read as they are written."""

    facts: Facts

    @property
    def name(self) -> str:
        """The column's name."""
        return self.facts.name

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The columns of the matrix that it becomes; none where it is kept out of the network."""
        return ()

    @property
    def note(self) -> str:
        """The way from cells to features, in a few words."""
        return ""

    def encode(self, column: Column, out: NDArray[np.float32]) -> CellReport:
        """Write the features of all rows.

        Args:
            column: The cells of N rows.
            out: (N, features), to be filled.
        """
        return CLEAN

    def learnt(self) -> dict[str, Any]:
        """Its values beside `facts`, as plain data."""
        return {}

    def plain(self) -> dict[str, Any]:
        """All of it as plain data, for JSON."""
        facts = self.facts
        told = {"why": facts.why, "rows": facts.rows, "gaps": facts.gaps, "distinct": facts.distinct}
        return {"name": facts.name, "kind": self.kind, **told, **self.learnt()}


@dataclass(frozen=True)
class FittedKey(FittedColumn):
    """An identifier, which is passed through to predictions."""

    kind: ClassVar[str] = "key"

    @property
    def note(self) -> str:
        """Where it goes."""
        return "not learnt from"


@dataclass(frozen=True)
class Dropped(FittedColumn):
    """A column that is left out."""

    kind: ClassVar[str] = "drop"

    @property
    def note(self) -> str:
        """Where it goes."""
        return "left out"
