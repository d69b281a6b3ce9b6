"""The columns of a table by the part that they play in an experiment."""

from __future__ import annotations

from dataclasses import dataclass

from fittool.data.formats.csv_table import Header
from fittool.data.formats.table_labels import numbers_among
from fittool.data.sources.base import SourceContext


@dataclass(frozen=True)
class TableColumns:
    """Columns by the part that they play.

    Attributes:
        labels: Those of labels.
        features: Those that are listed to learn from, or None: all of numbers.
        image, weight: Those of image paths and of sample weights.
        not_features: Those that are none to learn from unless they are listed, such as that which divides the data.
    """

    labels: tuple[str, ...]
    features: tuple[str, ...] | None
    image: str | None
    weight: str | None
    not_features: tuple[str, ...] = ()

    @property
    def others(self) -> tuple[str, ...]:
        """All but features."""
        return (*self.labels, *(name for name in (self.image, self.weight) if name is not None))

    def labels_of_numbers(self, context: SourceContext) -> tuple[str, ...]:
        """The columns beside the features whose cells are read as numbers: of numbers to predict, and of weights."""
        return (*numbers_among(self.labels, context), *(() if self.weight is None else (self.weight,)))

    def candidates(self, header: Header) -> list[str]:
        """The features, or what may be some."""
        taken = {*self.others, *self.not_features, ""}
        return [name for name in header.names if name not in taken] if self.features is None else list(self.features)
