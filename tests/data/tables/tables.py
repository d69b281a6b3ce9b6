"""Columns of cells for the tests of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fittool.data.formats.columns import Column
from fittool.data.tables.column_kinds import COLUMN_KINDS, ColumnDefaults, ColumnKind
from fittool.data.tables.encoder import TableEncoder
from fittool.data.tables.inference import ColumnPlan
from fittool.runs.files.json_text import from_json, to_json


def column(name: str, cells: Sequence[str], *, keep_text: bool = False) -> Column:
    made = Column(name, keep_text=keep_text)
    made.add(list(cells), range(2, len(cells) + 2))
    if made.needs_text:
        return column(name, cells, keep_text=True)
    return made


def plan(kinds: Mapping[str, object] | None = None, **settings: object) -> ColumnPlan:
    parsed: dict[str, ColumnKind] = {name: COLUMN_KINDS.parse(kind) for name, kind in (kinds or {}).items()}
    defaults = ColumnDefaults(**settings.pop("defaults", {}))  # type: ignore[arg-type]
    return ColumnPlan(parsed, defaults, **{"drops_useless": True, **settings})  # type: ignore[arg-type]


def fitted(cells: Mapping[str, Sequence[str]], rows: Sequence[int] | None = None, **settings: object) -> TableEncoder:
    """The encoder of some columns, by all of their rows unless some are named, once round through JSON."""
    made = plan(**settings)  # type: ignore[arg-type]
    columns = [column(name, values, keep_text=made.needs_text(name)) for name, values in cells.items()]
    count = len(next(iter(cells.values())))
    encoder = TableEncoder.fit(columns, np.arange(count) if rows is None else np.array(rows), made)
    again = TableEncoder.of(from_json(to_json(encoder.plain())))
    assert again == encoder
    return again


def encoded(encoder: TableEncoder, cells: Mapping[str, Sequence[str]]) -> np.ndarray:
    """The features of some cells, (N, F)."""
    columns = {name: column(name, values, keep_text=encoder.needs_text(name)) for name, values in cells.items()}
    return encoder.encode(columns, len(next(iter(cells.values())))).values
