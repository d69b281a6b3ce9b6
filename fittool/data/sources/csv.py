"""The source `csv`: a table with a column of labels, and columns of features or one of image files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from fittool.data.dataset import ArrayDataset, Dataset
from fittool.data.formats.csv_table import Column, Table, check_columns, check_missing, read_header, read_table
from fittool.data.formats.tags import from_tags, remark_on_tags
from fittool.data.images.image_lookup import ImageLookup
from fittool.data.remote import is_remote
from fittool.data.sources.base import Source, SourceContext
from fittool.data.targets import Targets, from_names, from_numbers, needs_numbers, no_targets, reads_labels, whole_if_possible
from fittool.errors import DataError, ExperimentError, shown
from fittool.settings import Field, Text, setting

if TYPE_CHECKING:
    from fittool.data.images.image_files import ImageFiles


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Columns = Annotated[list[Text], Field(min_length=1), BeforeValidator(_as_list, json_schema_input_type=str | list[str])]


@setting
class CsvSource(Source):
    """A table in a CSV file (UTF-8, first line with the names of the columns): features to learn from, or paths of images."""

    reads_images: ClassVar[bool] = True

    path: Text = Field(min_length=1, description="The file.")
    label: Columns | None = Field(
        default=None, description="The column of labels, or several; needed unless class_mode is input or null."
    )
    features: Columns | None = Field(
        default=None, description="The columns to learn from; by default all other numeric ones, beside images none."
    )
    image: Text | None = Field(
        default=None, description="The column of image paths; with features too there are two inputs, image and features."
    )
    root: Text | None = Field(
        default=None, min_length=1, description="Where image paths begin; by default the folder of the CSV file."
    )
    label_separator: Annotated[Text, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="What stands between labels where a cell holds several, such as a blank; each is a class then."
    )
    weight: Text | None = Field(default=None, description="The column of sample weights.")
    delimiter: Annotated[Text, Field(min_length=1, max_length=1)] = Field(default=",", description="The character between cells.")

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "csv"

    def open(self, context: SourceContext) -> ArrayDataset | ImageFiles:
        """Read the table; images are decoded when they are asked for.

        Raises:
            ExperimentError: Labels are needed, and `label` is not set.
            DataError: The file is missing or wrong; up to 20 problems, each with its line.
        """
        if self.label is None and reads_labels(context.class_mode):
            raise ExperimentError("csv: label is missing. Name the column of labels, or set data.class_mode to input or null.")
        path = context.path(self.path)
        header = read_header(path, self.delimiter)
        wanted = [*(self.label or ()), *(self.features or ()), *(name for name in (self.image, self.weight) if name is not None)]
        check_columns(path, header, [*wanted, *(() if self.image else context.feature_names or ())], self.delimiter)
        features = self._features(path, header, context) if self.image is None or self.features else []
        columns = {name: Column(name) for name in features}
        labels = (self.label or []) if reads_labels(context.class_mode) else []
        columns |= {name: Column(name, keep_text=True) for name in (*labels, *([self.image] if self.image else ()))}
        columns |= {self.weight: Column(self.weight)} if self.weight else {}
        table = read_table(path, header, list(columns.values()), self.delimiter)
        targets = self._targets(table, labels, context) if labels else no_targets(context.class_mode)
        weight = None if self.weight is None else _weights(table, table.columns[self.weight])
        if self.image is not None:
            files = self._images(table, self.image, features, targets, weight, context)
            files.remarks += self._remarks(table, targets, labels)
            return files
        return _features_dataset(table, self._numeric(table, features, context), targets, weight)

    def _targets(self, table: Table, labels: list[str], context: SourceContext) -> Targets:
        if self.label_separator is None or len(labels) > 1:
            return _targets(table, labels, context)
        column = table.columns[labels[0]]
        known, what = context.class_names, f"column {column.name}"
        return from_tags(column.text, self.label_separator, context.class_mode, known, table.place, what)

    def _remarks(self, table: Table, targets: Targets, labels: list[str]) -> tuple[str, ...]:
        several = self.label_separator is not None or targets.class_names is None or len(labels) != 1
        return () if several else remark_on_tags(table.columns[labels[0]].text)

    def groups(self, group: str, dataset: Dataset, context: SourceContext) -> NDArray[np.str_]:
        """The cells of a column.

        Raises:
            DataError: There is no such column.
        """
        from fittool.data.images.image_files import ImageFiles

        path = context.path(self.path)
        header = read_header(path, self.delimiter)
        check_columns(path, header, [group], self.delimiter)
        wanted = [Column(name, keep_text=True) for name in dict.fromkeys((group, *([self.image] if self.image else ())))]
        table = read_table(path, header, wanted, self.delimiter)
        cells = table.columns[group].text
        if isinstance(dataset, ImageFiles) and self.image is not None:  # bad files may be left out, in all of their rows
            kept, lookup = set(dataset.names), ImageLookup(dataset.root)
            names = map(lookup.resolved, table.columns[self.image].text)
            cells = [cell for name, cell in zip(names, cells, strict=True) if name in kept]
        return np.array(cells)

    def _features(self, path: Path, header: list[str], context: SourceContext) -> list[str]:
        """The columns that are, or by default may be, features."""
        chosen = self.features or context.feature_names
        if chosen is not None:
            return list(chosen)
        if "" in header:
            text = f"Column {header.index('') + 1} has no name. Name it, or list the columns to learn from as features."
            raise DataError(text, place=f"{shown(path)}:1")
        taken = {*(self.label or ()), self.weight, *context.not_features}
        return [name for name in header if name not in taken]

    def _numeric(self, table: Table, features: list[str], context: SourceContext) -> list[str]:
        """The features without, by default, columns of text."""
        if self.features or context.feature_names:
            return features
        for name in features:
            if table.columns[name].nearly_numbers:  # to leave it out silently would be a trap
                table.columns[name].report(table.problems)
        table.problems.check()
        names = [name for name in features if not table.columns[name].is_text]
        if not names:
            raise DataError("There is no column of numbers to learn from beside the labels.", place=f"{shown(table.path)}:1")
        return names

    def _images(
        self,
        table: Table,
        image: str,
        features: list[str],
        targets: Targets,
        weight: NDArray[np.float32] | None,
        context: SourceContext,
    ) -> ImageFiles:
        from fittool.data.images.image_files import ImageTable, as_wanted, files_of, form_of  # loads Pillow

        if self.root is None and is_remote(self.path):
            raise ExperimentError("csv: root is missing. Name the address where the image paths of this remote table begin.")
        root = table.path.parent if self.root is None else context.path(self.root)
        names = _found(table, image, str(root), context)
        if not features:
            return files_of(str(root), names, targets, weight, context)
        numbers = _numbers(table, features).astype(np.float32)
        return as_wanted(ImageTable(str(root), names, form_of(context), targets, weight, numbers, tuple(features)), context)


def _found(table: Table, image: str, root: str, context: SourceContext) -> list[str]:
    """The files of a column, relative to `root`; where bad files are left out, missing ones are among them.

    Raises:
        DataError: One is missing, or may be one of several.
    """
    lookup, names = ImageLookup(root), []
    for row, name in enumerate(table.columns[image].text):
        found = lookup.find(name)
        names.append(found[0] if len(found) == 1 else name)
        if len(found) > 1 or (not found and context.on_bad_file == "error"):
            table.problems.add(f"column {image}: {lookup.problem(name)}", int(table.lines[row]))
    table.problems.check()
    return names


def _features_dataset(table: Table, names: list[str], targets: Targets, weight: NDArray[np.float32] | None) -> ArrayDataset:
    inputs = _numbers(table, names).astype(np.float32)
    return ArrayDataset(
        inputs,
        targets.all((inputs,)),
        weight,
        class_names=targets.class_names,
        feature_names=tuple(names),
        labels=targets.labels,
        describe=table.place,
    )


def _numbers(table: Table, names: Iterable[str]) -> NDArray[np.float64]:
    """(N, columns); every cell must be a number."""
    columns = [table.columns[name] for name in names]
    for column in columns:
        column.report(table.problems)
    table.problems.check()
    return np.stack([column.array() for column in columns], axis=1)


def _weights(table: Table, column: Column) -> NDArray[np.float32]:
    weights = _numbers(table, [column.name])[:, 0]
    for row in np.flatnonzero(weights < 0).tolist():
        text = f"column {column.name}: {weights[row]:g} is below 0; a weight must be at least 0."
        table.problems.add(text, int(table.lines[row]))
    table.problems.check()
    return weights.astype(np.float32)


def _targets(table: Table, labels: list[str], context: SourceContext) -> Targets:
    known = context.class_names
    if len(labels) > 1:
        names = tuple(labels) if context.class_mode == "categorical" else None
        what = f"{shown(table.path)}: labels"
        return from_numbers(_numbers(table, labels), context.class_mode, known or names, what)
    column = table.columns[labels[0]]
    what = f"column {column.name}"
    if context.class_mode == "auto" and known is None:
        if column.is_text:
            raise ExperimentError(needs_numbers(what, column.text[0]), place=table.place(0))
        _numbers(table, labels)
    if column.not_numbers and column.has_numbers:
        check_missing(column, table.problems)
    if column.not_numbers or (known is not None and known != tuple(map(str, range(len(known))))):
        return from_names(np.array(column.text), context.class_mode, known, table.place, what)
    values = whole_if_possible(column.array())
    return from_numbers(values, context.class_mode, known, what, lambda row: f"{table.place(row)}: {what}")
