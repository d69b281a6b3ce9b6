"""The data sources of an experiment file, one module each.

`base` says what a source is and what it is told, `arrays` has what `npz` and `idx` share, and `by_path` is the source that
reads a path by its ending. `config` enters for the descriptions, `experiment` and `scaffold` to open data. A source opens a
`Dataset` and knows no order, no batches, no split and no augmentation.
"""

from __future__ import annotations

from fittool.data.sources.base import Source, SourceContext
from fittool.data.sources.csv import CsvSource
from fittool.data.sources.folder import FolderSource
from fittool.data.sources.idx import IdxSource
from fittool.data.sources.npy import NpySource
from fittool.data.sources.npz import NpzSource
from fittool.data.sources.python import PythonSource
from fittool.data.sources.shards import ShardsSource
from fittool.data.sources.synthetic import SyntheticSource
from fittool.settings import Family

__all__ = [
    "SOURCES",
    "CsvSource",
    "FolderSource",
    "IdxSource",
    "NpySource",
    "NpzSource",
    "PythonSource",
    "ShardsSource",
    "Source",
    "SourceContext",
    "SyntheticSource",
]

_SOURCES: tuple[type[Source], ...] = (
    NpzSource,
    NpySource,
    FolderSource,
    CsvSource,
    IdxSource,
    ShardsSource,
    PythonSource,
    SyntheticSource,
)

SOURCES: Family[Source] = Family("source", {source.public_name(): source for source in _SOURCES})
"""Every source by its word in files."""
