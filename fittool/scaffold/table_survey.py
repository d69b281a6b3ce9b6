"""A look at a table: which column is the label, which are learnt from, and how it is written."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from fittool.data.dataset import Dataset
from fittool.data.formats.columns import Column
from fittool.data.formats.csv_table import Header, Table, read_table
from fittool.data.formats.number_forms import FoundForm
from fittool.data.formats.reading import Reading
from fittool.data.formats.tags import separator_in
from fittool.data.found_data import image_column
from fittool.data.sources import CsvSource, SourceContext
from fittool.data.splits.split_column import find_split_column
from fittool.data.tables.column_plan import ColumnPlan
from fittool.data.targets import ClassMode, Targets
from fittool.errors import DataError, visible
from fittool.scaffold.column_survey import ColumnSurvey, look_at_columns
from fittool.scaffold.group_columns import find_groups
from fittool.scaffold.image_survey import Pictures, look_at_pictures
from fittool.scaffold.label_choice import Ask, choose_label
from fittool.scaffold.survey import Survey
from fittool.scaffold.task import Task, task_of


def look_at_table(path: str, labels: Sequence[str] = (), ask: Ask | None = None) -> Survey:
    """Look at a CSV file.

    Args:
        path: The file, or its address.
        labels: The columns of labels; none: the one that looks like it.
        ask: Asks a person which it is, where that is not plain.

    Raises:
        DataError: It cannot be trained on.
    """
    labels = tuple(dict.fromkeys(labels))
    source = CsvSource(path, label=list(labels) or None)
    local = SourceContext().path(path)
    header, table, numbers = source.look(local)
    source = _as_found(source, header, numbers)
    cells = _cells(header, table)
    found, split = image_column(cells, str(local.parent)), find_split_column(cells)
    image, root = (None, "") if found is None else found
    if not labels:
        beside = [name for name in (image, split and split[0]) if name]
        choice = choose_label(table, beside, ask)
        labels, doubt = choice.names, choice.doubt
    else:
        _check_labels(header, labels)
        doubt = ""
    split = None if split is None or split[0] in labels else split
    separator = separator_in(cells[labels[0]]) if len(labels) == 1 and table.columns[labels[0]].kind == "text" else None
    source = replace(source, label=list(labels), image=image, label_separator=separator)
    source = replace(source, root=os.path.join(os.path.dirname(path), root)) if root else source
    columns = groups = None
    if image is None:
        taken = {*labels, *([split[0]] if split else []), ""}
        names = [name for name in table.columns if name not in taken]
        columns, groups = look_at_columns(table, names, labels), None if split else find_groups(table, names)
        source = replace(source, missing_values=None if columns.missing_values is None else list(columns.missing_values))
    task, dataset = _task_of_tags(source) if separator is not None else task_of(partial(_open, source, split, columns))
    what = f"label {', '.join(map(visible, labels))}: {task.in_words()}"
    lines = [f"{visible(path)}: {len(dataset):,} rows, {_other_columns(header, labels)}, {what}"]
    lines += [f"  {text}" for text in ([doubt] if doubt else [])]
    lines += [] if columns is None else [f"  {text}" for text in columns.lines]
    reading: Reading | None = getattr(dataset, "reading", None)
    lines += [f"  {reading.dropped}"] if reading is not None and reading.dropped else []
    if separator is not None:
        lines.append(f"  several labels a cell, separated by {separator!r}: each is predicted on its own")
    lines += [] if groups is None else [f"  {groups.in_words(visible(groups.name))}"]
    if split is not None:
        lines.append(f"  {visible(split[0])} says what is trained and validated on")
    part = "stratified" if task.can_be_stratified else "random"
    kinds = None if columns is None else columns.kinds
    survey = Survey(
        tuple(lines),
        source,
        task,
        None,
        part,
        split,
        samples=len(dataset),
        columns=kinds,
        groups=None if groups is None else groups.name,
    )
    return survey if image is None else _with_pictures(survey, dataset)


def _check_labels(header: Header, labels: Sequence[str]) -> None:
    """Refuse labels that are no columns.

    Raises:
        DataError: Names them; of several in one, says how several are written.
    """
    for name in labels:
        parts = [part.strip() for part in name.split(",")]
        if name not in header.names and len(parts) > 1 and set(parts) <= set(header.names):
            each = " ".join(f"--label {shlex.quote(part)}" for part in parts)
            text = f"There is no column {name}. Several labels are given one by one: {each}"
            raise DataError(f"{text}; in the file, label: [{', '.join(parts)}].", place=header.place)
    header.check(labels)


def _other_columns(header: Header, labels: Sequence[str]) -> str:
    others = len(header.names) - len(labels)
    return f"{others:,} other column{'s' * (others != 1)}"


def _as_found(source: CsvSource, header: Header, numbers: FoundForm) -> CsvSource:
    """The source with what was found by looking and is not usual, so that it stands in the experiment."""
    form, written = header.form, numbers.form
    return replace(
        source,
        delimiter=None if form.delimiter == "," else form.delimiter,
        encoding=None if form.encoding.startswith("utf-8") else form.encoding,
        header=None if form.header else False,
        decimal=None if written.is_plain else written.decimal,  # type: ignore[arg-type]  # only such forms are looked for
        thousands=None if written.is_plain else written.thousands,  # type: ignore[arg-type]
    )


def _cells(header: Header, table: Table) -> dict[str, list[str]]:
    """The cells of every column that has a name, as they are written."""
    kept = read_table(header, [Column(name, keep_text=True) for name in table.columns], [])
    return {name: column.text for name, column in kept.columns.items()}


def _open(
    source: CsvSource, split: tuple[str, tuple[str, ...] | None] | None, columns: ColumnSurvey | None, class_mode: ClassMode
) -> Dataset:
    # Files that cannot be read are told and left out in training too; here they must not end the look.
    beside = (split[0],) if split else ()
    plan = None if columns is None else ColumnPlan(kinds=columns.kinds, drops_useless=True)
    context = SourceContext(class_mode=class_mode, not_features=beside, columns=plan)
    return source.open(replace(context, on_bad_file="skip") if source.image else context)


def _task_of_tags(source: CsvSource) -> tuple[Task, Dataset]:
    """Classes of which a sample may have any, with the number of samples that have each."""
    dataset = _open(source, None, None, "categorical")
    names = dataset.class_names or ()
    held: Any = getattr(dataset, "targets", None)
    rows: Any = held.values if isinstance(held, Targets) else held[0]
    return Task("several", dict(zip(names, rows.sum(axis=0).astype(int).tolist(), strict=True)), len(names)), dataset


def _with_pictures(survey: Survey, dataset: object) -> Survey:
    pictures: Pictures = look_at_pictures(dataset)
    return replace(
        survey,
        lines=(*survey.lines, *pictures.lines),
        image_size=pictures.size,
        color_mode=pictures.color_mode,
        skips_bad_files=pictures.unreadable > 0,
        fit=pictures.fit,
    )
