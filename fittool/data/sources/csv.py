"""The source `csv`: a table with a column of labels, and columns of features or one of image files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fittool.data.sources.base import SourceContext
from fittool.data.sources.csv_settings import CsvSettings
from fittool.settings import setting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fittool.data.dataset import Dataset
    from fittool.data.formats.csv_table import Header, Table
    from fittool.data.formats.number_forms import FoundForm
    from fittool.data.sources.csv_reader import CsvReader


@setting
class CsvSource(CsvSettings):
    """A table: CSV, packed with gzip or not, Parquet, Excel or JSON lines; columns to learn from, or of image paths."""

    def open(self, context: SourceContext) -> Dataset:
        """Read the table; images are decoded when they are asked for.

        Raises:
            ExperimentError: Labels are needed, and `label` is not set.
            DataError: The file is missing or wrong; up to 20 problems, each with its line.
        """
        return self._reader(context).open()

    def read(self, header: Header, context: SourceContext) -> Dataset:
        """The rows below a header; arguments and errors as of `open`."""
        return self._reader(context).read(header)

    def look(self, path: Path) -> tuple[Header, Table, FoundForm]:
        """All columns that have a name, with what their cells are, before anybody says which is which.

        Args:
            path: The file, where it lies here.

        Raises:
            DataError: The file is missing or no table.
        """
        return self._reader(SourceContext(class_mode=None)).look(path)

    def in_another_file(self, path: str, features: Sequence[str] = ()) -> Self:
        """The same columns in another file, whose form is found by looking, or is this one's where only so the columns are there.

        Args:
            path: The file.
            features: The columns that were learnt from.
        """
        from fittool.data.formats.csv_table import bare_name

        nothing = SourceContext(class_mode=None)
        as_here = replace(self, path=path, decimal=None, thousands=None)  # which a run's reading has
        anew = replace(as_here, delimiter=None, encoding=None, header=None)
        wanted = {bare_name(name) for name in (*features, *(self.features or ()), *([self.image] if self.image else ()))}
        return next((source for source in (anew, as_here) if source._reader(nothing).has(wanted)), anew)

    def dividing_column(self, context: SourceContext) -> str | None:
        """A column that says of each row whether it is trained or validated on, and that is used for nothing else; or None."""
        return self._reader(context).dividing_column()

    def cells(self, names: Iterable[str], context: SourceContext, *, are_needed: bool = False) -> dict[str, list[str]]:
        """The cells of some columns as they are written, one for each row.

        Args:
            names: Of the columns.
            context: What the run knows of its data.
            are_needed: Whether an empty cell is an error.

        Raises:
            DataError: There is no such column, or an empty cell that is needed.
        """
        return self._reader(context).cells(names, are_needed=are_needed)

    def names(self, context: SourceContext) -> tuple[str, ...]:
        """The columns that have a name."""
        return self._reader(context).names()

    def groups(self, group: str, dataset: Dataset, context: SourceContext) -> NDArray[np.str_]:
        """The cells of a column.

        Raises:
            DataError: There is no such column.
        """
        return self._reader(context).groups(group, dataset)

    def _reader(self, context: SourceContext) -> CsvReader:
        from fittool.data.sources.csv_reader import CsvReader  # which knows all that tables are read with

        return CsvReader(self, context)
