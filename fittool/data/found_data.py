"""The place of samples in somebody's folder: the table that is in it, and the column of a table that names image files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fittool.data.images.image_folders import class_folders_in, images_below, parts_as_classes
from fittool.data.images.image_lookup import folder_of_images
from fittool.data.images.image_names import is_image_name
from fittool.errors import DataError, visible

_TABLE_ENDINGS = (".csv", ".tsv", ".csv.gz")
_LIKELY_STEMS = ("train", "training", "labels", "train_labels", "metadata", "annotations", "data", "index")
_LOOKED_AT = 20
_SHOWN = 5


def table_in(folder: str) -> str | None:
    """The table in a folder that is not one of class folders with images; None where there is none, or class folders are.

    Raises:
        DataError: There are several, and none is called as one to train on.
    """
    root = Path(folder)
    classes = [name for name in class_folders_in(root).names if images_below(root, name, follow_links=False).images]
    if parts_as_classes(classes) and not any(class_folders_in(root / name).names for name in classes):
        classes = []  # train/ and test/ hold the files that a table names
    tables = sorted(name for name in os.listdir(folder) if name.lower().endswith(_TABLE_ENDINGS) and not name.startswith("."))
    if len(classes) > 1 or not tables:
        return None
    likely = [name for stem in _LIKELY_STEMS for name in tables if name.lower().partition(".")[0] == stem]
    if len(tables) > 1 and not likely:
        listed = ", ".join(map(visible, tables[:_SHOWN])) + (", …" if len(tables) > _SHOWN else "")
        raise DataError(f"There are several tables in it: {listed}. Name the one to train on.", place=visible(folder))
    return os.path.join(folder, likely[0] if likely else tables[0])


def image_column(columns: Mapping[str, Sequence[str]], folder: str) -> tuple[str, str] | None:
    """The column that names image files, and where their names begin, relative to the table's folder; None without one.

    The cells may lack the ending. Of several columns whose files are there, the one with the most different cells counts; where
    no files are there at all, one whose cells end as images do.

    Args:
        columns: The cells of each column.
        folder: Where the table is.
    """
    best: tuple[int, str, str] | None = None
    for name, cells in columns.items():
        different = list(dict.fromkeys(cell for cell in cells if cell.strip()))
        some = [different[index] for index in _even(len(different))]
        root = folder_of_images(folder, some) if some else None
        if root is not None and (best is None or len(different) > best[0]):
            best = (len(different), name, root)
    if best is not None:
        return best[1], best[2]
    named = next((name for name, cells in columns.items() if cells and is_image_name(cells[0])), None)
    return None if named is None else (named, "")


def _even(count: int) -> list[int]:
    return sorted({int(index) for index in np.linspace(0, count - 1, min(count, _LOOKED_AT))}) if count else []
