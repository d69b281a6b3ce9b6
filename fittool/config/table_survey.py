"""A look at a table: which column is the label, which are learnt from, and how it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fittool.config.image_survey import IMAGE_ENDINGS, Pictures, look_at_pictures
from fittool.config.label_choice import Ask, choose_label, counts_up
from fittool.config.survey import Survey
from fittool.config.task import task_of
from fittool.data.columns import Column
from fittool.data.formats.csv_table import Header, Table
from fittool.data.number_forms import FoundForm
from fittool.data.sources import CsvSource, SourceContext
from fittool.data.table_features import reason
from fittool.errors import DataError, shown, visible


def look_at_table(path: str, labels: Sequence[str] = (), ask: Ask | None = None) -> Survey:
    """Look at a CSV file.

    Args:
        path: The file, or its address.
        labels: The columns of labels; none: the one that looks like it.
        ask: Asks a person which it is, where that is not plain.

    Raises:
        DataError: It cannot be trained on.
    """
    source = CsvSource(path, label=list(labels) or None)
    local = SourceContext().path(path)
    header, table, numbers = source.look(local)
    source = _as_found(source, header, numbers)
    image = _image_column(table)
    if not labels:
        choice = choose_label(table, [image] if image else [], ask)
        labels, doubt = choice.names, choice.doubt
    else:
        header.check(labels)
        doubt = ""
    source = replace(source, label=list(labels), image=image)
    left_out: list[str] = []
    if image is None:
        source, left_out = _without_useless_columns(source, table)
    task, dataset = task_of(lambda class_mode: source.open(SourceContext(class_mode=class_mode)))
    what = f"label {', '.join(map(visible, labels))}: {task.in_words()}"
    lines = [f"{visible(path)}: {len(dataset):,} rows, {len(header.names) - len(labels)} other columns, {what}"]
    lines += [f"  {text}" for text in ([doubt] if doubt else []) + left_out]
    part = "stratified" if task.can_be_stratified else "random"
    survey = Survey(tuple(lines), source, task, validation_part=part)
    return survey if image is None else _with_pictures(survey, dataset)


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


def _image_column(table: Table) -> str | None:
    """The first column of paths of images."""
    for name, column in table.columns.items():
        cells = [cell for _, cell in column.first.get("text", [])]
        if column.kind == "text" and cells and all(cell.lower().endswith(IMAGE_ENDINGS) for cell in cells):
            return name
    return None


def _without_useless_columns(source: CsvSource, table: Table) -> tuple[CsvSource, list[str]]:
    """The source with the columns listed to learn from, where some of numbers are of no use; and why each is not.

    Raises:
        DataError: None is of use.
    """
    others = {name: column for name, column in table.columns.items() if name not in (source.label or ())}
    useless = {name: why for name, column in others.items() if (why := _useless(column))}
    chosen = [name for name, column in others.items() if column.kind not in ("text", "empty") and name not in useless]
    told = [f"left out: {visible(name)} ({why})" for name, why in useless.items()]
    if chosen:
        return (replace(source, features=chosen) if useless else source), told
    told += [f"left out: {visible(name)} ({reason(column)})" for name, column in others.items() if name not in useless]
    text = f"There is no column of numbers to learn from. {'; '.join(told)}"
    raise DataError(text, place=shown(table.path))


def _useless(column: Column) -> str:
    """Why a column that holds numbers cannot be learnt from as it is, or ""."""
    if column.kind in ("text", "empty"):
        return ""
    if counts_up(column):
        return "counts up by one in all rows, likely an index"
    if column.kind == "mixed":
        others = column.size - column.gaps - column.counts["number"]
        return f"{others:,} of {column.size:,} cells are no numbers, such as {column.example}"
    if column.gaps:
        return f"{column.gaps:,} of {column.size:,} cells have no value"
    return "holds numbers that are too large" if column.too_large else ""


def _with_pictures(survey: Survey, dataset: object) -> Survey:
    pictures: Pictures = look_at_pictures(dataset)
    return replace(
        survey,
        lines=(*survey.lines, *pictures.lines),
        image_size=pictures.size,
        color_mode=pictures.color_mode,
        skips_bad_files=pictures.unreadable > 0,
    )
