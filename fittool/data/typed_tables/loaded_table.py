"""A table as arrays for `fit`: what the section `data` of an experiment does with one, from Python."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.class_labels import are_classes
from fittool.data.dataset import ArrayDataset, Dataset
from fittool.data.formats.csv_form import CsvForm
from fittool.data.formats.csv_table import Header, refuse_twice
from fittool.data.formats.reading import Reading
from fittool.data.sources import CsvSource, SourceContext
from fittool.data.tables.column_kinds import COLUMN_KINDS, ColumnDefaults
from fittool.data.tables.column_plan import ColumnPlan
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.told import columns_in_words
from fittool.data.tables.unencoded import UnencodedTable, encoded
from fittool.data.typed_tables.frames import is_frame, table_of_frame
from fittool.errors import ArgumentError, DataError
from fittool.nn.layers import ColumnEmbedding
from fittool.nn.table_layout import TableLayout


@dataclass(frozen=True)
class LoadedTable:
    """A table as arrays; `x, y = table` gives both.

    Attributes:
        x: (N, F) float32 features.
        y: (N,) int64 class numbers, or numbers to predict, (N, labels) of several; None without a label.
        class_names: The name of each class, or None.
        encoder: What the rows have fixed of the columns, by which `encode` reads other tables.
        label: The columns of labels.
        reading: How the table was read.
    """

    x: NDArray[np.float32]
    y: Array | None
    class_names: tuple[str, ...] | None
    encoder: TableEncoder
    label: tuple[str, ...]
    reading: Reading

    def __iter__(self) -> Iterator[Array | None]:
        yield self.x
        yield self.y

    @property
    def layout(self) -> TableLayout:
        """The name, source and role of each feature."""
        return self.encoder.layout

    @property
    def embedding(self) -> ColumnEmbedding | None:
        """The layer that a network must begin with to read categories of many values, which are codes; None without such."""
        return self.layout.embedding()

    def encode(self, table: Any) -> NDArray[np.float32]:
        """The features (N, F) of another table, in the order of its rows; it needs no labels.

        Args:
            table: A path, or a table in memory with the columns that were learnt from, in any order.

        Raises:
            DataError: A column is missing, or holds cells that are not of its kind.
        """
        context = SourceContext(class_mode=None, encoder=self.encoder, reading=self.reading)
        dataset = _read(table, None, context)
        assert isinstance(dataset, ArrayDataset)
        return np.asarray(dataset.inputs[0], np.float32)

    def summary(self) -> str:
        """A line for each column: its kind, gaps, different values, and why it has that kind."""
        return "\n".join(columns_in_words(self.encoder))


def load_table(
    table: Any,
    label: str | int | Sequence[str] | None = None,
    columns: Mapping[str, Any] | None = None,
    column_defaults: Mapping[str, Any] | None = None,
    validation_split: float = 0.0,
) -> LoadedTable:
    """A table as arrays for `fit`.

    Args:
        table: The path of a CSV, Parquet, Excel or JSON lines file, or a table in memory (pandas, polars) with columns by name.
        label: The column to predict, or several; text and whole numbers of few values are classes, other numbers are numbers.
            Rows without a label are left out, with a warning that says how many. A whole number stands for a column so called.
        columns: The kinds of columns by name, as in an experiment: `{"sex": "category"}`. All others are found by the rules of
            docs/tables.md.
        column_defaults: Settings of the columns of a kind, such as `{"number": {"scale": "standard"}}`.
        validation_split: The share of rows at the end that is validated on, as in `fit`; nothing is learnt from them.

    Raises:
        DataError: The table is missing or wrong.
        ArgumentError: A ValueError and TypeError: a setting is wrong.
    """
    plan = _plan(columns, column_defaults)
    labels = () if label is None else (str(label),) if isinstance(label, str | int) else tuple(label)
    unencoded = _open_as_classes_or_numbers(table, labels, plan)
    if not 0 <= validation_split < 1:
        raise ArgumentError(f"validation_split must be from 0 to below 1, got {validation_split}.")
    assert unencoded.raw is not None
    encoder = unencoded.raw.fit(np.arange(int(len(unencoded) * (1 - validation_split)) or len(unencoded)))
    dataset = encoded(unencoded, encoder)
    assert isinstance(dataset, ArrayDataset)
    x = np.asarray(dataset.inputs[0], np.float32)
    y = dataset.targets[0] if dataset.targets else None
    found = dataset.reading or Reading()
    if found.dropped:  # the rows of `x` are no longer those of the user's table
        warnings.warn(f"load_table: {found.dropped}.", UserWarning, stacklevel=2)
    return LoadedTable(x, y, dataset.class_names, encoder, labels, found)


def _plan(columns: Mapping[str, Any] | None, defaults: Mapping[str, Any] | None) -> ColumnPlan:
    from pydantic import ValidationError
    from pydantic_core import PydanticCustomError

    try:
        kinds = {name: COLUMN_KINDS.parse(kind) for name, kind in (columns or {}).items()}
        return ColumnPlan(kinds, ColumnDefaults(**dict(defaults or {})), drops_useless=True)
    except (ValidationError, PydanticCustomError) as error:
        raise ArgumentError(f"columns: {error}") from None


def _open_as_classes_or_numbers(table: Any, labels: tuple[str, ...], plan: ColumnPlan) -> UnencodedTable:
    """The rows with classes where the label is text or few whole numbers, else with numbers."""
    if not labels:
        return _unencoded(_read(table, None, SourceContext(class_mode=None, columns=plan, waits_for_split=True)))
    numbers = SourceContext(columns=plan, waits_for_split=True)
    if len(labels) > 1:
        return _unencoded(_read(table, labels, numbers))
    try:
        classes = _unencoded(_read(table, labels, replace(numbers, class_mode="sparse")))
    except DataError:  # fractions are no class numbers
        return _unencoded(_read(table, labels, numbers))
    if are_classes(classes.class_names or (), len(classes)):
        return classes
    return _unencoded(_read(table, labels, numbers))


def _unencoded(data: Dataset) -> UnencodedTable:
    assert isinstance(data, UnencodedTable)
    return data


def _read(table: Any, labels: tuple[str, ...] | None, context: SourceContext) -> Dataset:
    """The rows of a file, or of a table in memory."""
    if not is_frame(table):
        if not isinstance(table, str | os.PathLike):
            wanted = "the path of a file, or a table in memory with columns by name, as pandas and polars have them"
            raise ArgumentError(f"load_table takes {wanted}; got a {type(table).__name__}.")
        path = os.fspath(table)
        return CsvSource(path, label=None if labels is None else list(labels)).open(context)
    typed = table_of_frame(table)
    refuse_twice(typed.names, "the table")
    header = Header(Path("table"), CsvForm(), typed.names, block=typed)
    return CsvSource("table", label=None if labels is None else list(labels)).read(header, context)
