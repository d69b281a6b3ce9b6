"""The latest samples, by a column of dates or of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fittool.data.formats.number_parsing import PLAIN
from fittool.data.tables.date_columns import parse_date, read_order
from fittool.errors import DataError

_LONGEST = 40


def latest(column: str, cells: NDArray[np.str_], fraction: float) -> NDArray[np.bool_]:
    """(N,) the samples to validate on: as near to a share of all as whole moments allow, one on each side at least.

    Args:
        column: The column's name.
        cells: (N,) its cells: dates, or numbers that grow with time.
        fraction: The share.

    Raises:
        DataError: A cell is neither, the order of day and month cannot be told, or all are of one moment.
    """
    moments = _moments(column, cells.tolist())
    ordered = np.sort(moments)
    starts = np.flatnonzero(np.diff(ordered) > 0) + 1  # where a later moment begins
    if not len(starts):
        raise DataError(f"The column {column} holds one moment, {cells[0]}, so nothing is later. Use another kind of split.")
    wanted = len(cells) * (1 - fraction)
    first = ordered[starts[np.abs(starts - wanted).argmin()]]
    return np.asarray(moments >= first)


def _moments(column: str, cells: Sequence[str]) -> NDArray[np.float64]:
    if PLAIN.are_numbers(cells):
        return PLAIN.values(cells)
    reading = read_order(dict.fromkeys(cells))
    if reading.wrong:
        raise DataError(f"The column {column} holds {reading.wrong[0][:_LONGEST]!r}, which is neither a date nor a number.")
    if reading.order is None:
        text = f"In the column {column} it cannot be told whether the day or the month comes first, as in {cells[0]!r}."
        raise DataError(f"{text} Write the year first: 2024-03-04.")
    found = {cell: parse_date(cell) for cell in dict.fromkeys(cells)}
    seconds = {cell: {} if one is None else one.seconds for cell, one in found.items()}
    return np.array([seconds[cell].get("ymd", seconds[cell].get(reading.order, np.nan)) for cell in cells])
