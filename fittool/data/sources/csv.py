"""The source `csv`: a table with a column of labels, and columns of features or one of image files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, model_validator
from pydantic_core import PydanticCustomError

from fittool.data.dataset import Dataset
from fittool.data.formats.cell_form import MISSING, CellForm
from fittool.data.formats.columns import Column
from fittool.data.formats.csv_form import known_encoding
from fittool.data.formats.csv_table import Header, Table, bare_name, evidence_of, read_table
from fittool.data.formats.number_forms import FoundForm, form_of, in_words
from fittool.data.formats.number_parsing import NumberForm
from fittool.data.formats.reading import Reading, few
from fittool.data.formats.table_labels import (
    as_outputs,
    joint_targets_of,
    targets_of,
    weights_of,
    with_labels,
)
from fittool.data.formats.tags import from_tags, remark_on_tags
from fittool.data.images.image_lookup import ImageLookup
from fittool.data.remote import is_remote
from fittool.data.sources.base import Source, SourceContext
from fittool.data.sources.table_columns import TableColumns
from fittool.data.sources.table_header import header_of
from fittool.data.splits.split_column import COLUMN_NAMES, column_split
from fittool.data.tables.bad_rows import check_percent, rows_of_other_lengths, without_bad_rows
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.inference import ColumnPlan
from fittool.data.tables.unencoded import RawColumns, UnencodedTable, encoded, is_unencoded
from fittool.data.targets import Targets, no_targets, reads_labels
from fittool.errors import DataError, ExperimentError, Problem, shown
from fittool.settings import Boolean, Field, Text, setting

if TYPE_CHECKING:
    from fittool.data.images.image_files import ImageFiles


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str | int) and not isinstance(value, bool) else value


def _as_text(value: object) -> object:
    """Columns without a header have numbers for names."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[Text, BeforeValidator(_as_text, json_schema_input_type=str | int)]
Columns = Annotated[
    list[Name], Field(min_length=1), BeforeValidator(_as_list, json_schema_input_type=str | int | list[str | int])
]
_ALL_FOUND = "; by default found by looking"


@setting
class CsvSource(Source):
    """A table: CSV, packed with gzip or not, Parquet, Excel or JSON lines; columns to learn from, or of image paths."""

    reads_images: ClassVar[bool] = True
    has_columns: ClassVar[bool] = True

    path: Text = Field(min_length=1, description="The file.")
    label: Columns | None = Field(
        default=None, description="The column of labels, or several; needed unless class_mode is input or null."
    )
    features: Columns | None = Field(
        default=None, description="The columns to learn from; by default all other numeric ones, beside images none."
    )
    image: Name | None = Field(
        default=None, description="The column of image paths; with features too there are two inputs, image and features."
    )
    root: Text | None = Field(
        default=None, min_length=1, description="Where image paths begin; by default the folder of the CSV file."
    )
    label_separator: Annotated[Text, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="What stands between labels where a cell holds several, such as a blank; each is a class then."
    )
    weight: Name | None = Field(default=None, description="The column of sample weights.")
    delimiter: Annotated[Text, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description=f"The character between cells{_ALL_FOUND}."
    )
    decimal: Literal[".", ","] | None = Field(default=None, description=f"The sign before a fraction{_ALL_FOUND}.")
    thousands: Literal["", ",", ".", " ", "'", "_"] | None = Field(
        default=None, description=f'The sign between groups of three digits, "" for none{_ALL_FOUND}.'
    )
    encoding: Annotated[Text, AfterValidator(known_encoding)] | None = Field(
        default=None, description=f"The encoding of the text, such as utf-8 or cp1252{_ALL_FOUND}."
    )
    header: Boolean | None = Field(
        default=None, description=f"Whether the first line names the columns; else they are called 0, 1, 2 and so on{_ALL_FOUND}."
    )
    missing_values: list[Name] | None = Field(
        default=None,
        description="What stands for a missing value beside an empty cell, in any case of letters; by default NA, N/A, NaN, "
        "null, None, -, ?, . and the like.",
    )

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "csv"

    @model_validator(mode="after")
    def _signs_differ(self) -> CsvSource:
        if self.decimal is not None and self.decimal == self.thousands:
            raise PydanticCustomError("number_signs", "must not have the same sign for decimal and thousands")
        return self

    def open(self, context: SourceContext) -> Dataset:
        """Read the table; images are decoded when they are asked for.

        Raises:
            ExperimentError: Labels are needed, and `label` is not set.
            DataError: The file is missing or wrong; up to 20 problems, each with its line.
        """
        if self.label is None and reads_labels(context.class_mode):
            raise ExperimentError("csv: label is missing. Name the column of labels, or set data.class_mode to input or null.")
        return self.read(self._header(context.path(self.path), self._columns(context)), context)

    def read(self, header: Header, context: SourceContext) -> Dataset:
        """The rows below a header; arguments and errors as of `open`."""
        columns = self._columns(context)
        header = replace(header, keeps_odd_rows=context.on_bad_row != "error")
        header.check([*columns.others, *(columns.features or ())])
        self._check_kinds(header, context)
        table, numbers = self._table(header, columns, context)
        table, left_out = without_bad_rows(table, columns.labels, context)
        table, told = self._with_labels(table, columns, context)
        reading = self._reading(table, header, columns, numbers, told, context)
        remarks = None if context.reading is None else (f"{shown(table.path)}: {told}.",) * bool(told)
        raw = self._raw(table, header, columns, context, left_out)
        idle = raw.idle_kinds if context.encoder is None else ()
        raw = replace(raw, reading=replace(reading, warnings=(*reading.warnings, *idle)), remarks=remarks)
        if context.reading is not None:
            check_percent(table, context.reading.percent, [*raw.columns, *reading.percent, *columns.labels_of_numbers(context)])
        targets = self._targets(table, columns.labels, context)
        if columns.labels and targets.class_names is None:
            raw = replace(raw, reading=replace(raw.reading, targets=columns.labels))
        weight = None if columns.weight is None else weights_of(table, columns.weight)
        data: UnencodedTable | ImageFiles
        if columns.image is None:
            data = UnencodedTable(raw, targets, weight)
        else:
            from fittool.data.images.table_images import images_of  # loads Pillow

            root, beside = self._root(table, context), raw if raw.columns else None
            data = images_of(table, columns.image, root, beside, targets, weight, context)
            data.reading, data.left_out_rows, data.bad_rows = raw.reading, left_out, raw.bad or {}
            data.remarks += self._remarks(table, targets, columns.labels)
        return data if context.waits_for_split or not is_unencoded(data) else self._encoded(data, raw, context)

    def _check_kinds(self, header: Header, context: SourceContext) -> None:
        """Refuse what is said of columns that are not there, each at its own place."""
        plan = context.columns
        if plan is None or context.encoder is not None:
            return
        unknown = [name for name in plan.kinds if name not in header.names]
        if unknown:
            raise ExperimentError([Problem(header.no_column(name), plan.place(name)) for name in unknown])

    def _encoded(self, data: UnencodedTable | ImageFiles, raw: RawColumns, context: SourceContext) -> Dataset:
        """The data with features, by the encoder of the training part, or by one of their own."""
        encoder = self._known_encoder(context)
        own: RawColumns = getattr(data, "raw", None) or raw
        return encoded(data, own.fit(np.arange(len(data))) if encoder is None else encoder)

    def _known_encoder(self, context: SourceContext) -> TableEncoder | None:
        """That of the training part; of runs that kept none, numbers as they stand."""
        if context.encoder is not None or context.feature_names is None:
            return context.encoder
        percent = frozenset[str]() if context.reading is None else context.reading.percent
        return TableEncoder.of_numbers([bare_name(name) for name in context.feature_names], percent)

    def _raw(
        self, table: Table, header: Header, columns: TableColumns, context: SourceContext, left_out: tuple[Problem, ...]
    ) -> RawColumns:
        names = columns.candidates(header)
        plan = context.columns or ColumnPlan()
        if self.features is not None:
            plan = replace(plan, listed=frozenset(map(bare_name, self.features)))
        found = {name: table.columns[name] for name in names}
        bad = None if context.on_bad_row == "error" else rows_of_other_lengths(table)
        return RawColumns(found, len(table.lines), plan, Reading(), table.places, kept=table.kept, bad=bad, left_out=left_out)

    def _with_labels(self, table: Table, columns: TableColumns, context: SourceContext) -> tuple[Table, str]:
        """The rows that have a label, and how many have none, in words."""
        if not columns.labels or self.label_separator is not None:
            return table, ""
        return with_labels(table, columns.labels, context)

    def _targets(self, table: Table, labels: Sequence[str], context: SourceContext) -> Targets:
        if not labels:
            return no_targets(context.class_mode)
        if len(labels) == len(context.outputs):
            return joint_targets_of(table, labels, context)
        if self.label_separator is None or len(labels) > 1:
            return targets_of(table, labels, context)
        column = table.columns[labels[0]]
        known, what = context.class_names, f"column {column.name}"
        return from_tags(column.text, self.label_separator, context.class_mode, known, table.place, what)

    def _remarks(self, table: Table, targets: Targets, labels: Sequence[str]) -> tuple[str, ...]:
        several = self.label_separator is not None or targets.class_names is None or len(labels) != 1
        return () if several else remark_on_tags(table.columns[labels[0]].text)

    def _columns(self, context: SourceContext) -> TableColumns:
        labels = tuple(map(bare_name, self.label or ())) if reads_labels(context.class_mode) else ()
        labels = as_outputs(labels, context)
        features = None if self.features is None else tuple(map(bare_name, self.features))
        known = self._known_encoder(context)
        if known is not None and (features is not None or self.image is None):
            features = known.sources
        elif features is None and self.image is not None:
            features = ()
        image, weight = (None if name is None else bare_name(name) for name in (self.image, self.weight))
        return TableColumns(labels, features, image, weight, tuple(map(bare_name, context.not_features)))

    def _header(self, path: Path, columns: TableColumns) -> Header:
        names = (*columns.others, *(columns.features or ()))
        return header_of(path, self.delimiter, self.encoding, self.header, names)

    def _table(self, header: Header, columns: TableColumns, context: SourceContext) -> tuple[Table, FoundForm]:
        """The columns, with numbers in the form that is set, was found in training, or fits them."""
        numbers = NumberForm(self.decimal or ".", self.thousands or "")
        set_here = self.decimal is not None or self.thousands is not None
        if context.reading is not None and not set_here:
            numbers = context.reading.numbers
        table = self._read(header, columns, numbers, context)
        doubtful = [column for column in table.columns.values() if column.counts["foreign"] and column.kind == "mixed"]
        if not doubtful or (self.decimal is not None and self.thousands is not None):
            return table, FoundForm(numbers)
        numeric = [column.name for column in table.columns.values() if column.kind in ("number", "percent", "mixed")]
        names = [name for name in numeric if name not in columns.labels or context.class_mode == "auto"]
        evidence = evidence_of(header, names, self._missing)
        try:
            found = form_of(evidence, header.form.delimiter, self.decimal, self.thousands)
        except DataError as error:
            raise DataError(str(error), place=shown(header.path)) from None
        return (table if found.form == numbers else self._read(header, columns, found.form, context)), found

    def _read(self, header: Header, columns: TableColumns, numbers: NumberForm, context: SourceContext) -> Table:
        form, kept = CellForm(numbers, self._missing), {*columns.labels, columns.image}
        names = dict.fromkeys((*columns.candidates(header), *columns.others))
        plan, encoder = context.columns, self._known_encoder(context)
        if plan is not None:
            kept |= {name for name in names if plan.needs_text(name)}
        if encoder is not None:
            kept |= {name for name in names if encoder.needs_text(name)}
        may_lack = columns.labels if context.on_missing_label == "drop" and self.label_separator is None else ()
        needed = [name for name in columns.others if name not in may_lack and context.on_bad_row != "keep"]
        return read_table(header, [Column(name, form, name in kept) for name in names], needed)

    @property
    def _missing(self) -> frozenset[str]:
        if self.missing_values is None:
            return MISSING
        return frozenset({"", *(value.strip().casefold() for value in self.missing_values)})

    def _reading(
        self, table: Table, header: Header, columns: TableColumns, numbers: FoundForm, told: str, context: SourceContext
    ) -> Reading:
        found = [*header.form.in_words(), *in_words(numbers.form)]
        if table.empty_rows:
            found.append(f"{table.empty_rows:,} empty row{'s' * (table.empty_rows > 1)} left out")
        doubts = [f"{shown(header.path)}: {numbers.doubt}"] if numbers.doubt else []
        if header.form.encoding == "cp1252" and self.encoding is None:
            doubts.append(f"{shown(header.path)} is no UTF-8 and is read as Windows-1252. Set encoding if letters look wrong.")
        nameless = (("a column without a name", "perhaps row numbers"),) * (header.nameless if self.features is None else 0)
        percent = frozenset(name for name in columns.labels_of_numbers(context) if table.columns[name].kind == "percent")
        found += [f"{few(sorted(percent))} in percent (12.5% is 0.125)"] if percent else []
        left_out = (*header.left_out, *nameless)
        return Reading((), left_out, tuple(found), tuple(doubts), numbers.form, percent, self._missing, dropped=told)

    def look(self, path: Path) -> tuple[Header, Table, FoundForm]:
        """All columns that have a name, with what their cells are, before anybody says which is which.

        Args:
            path: The file, where it lies here.

        Raises:
            DataError: The file is missing or no table.
        """
        header = self._header(path, TableColumns(tuple(map(bare_name, self.label or ())), (), None, None))
        table, numbers = self._table(header, TableColumns((), None, None, None), SourceContext(class_mode=None))
        return header, table, numbers

    def in_another_file(self, path: str, features: Sequence[str] = ()) -> Self:
        """The same columns in another file, whose form is found by looking, or is this one's where only so the columns are there.

        Args:
            path: The file.
            features: The columns that were learnt from.
        """
        as_here = replace(self, path=path, decimal=None, thousands=None)  # which a run's reading has
        anew = replace(as_here, delimiter=None, encoding=None, header=None)
        wanted = {bare_name(name) for name in (*features, *(self.features or ()), *([self.image] if self.image else ()))}
        return next((source for source in (anew, as_here) if source._has(wanted)), anew)

    def _has(self, names: set[str]) -> bool:
        """True where a local file has these columns in the form that is set or found."""
        columns = replace(self._columns(SourceContext(class_mode=None)), features=tuple(names))
        try:
            return names <= set(self._header(Path(self.path), columns).names)
        except DataError:
            return False

    def dividing_column(self, context: SourceContext) -> str | None:
        """A column that says of each row whether it is trained or validated on, and that is used for nothing else; or None."""
        columns = self._columns(context)
        header = self._header(context.path(self.path), columns)
        used = {*columns.others, *(columns.features or ())}
        for name in (name for name in header.names if name.strip().lower() in COLUMN_NAMES and name not in used):
            with suppress(DataError):  # it has gaps, or does not tell
                table = read_table(header, [Column(name, keep_text=True)], [name])
                column_split(name, np.array(table.columns[name].text))
                return name
        return None

    def cells(self, names: Iterable[str], context: SourceContext, *, are_needed: bool = False) -> dict[str, list[str]]:
        """The cells of some columns as they are written, one for each row.

        Args:
            names: Of the columns.
            context: What the run knows of its data.
            are_needed: Whether an empty cell is an error.

        Raises:
            DataError: There is no such column, or an empty cell that is needed.
        """
        wanted = list(names)
        columns, keeps = self._columns(context), context.on_bad_row != "error"
        header = replace(self._header(context.path(self.path), columns), keeps_odd_rows=keeps)
        header.check(wanted)
        table = read_table(header, [Column(name, keep_text=True) for name in dict.fromkeys(wanted)], wanted if are_needed else ())
        return {name: table.columns[name].text for name in wanted}

    def names(self, context: SourceContext) -> tuple[str, ...]:
        """The columns that have a name."""
        return tuple(name for name in self._header(context.path(self.path), self._columns(context)).names if name)

    def groups(self, group: str, dataset: Dataset, context: SourceContext) -> NDArray[np.str_]:
        """The cells of a column.

        Raises:
            DataError: There is no such column.
        """
        from fittool.data.images.image_files import ImageFiles

        image = None if self.image is None else bare_name(self.image)
        found = self.cells(dict.fromkeys((group, *([image] if image else ()))), context, are_needed=True)
        cells = found[group]
        if isinstance(dataset, UnencodedTable) and dataset.raw is not None and dataset.raw.kept is not None:
            cells = [cells[row] for row in dataset.raw.kept.tolist()]  # others have no label
        if isinstance(dataset, ImageFiles) and image is not None:  # bad files may be left out, in all of their rows
            kept, lookup = set(dataset.names), ImageLookup(dataset.root)
            names = map(lookup.resolved, found[image])
            cells = [cell for name, cell in zip(names, cells, strict=True) if name in kept]
        return np.array(cells)

    def _root(self, table: Table, context: SourceContext) -> str:
        """The folder in which image paths begin.

        Raises:
            ExperimentError: The table is remote, so there is none.
        """
        if self.root is None and is_remote(self.path):
            raise ExperimentError("csv: root is missing. Name the address where the image paths of this remote table begin.")
        return str(table.path.parent if self.root is None else context.path(self.root))
