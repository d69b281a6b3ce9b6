"""Findings of a look at somebody's data: all that `fittool init` needs to write an experiment that trains."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fittool.data.remote import is_remote
from fittool.data.sources.base import Source
from fittool.data.tables.column_kinds import ColumnKind
from fittool.scaffold.task import Task

_PATHS = ("path", "x", "y", "images", "labels", "root", "sample_weight")


@dataclass(frozen=True)
class Survey:
    """Findings of a look at data.

    Attributes:
        lines: What was found, for people.
        source: The source of the data, with paths as they are in the file system.
        task: What the data ask for.
        validation: Validation data of their own; None where a part of the data must do.
        validation_part: The kind of split otherwise; None for `validation_split`, which takes of each folder alike.
        validation_column: The column, and the values if they do not tell by themselves, that say what is validated on.
        image_size: (height, width) to train at; None for tables and other arrays.
        color_mode: Of image files; None where the arrays say it themselves.
        axes: Of one sample, where it is no image.
        skips_bad_files: Whether some image files cannot be read.
        fit: How images of other proportions come to `image_size`.
        samples: How many there are.
        columns: What is to be said of the columns of a table; None where they are not learnt from.
        groups: The column that seems to say whom or what each row is of, or None.
    """

    lines: tuple[str, ...]
    source: Source
    task: Task
    validation: Source | None = None
    validation_part: str | None = None
    validation_column: tuple[str, tuple[str, ...] | None] | None = None
    image_size: tuple[int, int] | None = None
    color_mode: str | None = None
    axes: int = 1
    skips_bad_files: bool = False
    fit: str = "stretch"
    samples: int = 0
    columns: Mapping[str, ColumnKind] | None = None
    groups: str | None = None

    def relative_to(self, folder: str) -> Survey:
        """The same, with paths as a file in that folder writes them."""
        validation = None if self.validation is None else _relative(self.validation, folder)
        return replace(self, source=_relative(self.source, folder), validation=validation)


def _relative(source: Source, folder: str) -> Source:
    names = _PATHS if source.public_name() in ("npy", "idx") else ("path", "root")
    written = {name: getattr(source, name, None) for name in names}
    changed = {name: path if is_remote(path) else os.path.relpath(path, folder) for name, path in written.items() if path}
    return replace(source, **changed)
