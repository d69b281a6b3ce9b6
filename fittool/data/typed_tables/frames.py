"""Tables in memory, as pandas, polars and others hold them; none of these is imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from fittool.data.typed_tables.typed_table import NumberCells, TextCells, TypedTable


def is_frame(value: object) -> bool:
    """True for a table with named columns, which `value[name]` gives."""
    return hasattr(value, "columns") and hasattr(value, "__getitem__") and not isinstance(value, np.ndarray)


def table_of_frame(frame: Any) -> TypedTable:
    """The columns of a table in memory; an index is none."""
    names = list(frame.columns)
    return TypedTable(tuple(str(name).strip() for name in names), tuple(_cells(frame[name]) for name in names), 0)


def _cells(series: Any) -> NumberCells | TextCells:
    kind = getattr(getattr(series, "dtype", None), "kind", "O")
    if kind in "iuf":
        try:
            return NumberCells(np.array(series, np.float64))
        except (TypeError, ValueError):  # whole numbers with gaps, in a type of the library's own
            pass
    values = np.asarray(series)
    if values.dtype.kind in "iuf":
        return NumberCells(values.astype(np.float64))
    if values.dtype.kind == "M":
        days = values.astype("datetime64[D]")
        whole = bool((values[~np.isnat(values)] == days[~np.isnat(values)]).all())
        values = np.where(np.isnat(values), "", (days if whole else values.astype("datetime64[s]")).astype(str))
    return TextCells.of([_text(value) for value in values.tolist()])


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
