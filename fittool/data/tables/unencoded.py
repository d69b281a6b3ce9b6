"""Tables whose columns are no features yet: a split comes first, so that the training part alone says how they become some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.dataset import ArrayDataset, Dataset, Samples, Shape, Subset, base_of
from fittool.data.formats.columns import SHOWN, Column
from fittool.data.formats.reading import Reading, few
from fittool.data.tables.bad_rows import BadRows, note_bad_cells, strange_cells
from fittool.data.tables.column_plan import ColumnPlan
from fittool.data.tables.encoder import EncodedTable, TableEncoder
from fittool.data.tables.fitted_column import CellReport
from fittool.data.tables.inference import no_numbers
from fittool.data.targets import Targets, classes_of_outputs
from fittool.errors import DataError, Problem

D = TypeVar("D", bound="Dataset")


@dataclass(frozen=True)
class RawColumns:
    """Columns of a table as they were read.

    Attributes:
        columns: By name, in order, all that may be learnt from.
        count: The number of rows.
        plan: The settings of columns.
        reading: How the table was read.
        describe: The place of a row, for messages.
        rows: (n,) which rows the samples are; None: all.
        kept: (N,) which rows of the file these are; None: all.
        bad: Takes what is wrong with rows that cannot be read; None: they are an error.
        left_out: What was wrong with rows that are no longer there.
        remarks: Sentences about rows of other data than those trained on; None: they are trained on.
    """

    columns: Mapping[str, Column]
    count: int
    plan: ColumnPlan
    reading: Reading
    describe: Callable[[int], str]
    rows: NDArray[np.int64] | None = None
    kept: NDArray[np.int64] | None = None
    bad: BadRows | None = None
    left_out: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] | None = None

    def number(self, row: int) -> int:
        """The number of a row in its file, from 1."""
        return 1 + (row if self.kept is None else int(self.kept[row]))

    def fit(self, samples: NDArray[np.int64]) -> TableEncoder:
        """The encoder that some samples fix.

        Raises:
            DataError: A column is not of its kind, or none can be learnt from.
        """
        rows = samples if self.rows is None else self.rows[samples]
        encoder = TableEncoder.fit(list(self.columns.values()), rows, self.plan, self.describe)
        if not encoder.sources:
            left = few([f"{column.name} ({column.facts.why})" for column in encoder.columns])
            told = f"; left out: {left}" if left else ""
            text = f"There is no column to learn from beside the labels{told}."
            raise DataError(text, place=self.describe(0).rpartition(":")[0])
        return encoder

    def encode(self, encoder: TableEncoder) -> EncodedTable:
        """The features of all samples, (n, F).

        Raises:
            DataError: A column holds cells that are not of its kind; one problem for each such column, with counts. Not where
                bad rows are kept: they get zeros.
        """
        if self.bad is not None:
            encoded = encoder.encode(self.columns, self.count)
            note_bad_cells(self.columns, encoder, encoded.reports, self.describe, self.number, self.bad)
            encoded.values[list(self.bad)] = 0
            return encoded if self.rows is None else replace(encoded, values=encoded.values[self.rows])
        problems = [problem for name in encoder.sources for problem in self._too_large(name, encoder)]
        if problems:
            raise DataError(problems)
        encoded = encoder.encode(self.columns, self.count)
        problems = [problem for name, report in encoded.reports.items() for problem in self._problems(encoder, name, report)]
        if problems:
            raise DataError(problems)
        if self.rows is None:
            return encoded
        return replace(encoded, values=encoded.values[self.rows])

    def _too_large(self, name: str, encoder: TableEncoder) -> list[Problem]:
        column = self.columns[name]
        if not column.too_large or encoder.needs_text(name):
            return []
        line, cell = column.too_large[0]
        text = f"column {name}: {cell[:SHOWN]!r} is too large for float32. Scale the numbers."
        return [Problem(text, f"{self.describe(0).rpartition(':')[0]}:{line}")]

    def _problems(self, encoder: TableEncoder, name: str, report: CellReport) -> list[Problem]:
        column = self.columns[name]
        kind = next(one.kind for one in encoder.columns if one.name == name)
        problems: list[Problem] = []
        if len(report.bad) and kind == "number":
            problems += no_numbers(column, report.bad, self.describe).problems
        elif len(report.bad):
            cell = column.cells[column.codes[report.bad[0]]][:SHOWN]
            more = f" (and {len(report.bad) - 1:,} more of {self.count:,} cells)" if len(report.bad) > 1 else ""
            problems.append(Problem(f"column {name}: {cell!r} is no {kind}{more}.", self.describe(int(report.bad[0]))))
        if len(report.needed):
            more = f" (and {len(report.needed) - 1:,} more of {self.count:,} have none)" if len(report.needed) > 1 else ""
            text = f"column {name}: the cell has no value{more}, and gaps are not allowed there."
            mend = "Remove these rows, give them values, or let data.columns say what stands for a gap (missing: median)."
            problems.append(Problem(f"{text} {mend}", self.describe(int(report.needed[0]))))
        return problems

    def bad_samples(self) -> BadRows:
        """What is wrong with the samples that cannot be read, by their places among the samples."""
        bad = self.bad or {}
        if self.rows is None:
            return bad
        return {place: bad[row] for place, row in enumerate(self.rows.tolist()) if row in bad}

    @property
    def idle_kinds(self) -> tuple[str, ...]:
        """Warnings about kinds that are set of columns which are not learnt from."""
        names = [name for name in self.plan.kinds if name not in self.columns]
        return tuple(f"data.columns.{name} has no effect: {name} is no column to learn from here." for name in names)

    def select(self, rows: NDArray[np.int64]) -> RawColumns:
        """The same for (n,) of the samples alone."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])


class FromTable(Dataset, Protocol):
    """Samples that are rows of a table."""

    bad_rows: Mapping[int, Problem]
    """By the sample: why its row could not be read."""
    left_out_rows: tuple[Problem, ...]
    """Why rows were left out."""
    remarks: tuple[str, ...]
    """Sentences on rows that are no training data."""


@runtime_checkable
class Unencoded(Protocol):
    """A dataset whose features are to be made of columns."""

    raw: RawColumns | None

    def with_features(self, values: NDArray[np.float32], encoder: TableEncoder, reading: Reading) -> FromTable:
        """The same samples with (N, F) features."""


@dataclass
class UnencodedTable:
    """The rows of a table with their labels, before the columns are features.

    Attributes:
        raw: The columns.
        targets: Of all rows.
        sample_weight: (N,) float32, or None.
    """

    raw: RawColumns | None
    targets: Targets
    sample_weight: NDArray[np.float32] | None
    grouped_by_class: bool = False
    feature_names: tuple[str, ...] | None = field(default=None, init=False)

    @property
    def _columns(self) -> RawColumns:
        assert self.raw is not None
        return self.raw

    @property
    def reading(self) -> Reading:
        """How the table was read."""
        return self._columns.reading

    def __len__(self) -> int:
        return self._columns.count

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The name of each class, or None."""
        return self.targets.class_names

    @property
    def input_shapes(self) -> dict[str, Shape]:
        """None are known yet."""
        return {}

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) the class number of each row, or None."""
        return self.targets.labels

    def describe(self, index: int) -> str:
        """The place of a row."""
        return self._columns.describe(index)

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """Not before there are features."""
        raise TypeError("a table has no features before it is encoded")

    def fingerprint(self) -> str:
        """Not before there are features."""
        raise TypeError("a table has no features before it is encoded")

    def fingerprint_of(self, indices: NDArray[np.int64]) -> str:
        """Not before there are features."""
        raise TypeError("a table has no features before it is encoded")

    def with_features(self, values: NDArray[np.float32], encoder: TableEncoder, reading: Reading) -> ArrayDataset:
        """The rows with their features."""
        targets: tuple[Array, ...] = self.targets.all((values,))
        dataset = ArrayDataset(
            values,
            targets,
            self.sample_weight,
            class_names=self.targets.class_names,
            feature_names=encoder.sources,
            labels=self.targets.labels,
            describe=self._columns.describe,
        )
        dataset.reading, dataset.encoder = reading, encoder
        dataset.output_classes = classes_of_outputs(self.targets)
        return dataset


def is_unencoded(data: object) -> bool:
    """True for a dataset whose features are yet to be made."""
    return isinstance(data, Unencoded) and data.raw is not None


def encoded(data: Dataset, encoder: TableEncoder) -> Dataset:
    """A dataset, or a part of one, with features in place of columns; other data as they are.

    Raises:
        DataError: Columns hold cells that are not of their kind.
    """
    return encoded_together([data], encoder)[0]


def encoded_together(parts: Sequence[Dataset], encoder: TableEncoder) -> list[Dataset]:
    """Parts of one dataset with features, which are made once; raises as `encoded`."""
    whole, _ = base_of(parts[0])
    if not isinstance(whole, Unencoded) or whole.raw is None:
        return list(parts)
    raw = whole.raw
    features = raw.encode(encoder)
    made = whole.with_features(features.values, encoder, _read(raw, encoder))
    made.bad_rows, made.left_out_rows = raw.bad_samples(), raw.left_out
    if raw.remarks is not None:
        strange = strange_cells(features.reports, raw.columns, raw.describe(0).rpartition(":")[0], raw.bad or ())
        made.remarks = (*made.remarks, *raw.remarks, *strange)
    return [_moved(part, made) for part in parts]


def _moved(part: Dataset, whole: Dataset) -> Dataset:
    """A part of another whole that has the same samples."""
    return Subset(_moved(part.dataset, whole), part.indices) if isinstance(part, Subset) else whole


def _read(raw: RawColumns, encoder: TableEncoder) -> Reading:
    """The reading with the columns that are learnt from, and those that are not."""
    left_out = [(column.name, column.facts.why) for column in encoder.columns if not column.features]
    percent = frozenset(name for name in encoder.sources if raw.columns[name].is_percent)
    found = list(raw.reading.found)
    found += [f"{few(sorted(percent))} in percent (12.5% is 0.125)"] if percent else []
    booleans = [name for name in encoder.sources if raw.columns[name].is_coded and raw.columns[name].kind == "boolean"]
    found += [f"{few(booleans)} as 0 and 1"] if booleans else []
    return replace(
        raw.reading,
        columns=encoder.sources,
        left_out=(*left_out, *raw.reading.left_out),
        found=tuple(found),
        percent=percent | raw.reading.percent,
    )
