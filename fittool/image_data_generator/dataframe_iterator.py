"""Batches of image files that a table names."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.tags import separator_in
from fittool.data.images.image_lookup import ImageLookup
from fittool.image_data_generator.file_iterator import FileIterator, check_class_mode, is_image
from fittool.image_data_generator.flow_options import FileOptions, ImageChanges
from fittool.image_data_generator.iterator import split_range

_CLASS_MODES = ("binary", "categorical", "input", "multi_output", "raw", "sparse", None)
_BY_NAME = ("binary", "categorical", "sparse")


class DataFrameIterator(FileIterator):
    """The iterator that `ImageDataGenerator.flow_from_dataframe` gives; arguments as there.

    Attributes:
        class_indices: The number of each class, in the class modes that name classes.
        classes: The class number of each file; a list of them where a file has several.
    """

    def __init__(
        self,
        dataframe: Any,
        directory: str | None,
        image_data_generator: ImageChanges,
        options: FileOptions,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        classes: Sequence[str] | None = None,
        validate_filenames: bool = True,
    ) -> None:
        class_mode = options.class_mode
        check_class_mode(class_mode, _CLASS_MODES)
        if class_mode == "multi_output" and isinstance(y_col, str):
            raise TypeError(f'class_mode="multi_output" needs a list of columns as y_col, got {y_col!r}.')
        low, high = split_range(image_data_generator, options.subset)
        weights = None if weight_col is None else _weights(np.array(_column(dataframe, weight_col)), weight_col)
        files = _texts(_column(dataframe, x_col), f"The column {x_col} of file names")
        names = [] if class_mode in (None, "input") else [y_col] if isinstance(y_col, str) else list(y_col)
        columns = [_column(dataframe, name) for name in names]
        for name, cells in zip(names, columns, strict=True):
            if len(cells) != len(files):
                raise ValueError(f"The column {name} has {len(cells):,} cells, but {x_col} has {len(files):,}.")
        files, rows = _existing(files, directory or "", x_col) if validate_filenames else (files, list(range(len(files))))
        self.classes: list[Any] = []
        self.class_indices: dict[str, int] = {}
        if class_mode in _BY_NAME:
            self.class_indices, numbers = _classes(columns[0], rows, classes, str(class_mode), names[0])
            rows, columns = list(numbers), []
        rows = rows[int(low * len(rows)) : int(high * len(rows))]
        if class_mode in _BY_NAME:
            self.classes = [numbers[row] for row in rows]
        self._values = [_pick(values, rows) for values in columns]
        self.directory = directory or ""
        super().__init__(image_data_generator, self.directory, [files[row] for row in rows], options)
        if weights is not None:
            self.sample_weight = weights[rows]

    @property
    def labels(self) -> Any:
        """The class numbers, or the values of the columns in the class modes raw and multi_output."""
        if self.class_mode in _BY_NAME:
            return self.classes
        return self._values[0] if len(self._values) == 1 else self._values

    def _targets(self, indices: NDArray[np.int64]) -> Any:
        dtype = self.image_data_generator.dtype
        if self.class_mode == "multi_output":
            return [values[indices] for values in self._values]
        if self.class_mode == "raw":
            return self._values[0][indices] if len(self._values) == 1 else np.stack([v[indices] for v in self._values], axis=1)
        if self.class_mode != "categorical":
            return np.array([self.classes[index] for index in indices], dtype)
        rows = np.zeros((len(indices), len(self.class_indices)), dtype)
        for row, index in enumerate(indices):
            rows[row, self.classes[index]] = 1
        return rows


def _classes(
    cells: list[Any], rows: list[int], known: Sequence[str] | None, class_mode: str, column: str
) -> tuple[dict[str, int], dict[int, Any]]:
    """The number of each class, and by row the class number, or a list of them; rows without a known class are left out."""
    if class_mode == "categorical" and (separator := _separator_in(cells)) is not None:
        mend = f"For several labels a file give lists: cell.split({'' if separator == ' ' else repr(separator)})."
        warnings.warn(
            f"Labels in the column {column} look like several in one text, but count as one class. {mend}", stacklevel=4
        )
    labels = {row: _labels_of(cells[row], class_mode == "categorical", column) for row in rows}
    names = list(dict.fromkeys(known)) if known is not None else sorted({label for found in labels.values() for label in found})
    if class_mode == "binary" and len(names) != 2:
        raise ValueError(f'class_mode="binary" needs 2 classes, but the column {column} has {len(names)}.')
    indices = {name: number for number, name in enumerate(names)}
    numbers = {row: [indices[label] for label in found if label in indices] for row, found in labels.items()}
    several = any(isinstance(cells[row], list | tuple) for row in rows)
    return indices, {row: found if several else found[0] for row, found in numbers.items() if found}


def _separator_in(cells: list[Any]) -> str | None:
    """The text that stands between labels in a column of texts that look like several labels each, or None."""
    return separator_in(cells) if all(isinstance(cell, str) for cell in cells) else None


def _column(table: Any, name: str) -> list[Any]:
    """The cells of a column.

    Raises:
        ValueError: There is no such column.
    """
    try:
        return list(table[name])
    except KeyError:
        known = ", ".join(map(str, getattr(table, "columns", table)))
        raise ValueError(f"The table has no column {name!r}. There are {known}.") from None


def _texts(cells: list[Any], what: str) -> list[str]:
    for cell in cells:
        if not isinstance(cell, str):
            raise TypeError(f"{what} must hold texts, but holds {cell!r}, a {type(cell).__name__}.")
    return cells


def _existing(files: list[str], directory: str, column: str) -> tuple[list[str], list[int]]:
    """The files that the names stand for, and the rows of those that are there; told where some are not."""
    lookup = ImageLookup(directory)
    names = [lookup.resolved(file) for file in files]
    rows = [row for row, name in enumerate(names) if is_image(name) and os.path.isfile(os.path.join(directory, name))]
    if len(rows) < len(names):
        row, missing = min(set(range(len(names))).difference(rows)), len(names) - len(rows)
        why = lookup.problem(names[row]) or "its name does not end as that of an image."
        text = f"{missing:,} of {len(names):,} image files are not there, or no images, and left out, first {names[row]!r}"
        warnings.warn(f"{text}: column {column}: {why}", stacklevel=4)
    return names, rows


def _labels_of(cell: Any, several: bool, column: str) -> tuple[str, ...]:
    """The labels in a cell: a text, or for class mode categorical a list of texts."""
    labels = tuple(cell) if several and isinstance(cell, list | tuple) else (cell,)
    if not all(isinstance(label, str) for label in labels):
        raise TypeError(
            f"The column {column} must hold class names as texts{' or lists' if several else ''}, but holds {cell!r}."
        )
    return labels


def _pick(cells: list[Any], rows: list[int]) -> NDArray[Any]:
    return np.array([cells[row] for row in rows])


def _weights(values: NDArray[Any], column: str) -> NDArray[Any]:
    if not np.issubdtype(values.dtype, np.number):
        raise TypeError(f"The column {column} of sample weights must hold numbers.")
    return values
