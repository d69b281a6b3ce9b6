"""The data sources of an experiment file, one module each."""

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
