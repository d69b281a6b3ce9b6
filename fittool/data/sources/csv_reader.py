"""What opens the source `csv`: the header, the cells of columns, the labels, all as its settings say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fittool.data.dataset import Dataset
from fittool.data.formats.cell_form import MISSING, CellForm
from fittool.data.formats.columns import Column
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
from fittool.data.sources.base import SourceContext
from fittool.data.sources.csv_settings import CsvSettings
from fittool.data.sources.table_columns import TableColumns
from fittool.data.sources.table_header import header_of
from fittool.data.splits.split_column import COLUMN_NAMES, column_split
from fittool.data.tables.bad_rows import check_percent, rows_of_other_lengths, without_bad_rows
from fittool.data.tables.column_plan import ColumnPlan
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.unencoded import RawColumns, UnencodedTable, encoded, is_unencoded
from fittool.data.targets import Targets, no_targets, reads_labels
from fittool.errors import DataError, ExperimentError, Problem, shown

if TYPE_CHECKING:
    from fittool.data.images.image_files import ImageFiles


@dataclass(frozen=True)
class CsvReader:
    """Reads tables as the settings of a source say.

    Attributes:
        settings: Of the source.
        context: What the run knows of its data.
    """

    settings: CsvSettings
    context: SourceContext

    def open(self) -> Dataset:
        """Read the table; images are decoded when they are asked for.

        Raises:
            ExperimentError: Labels are needed, and `label` is not set.
            DataError: The file is missing or wrong; up to 20 problems, each with its line.
        """
        if self.settings.label is None and reads_labels(self.context.class_mode):
            raise ExperimentError("csv: label is missing. Name the column of labels, or set data.class_mode to input or null.")
        return self.read(self._header(self._path, self._columns()))

    def read(self, header: Header) -> Dataset:
        """The rows below a header; arguments and errors as of `open`."""
        columns = self._columns()
        header = replace(header, keeps_odd_rows=self.context.on_bad_row != "error")
        header.check([*columns.others, *(columns.features or ())])
        self._check_kinds(header)
        table, numbers = self._table(header, columns)
        table, left_out = without_bad_rows(table, columns.labels, self.context)
        table, told = self._with_labels(table, columns)
        reading = self._reading(table, header, columns, numbers, told)
        remarks = None if self.context.reading is None else (f"{shown(table.path)}: {told}.",) * bool(told)
        raw = self._raw(table, header, columns, left_out)
        idle = raw.idle_kinds if self.context.encoder is None else ()
        raw = replace(raw, reading=replace(reading, warnings=(*reading.warnings, *idle)), remarks=remarks)
        if self.context.reading is not None:
            check_percent(
                table, self.context.reading.percent, [*raw.columns, *reading.percent, *columns.labels_of_numbers(self.context)]
            )
        targets = self._targets(table, columns.labels)
        if columns.labels and targets.class_names is None:
            raw = replace(raw, reading=replace(raw.reading, targets=columns.labels))
        weight = None if columns.weight is None else weights_of(table, columns.weight)
        data: UnencodedTable | ImageFiles
        if columns.image is None:
            data = UnencodedTable(raw, targets, weight)
        else:
            from fittool.data.images.table_images import images_of  # loads Pillow

            root, beside = self._root(table), raw if raw.columns else None
            data = images_of(table, columns.image, root, beside, targets, weight, self.context)
            data.reading, data.left_out_rows, data.bad_rows = raw.reading, left_out, raw.bad or {}
            data.remarks += self._remarks(table, targets, columns.labels)
        return data if self.context.waits_for_split or not is_unencoded(data) else self._encoded(data, raw)

    def _check_kinds(self, header: Header) -> None:
        """Refuse what is said of columns that are not there, each at its own place."""
        plan = self.context.columns
        if plan is None or self.context.encoder is not None:
            return
        unknown = [name for name in plan.kinds if name not in header.names]
        if unknown:
            raise ExperimentError([Problem(header.no_column(name), plan.place(name)) for name in unknown])

    def _encoded(self, data: UnencodedTable | ImageFiles, raw: RawColumns) -> Dataset:
        """The data with features, by the encoder of the training part, or by one of their own."""
        encoder = self._known_encoder()
        own: RawColumns = getattr(data, "raw", None) or raw
        return encoded(data, own.fit(np.arange(len(data))) if encoder is None else encoder)

    def _known_encoder(self) -> TableEncoder | None:
        """That of the training part; of runs that kept none, numbers as they stand."""
        if self.context.encoder is not None or self.context.feature_names is None:
            return self.context.encoder
        percent = frozenset[str]() if self.context.reading is None else self.context.reading.percent
        return TableEncoder.of_numbers([bare_name(name) for name in self.context.feature_names], percent)

    def _raw(self, table: Table, header: Header, columns: TableColumns, left_out: tuple[Problem, ...]) -> RawColumns:
        names = columns.candidates(header)
        plan = self.context.columns or ColumnPlan()
        if self.settings.features is not None:
            plan = replace(plan, listed=frozenset(map(bare_name, self.settings.features)))
        found = {name: table.columns[name] for name in names}
        bad = None if self.context.on_bad_row == "error" else rows_of_other_lengths(table)
        return RawColumns(found, len(table.lines), plan, Reading(), table.places, kept=table.kept, bad=bad, left_out=left_out)

    def _with_labels(self, table: Table, columns: TableColumns) -> tuple[Table, str]:
        """The rows that have a label, and how many have none, in words."""
        if not columns.labels or self.settings.label_separator is not None:
            return table, ""
        return with_labels(table, columns.labels, self.context)

    def _targets(self, table: Table, labels: Sequence[str]) -> Targets:
        if not labels:
            return no_targets(self.context.class_mode)
        if len(labels) == len(self.context.outputs):
            return joint_targets_of(table, labels, self.context)
        if self.settings.label_separator is None or len(labels) > 1:
            return targets_of(table, labels, self.context)
        column = table.columns[labels[0]]
        known, what = self.context.class_names, f"column {column.name}"
        return from_tags(column.text, self.settings.label_separator, self.context.class_mode, known, table.place, what)

    def _remarks(self, table: Table, targets: Targets, labels: Sequence[str]) -> tuple[str, ...]:
        several = self.settings.label_separator is not None or targets.class_names is None or len(labels) != 1
        return () if several else remark_on_tags(table.columns[labels[0]].text)

    @property
    def _path(self) -> Path:
        """The file, on this machine."""
        return self.context.path(self.settings.path)

    def _columns(self) -> TableColumns:
        labels = tuple(map(bare_name, self.settings.label or ())) if reads_labels(self.context.class_mode) else ()
        labels = as_outputs(labels, self.context)
        features = None if self.settings.features is None else tuple(map(bare_name, self.settings.features))
        known = self._known_encoder()
        if known is not None and (features is not None or self.settings.image is None):
            features = known.sources
        elif features is None and self.settings.image is not None:
            features = ()
        image, weight = (None if name is None else bare_name(name) for name in (self.settings.image, self.settings.weight))
        return TableColumns(labels, features, image, weight, tuple(map(bare_name, self.context.not_features)))

    def _header(self, path: Path, columns: TableColumns) -> Header:
        names = (*columns.others, *(columns.features or ()))
        return header_of(path, self.settings.delimiter, self.settings.encoding, self.settings.header, names)

    def _table(self, header: Header, columns: TableColumns) -> tuple[Table, FoundForm]:
        """The columns, with numbers in the form that is set, was found in training, or fits them."""
        numbers = NumberForm(self.settings.decimal or ".", self.settings.thousands or "")
        set_here = self.settings.decimal is not None or self.settings.thousands is not None
        if self.context.reading is not None and not set_here:
            numbers = self.context.reading.numbers
        table = self._read(header, columns, numbers)
        doubtful = [column for column in table.columns.values() if column.counts["foreign"] and column.kind == "mixed"]
        if not doubtful or (self.settings.decimal is not None and self.settings.thousands is not None):
            return table, FoundForm(numbers)
        numeric = [column.name for column in table.columns.values() if column.kind in ("number", "percent", "mixed")]
        names = [name for name in numeric if name not in columns.labels or self.context.class_mode == "auto"]
        evidence = evidence_of(header, names, self._missing)
        try:
            found = form_of(evidence, header.form.delimiter, self.settings.decimal, self.settings.thousands)
        except DataError as error:
            raise DataError(str(error), place=shown(header.path)) from None
        return (table if found.form == numbers else self._read(header, columns, found.form)), found

    def _read(self, header: Header, columns: TableColumns, numbers: NumberForm) -> Table:
        form, kept = CellForm(numbers, self._missing), {*columns.labels, columns.image}
        names = dict.fromkeys((*columns.candidates(header), *columns.others))
        plan, encoder = self.context.columns, self._known_encoder()
        if plan is not None:
            kept |= {name for name in names if plan.needs_text(name)}
        if encoder is not None:
            kept |= {name for name in names if encoder.needs_text(name)}
        may_lack = columns.labels if self.context.on_missing_label == "drop" and self.settings.label_separator is None else ()
        needed = [name for name in columns.others if name not in may_lack and self.context.on_bad_row != "keep"]
        return read_table(header, [Column(name, form, name in kept) for name in names], needed)

    @property
    def _missing(self) -> frozenset[str]:
        if self.settings.missing_values is None:
            return MISSING
        return frozenset({"", *(value.strip().casefold() for value in self.settings.missing_values)})

    def _reading(self, table: Table, header: Header, columns: TableColumns, numbers: FoundForm, told: str) -> Reading:
        found = [*header.form.in_words(), *in_words(numbers.form)]
        if table.empty_rows:
            found.append(f"{table.empty_rows:,} empty row{'s' * (table.empty_rows > 1)} left out")
        doubts = [f"{shown(header.path)}: {numbers.doubt}"] if numbers.doubt else []
        if header.form.encoding == "cp1252" and self.settings.encoding is None:
            doubts.append(f"{shown(header.path)} is no UTF-8 and is read as Windows-1252. Set encoding if letters look wrong.")
        nameless = (("a column without a name", "perhaps row numbers"),) * (
            header.nameless if self.settings.features is None else 0
        )
        percent = frozenset(name for name in columns.labels_of_numbers(self.context) if table.columns[name].kind == "percent")
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
        header = self._header(path, TableColumns(tuple(map(bare_name, self.settings.label or ())), (), None, None))
        table, numbers = self._table(header, TableColumns((), None, None, None))
        return header, table, numbers

    def has(self, names: set[str]) -> bool:
        """True where a local file has these columns in the form that is set or found."""
        columns = replace(self._columns(), features=tuple(names))
        try:
            return names <= set(self._header(Path(self.settings.path), columns).names)
        except DataError:
            return False

    def dividing_column(self) -> str | None:
        """A column that says of each row whether it is trained or validated on, and that is used for nothing else; or None."""
        columns = self._columns()
        header = self._header(self._path, columns)
        used = {*columns.others, *(columns.features or ())}
        for name in (name for name in header.names if name.strip().lower() in COLUMN_NAMES and name not in used):
            with suppress(DataError):  # it has gaps, or does not tell
                table = read_table(header, [Column(name, keep_text=True)], [name])
                column_split(name, np.array(table.columns[name].text))
                return name
        return None

    def cells(self, names: Iterable[str], *, are_needed: bool = False) -> dict[str, list[str]]:
        """The cells of some columns as they are written, one for each row.

        Args:
            names: Of the columns.
            are_needed: Whether an empty cell is an error.

        Raises:
            DataError: There is no such column, or an empty cell that is needed.
        """
        wanted = list(names)
        columns, keeps = self._columns(), self.context.on_bad_row != "error"
        header = replace(self._header(self._path, columns), keeps_odd_rows=keeps)
        header.check(wanted)
        table = read_table(header, [Column(name, keep_text=True) for name in dict.fromkeys(wanted)], wanted if are_needed else ())
        return {name: table.columns[name].text for name in wanted}

    def names(self) -> tuple[str, ...]:
        """The columns that have a name."""
        return tuple(name for name in self._header(self._path, self._columns()).names if name)

    def groups(self, group: str, dataset: Dataset) -> NDArray[np.str_]:
        """The cells of a column.

        Raises:
            DataError: There is no such column.
        """
        from fittool.data.images.image_files import ImageFiles

        image = None if self.settings.image is None else bare_name(self.settings.image)
        found = self.cells(dict.fromkeys((group, *([image] if image else ()))), are_needed=True)
        cells = found[group]
        if isinstance(dataset, UnencodedTable) and dataset.raw is not None and dataset.raw.kept is not None:
            cells = [cells[row] for row in dataset.raw.kept.tolist()]  # others have no label
        if isinstance(dataset, ImageFiles) and image is not None:  # bad files may be left out, in all of their rows
            kept, lookup = set(dataset.names), ImageLookup(dataset.root)
            names = map(lookup.resolved, found[image])
            cells = [cell for name, cell in zip(names, cells, strict=True) if name in kept]
        return np.array(cells)

    def _root(self, table: Table) -> str:
        """The folder in which image paths begin.

        Raises:
            ExperimentError: The table is remote, so there is none.
        """
        if self.settings.root is None and is_remote(self.settings.path):
            raise ExperimentError("csv: root is missing. Name the address where the image paths of this remote table begin.")
        return str(table.path.parent if self.settings.root is None else self.context.path(self.settings.root))
