"""The image files that a column of a table names, and the columns beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.csv_table import Table
from fittool.data.images.image_files import ImageFiles, ImageTable, as_wanted, files_of, form_of
from fittool.data.images.image_lookup import ImageLookup
from fittool.data.sources.base import SourceContext
from fittool.data.targets import Targets
from fittool.errors import Problem

if TYPE_CHECKING:
    from fittool.data.tables.unencoded import RawColumns


def images_of(
    table: Table,
    image: str,
    root: str,
    raw: RawColumns | None,
    targets: Targets,
    weight: NDArray[np.float32] | None,
    context: SourceContext,
) -> ImageFiles:
    """The files of a column.

    Args:
        table: The rows.
        image: The column of the files' names.
        root: Where they begin.
        raw: Columns that are learnt from beside the images; they are features once `with_features` was called. None: none.
        targets, weight: Of all rows.
        context: What the run knows of its data.

    Raises:
        DataError: A file is missing, or may be one of several.
    """
    names, absent = _find(table, image, root, context)
    if raw is None:
        files: ImageFiles = files_of(root, names, targets, weight, context)
    else:
        rows = np.arange(len(names), dtype=np.float64)[:, np.newaxis]
        beside = as_wanted(ImageTable(root, names, form_of(context), targets, weight, rows, ()), context)
        beside.raw = replace(raw, rows=beside.features[:, 0].astype(np.int64))
        files = beside
    files.absent = absent
    return files


def _find(table: Table, image: str, root: str, context: SourceContext) -> tuple[list[str], dict[str, Problem]]:
    """The files of a column, relative to `root`, and what is wrong with those that are kept though they are not there.

    Where bad files are left out, missing ones are among them.

    Raises:
        DataError: One is missing, or may be one of several.
    """
    lookup, names, absent = ImageLookup(root), list[str](), dict[str, Problem]()
    for row, name in enumerate(table.columns[image].text):
        found: Sequence[str] = lookup.find(name)
        names.append(found[0] if len(found) == 1 else name)
        if len(found) != 1 and context.on_bad_file == "keep":
            absent.setdefault(name, Problem(f"column {image}: {lookup.problem(name)}", table.place(row)))
        elif len(found) > 1 or (not found and context.on_bad_file == "error"):
            table.problems.add(f"column {image}: {lookup.problem(name)}", int(table.lines[row]))
    table.problems.check()
    return names, absent
