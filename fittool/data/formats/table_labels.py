"""The labels of a table: columns of classes by name, or of numbers to predict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.cell_form import MISSING
from fittool.data.formats.columns import Column, Problems, and_more, mend_of_gaps
from fittool.data.formats.csv_table import Table
from fittool.data.formats.number_parsing import is_number
from fittool.data.targets import JointTargets, Targets, from_names, from_numbers, needs_numbers, whole_if_possible
from fittool.errors import DataError, ExperimentError, shown

if TYPE_CHECKING:
    from fittool.data.sources.base import SourceContext


def joint_targets_of(table: Table, labels: Sequence[str], context: SourceContext) -> JointTargets:
    """The targets of several outputs, each in a column of its own; raises as `targets_of`."""
    each = zip(labels, context.outputs, strict=True)
    contexts = ((name, replace(context, class_mode=one.class_mode, class_names=one.class_names)) for name, one in each)
    return JointTargets.of([targets_of(table, [name], own) for name, own in contexts])


def as_outputs(labels: tuple[str, ...], context: SourceContext) -> tuple[str, ...]:
    """The columns of labels in the order of the outputs of the same names, if they are; else as they are."""
    outputs = tuple(one.output for one in context.outputs)
    return outputs if sorted(labels) == sorted(outputs) else labels


def numbers_among(labels: Sequence[str], context: SourceContext) -> tuple[str, ...]:
    """The columns of labels that hold numbers to predict."""
    if len(labels) == len(context.outputs):
        return tuple(name for name, one in zip(labels, context.outputs, strict=True) if one.class_mode == "auto")
    return tuple(labels) if context.class_mode == "auto" and context.class_names is None else ()


def targets_of(table: Table, labels: Sequence[str], context: SourceContext) -> Targets:
    """The targets in some columns: (N,) of one, (N, columns) of several.

    Raises:
        DataError: A label is missing, or no number where one is needed, or unknown to training.
        ExperimentError: The loss needs numbers, and the column is text.
    """
    known = context.class_names
    if len(labels) > 1:
        names = tuple(labels) if context.class_mode == "categorical" else None
        what = f"{shown(table.path)}: labels"
        _check_several(table, labels)
        return from_numbers(numbers_of(table, labels), context.class_mode, known or names, what)
    column = table.columns[labels[0]]
    what = f"column {column.name}"
    if context.class_mode == "auto" and known is None:
        if column.kind == "text":
            raise ExperimentError(needs_numbers(what, column.text[0]), place=table.place(0))
        return from_numbers(_values(table, column), context.class_mode, known, what, lambda row: f"{table.place(row)}: {what}")
    _check_gaps(column, table.problems)
    if context.numbered_labels and known is None and column.kind == "number":
        return from_numbers(_values(table, column), context.class_mode, known, what, table.place, numbered=True)
    return from_names(column.text, context.class_mode, known, table.place, what)


def _reason(column: Column) -> str:
    """The reason why a column has no numbers."""
    if column.kind == "empty":
        return "empty"
    numbers = column.counts["number"]
    few_numbers = f"; {numbers:,} of {column.size:,} cells {'is a number' if numbers == 1 else 'are numbers'}" if numbers else ""
    return f"text such as {column.example}{few_numbers}"


def numbers_of(table: Table, names: Iterable[str]) -> NDArray[np.float64]:
    """(N, columns); every cell must have a value.

    Raises:
        DataError: Cells that are no numbers, or too large for float32, each with its line.
    """
    columns = [table.columns[name] for name in names]
    for column in columns:
        if not column.is_numeric or column.gaps or column.too_large:
            column.report(table.problems)
    table.problems.check()
    return np.stack([column.array() for column in columns], axis=1)


def weights_of(table: Table, name: str) -> NDArray[np.float32]:
    """(N,) the sample weights in a column.

    Raises:
        DataError: Cells that are no numbers, or below 0, each with its line.
    """
    weights = numbers_of(table, [name])[:, 0]
    for row in np.flatnonzero(weights < 0).tolist():
        text = f"column {name}: {weights[row]:g} is below 0; a weight must be at least 0."
        table.problems.add(text, int(table.lines[row]))
    table.problems.check()
    return weights.astype(np.float32)


def with_labels(table: Table, labels: Sequence[str], context: SourceContext) -> tuple[Table, str]:
    """The rows in which no label is missing, and in words how many there are beside them.

    In a column of numbers each gap is one; of words an empty cell is, and a word such as NA where the experiment says so, or
    where it stands for gaps in the table's numbers: else it may be the name of a class.

    Raises:
        DataError: No row has a label, or `on_missing_label` is error.
    """
    found = np.zeros(len(table.lines), bool)
    for name in labels:
        found |= _is_missing(table, table.columns[name])
    count = int(found.sum())
    if not count or context.on_missing_label == "error":
        return table, ""
    named = f"column {', '.join(labels)}"
    if count == len(found):
        raise DataError(f"{named}: no row has a label.", place=table.place(0))
    return table.select(np.flatnonzero(~found)), f"{count:,} row{'s' * (count > 1)} without {', '.join(labels)} left out"


def _is_missing(table: Table, column: Column) -> NDArray[np.bool_]:
    """(N,) where a label has a gap."""
    if column.kind in ("text", "boolean", "mixed", "empty"):
        gaps = _gaps_in_numbers(table) if column.form.missing is MISSING else column.form.missing
    else:
        gaps = column.form.missing
    is_gap = np.array([cell.strip().casefold() in gaps for cell in column.cells], bool)
    return is_gap[column.codes]


def _gaps_in_numbers(table: Table) -> frozenset[str]:
    """The words that stand for gaps in the columns of numbers."""
    found = [cell for column in table.columns.values() if column.is_numeric for _, cell in column.first.get("missing", ())]
    return frozenset({"", *(cell.strip().casefold() for cell in found)})


def _check_several(table: Table, labels: Sequence[str]) -> None:
    """Of several columns of labels none may be text; each is told."""
    for name in labels:
        column = table.columns[name]
        if column.kind in ("text", "empty"):
            mend = "Several columns of labels hold numbers, or 0 and 1 for a class each. "
            mend += "Write them so, choose one column, or give the network an output for each."
            table.problems.add(f"column {name}: {_reason(column)}. {mend}", min(line for line, _ in _first_cells(column)))
    table.problems.check()


def _first_cells(column: Column) -> list[tuple[int, str]]:
    return [cell for cells in column.first.values() for cell in cells]


def _values(table: Table, column: Column) -> NDArray[np.float64] | NDArray[np.int64]:
    return whole_if_possible(numbers_of(table, [column.name])[:, 0])


def _check_gaps(column: Column, problems: Problems) -> None:
    """Refuse gaps among class numbers, gaps that the user has named, and fractions beside text."""
    others = column.counts["text"] + column.counts["boolean"] + column.counts["foreign"]
    named = column.form.missing is not MISSING
    if column.gaps and (named or (column.counts["number"] and not others)):
        line, cell = column.first["missing"][0]
        text = f"{cell!r} stands for a missing value{and_more(column.gaps - 1)}. {mend_of_gaps(column.gaps)}"
        problems.add(f"column {column.name}: {text}", line)
    if others and any(is_number(cell) and float(cell) % 1 for cell in column.cells):
        column.report(problems)
    problems.check()
