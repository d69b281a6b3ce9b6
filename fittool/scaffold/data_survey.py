"""A first look at somebody's data, which `fittool init --from` fits an experiment to; all of it through the sources."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from fittool.data.found_data import table_in
from fittool.data.remote import is_remote, local_copy
from fittool.data.sources import CsvSource, Source
from fittool.data.sources.by_path import kind_of
from fittool.errors import DataError, UsageError, visible
from fittool.scaffold.array_survey import look_at_idx, look_at_npy, look_at_npz
from fittool.scaffold.image_survey import look_at_folder
from fittool.scaffold.label_choice import Ask
from fittool.scaffold.survey import Survey
from fittool.scaffold.table_survey import look_at_table


def look_at(path: str, labels: Sequence[str] = (), ask: Ask | None = None) -> Survey:
    """Look at a folder of class folders, a table or arrays.

    Args:
        path: A folder, a file or an address.
        labels: What the user says is to be predicted: columns of a table, an array of an npz.
        ask: Asks a person what the label is, where that is not plain.

    Raises:
        DataError: There is nothing at `path`, or nothing that can be trained on.
        UsageError: Labels are named, but these data have no names for them.
    """
    remote = is_remote(path)
    if not remote and os.path.isdir(path):
        table = table_in(path)
        if table is not None:
            return look_at_table(table, labels, ask)
        _refuse_labels(labels)
        return look_at_folder(path)
    if not remote and not os.path.isfile(path):
        raise DataError("There is no such file or folder.", place=visible(path))
    kind = kind_of(PurePath(path))
    if kind == "npz":
        return look_at_npz(path, labels)
    if kind == "csv":
        return look_at_table(path, labels, ask)
    if kind is None and remote and os.path.isdir(copy := local_copy(path)):
        return _at_address(look_at(str(copy), labels, ask), str(copy), path.rstrip("/"))
    if kind is None:
        text = (
            "Give a folder with one folder of images for each class, a .csv or a .npz file, an .npy file or one of MNIST's files."
        )
        raise DataError(text, place=visible(path))
    _refuse_labels(labels)
    return look_at_npy(path) if kind == "npy" else look_at_idx(path)


def _at_address(survey: Survey, copy: str, address: str) -> Survey:
    """What was found in the copy of a folder, with the addresses of what it is a copy of."""

    def there(source: Source) -> Source:
        paths = {name: path for name in ("path", "root") if (path := getattr(source, name, None))}
        if isinstance(source, CsvSource) and source.image is not None and source.root is None:
            paths["root"] = os.path.dirname(source.path)  # only what an address names is copied, not what lies beside it
        return replace(source, **{name: address + path.removeprefix(copy) for name, path in paths.items()})

    validation = None if survey.validation is None else there(survey.validation)
    lines = tuple(line.replace(copy, address) for line in survey.lines)
    return replace(survey, lines=lines, source=there(survey.source), validation=validation)


def _refuse_labels(labels: Sequence[str]) -> None:
    if labels:
        raise UsageError(f"--label {labels[0]}: only a table has columns, and an npz arrays, to choose from.")
