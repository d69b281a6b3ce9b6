"""The layout of a table's encoded features: which column of the matrix stands for what, for networks that treat them unlike.

The encoder of a table (`fittool.data.tables`) makes it; presets and the layers in front of a network read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from fittool.nn.layers import ColumnEmbedding

Role: TypeAlias = Literal["number", "indicator", "one_hot", "code", "cyclic", "text", "boolean"]
"""The roles of a feature.

- `number`: a number, scaled as its column says; times since a first date too.
- `indicator`: 1 where the source column has a gap, else 0.
- `one_hot`: 1 where the source column has one level, else 0.
- `code`: a whole number from 0 to `levels - 1` that stands for a level; a network looks it up in a table of vectors.
- `cyclic`: the sine or cosine of a part of a date.
- `text`: one of the sums of hashed words and pieces of words.
- `boolean`: 0 or 1, and between them where a gap was filled.
"""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the encoded matrix.

    Attributes:
        name: Such as `island=Biscoe`, or that of the source column.
        source: The column of the table.
        role: What it stands for.
        levels: Of a code, how many there are; else 0. The last is that of values that training has not seen, and of rare ones.
        width: Of a code, the length of its vector; else 0.
    """

    name: str
    source: str
    role: Role
    levels: int = 0
    width: int = 0

    def plain(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        code = {"levels": self.levels, "width": self.width} if self.role == "code" else {}
        return {"name": self.name, "source": self.source, "role": self.role, **code}


@dataclass(frozen=True)
class TableLayout:
    """The columns of the encoded matrix (samples, features), in order.

    Attributes:
        features: One for each.
    """

    features: tuple[Feature, ...]

    def __len__(self) -> int:
        return len(self.features)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each feature."""
        return tuple(feature.name for feature in self.features)

    def positions(self, *roles: Role) -> tuple[int, ...]:
        """The positions of the features with one of these roles, in order."""
        return tuple(position for position, feature in enumerate(self.features) if feature.role in roles)

    @property
    def codes(self) -> tuple[int, ...]:
        """The positions of the codes, which nothing but a lookup can read."""
        return self.positions("code")

    def embedding(self, name: str | None = None, inputs: Sequence[str] | None = None) -> ColumnEmbedding | None:
        """The layer that puts a vector in place of each code; None where there are no codes.

        Args:
            name: Of the layer.
            inputs: What it takes.
        """
        codes = self.codes
        if not codes:
            return None
        found = [self.features[position] for position in codes]
        levels, widths = tuple(one.levels for one in found), tuple(one.width for one in found)
        from fittool.nn.layers import ColumnEmbedding

        return ColumnEmbedding(codes, levels, widths, name=name, inputs=None if inputs is None else tuple(inputs))

    def plain(self) -> list[dict[str, Any]]:
        """As plain data, for JSON."""
        return [feature.plain() for feature in self.features]

    @classmethod
    def of(cls, plain: Sequence[Mapping[str, Any]]) -> TableLayout:
        """The layout that `plain` describes."""
        return cls(tuple(Feature(**feature) for feature in plain))
