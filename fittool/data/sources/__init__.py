"""The data sources of an experiment file, one module each.

`base` says what a source is and what it is told, `arrays` has what `npz` and `idx` share, and `by_path` is the source that
reads a path by its ending. `config` enters for the descriptions, `experiment` and `scaffold` to open data. A source opens a
`Dataset` and knows no order, no batches, no split and no augmentation. Its module is imported when somebody asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fittool.data.sources.base import Source, SourceContext
from fittool.settings import Family, OnDemand, homes_in, import_from_home

if TYPE_CHECKING:
    from fittool.data.sources.csv import CsvSource
    from fittool.data.sources.folder import FolderSource
    from fittool.data.sources.idx import IdxSource
    from fittool.data.sources.npy import NpySource
    from fittool.data.sources.npz import NpzSource
    from fittool.data.sources.python import PythonSource
    from fittool.data.sources.shards import ShardsSource
    from fittool.data.sources.synthetic import SyntheticSource

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

_HOMES = homes_in(
    __name__,
    {
        "NpzSource": "npz",
        "NpySource": "npy",
        "FolderSource": "folder",
        "CsvSource": "csv",
        "IdxSource": "idx",
        "ShardsSource": "shards",
        "PythonSource": "python",
        "SyntheticSource": "synthetic",
    },
)

SOURCES: Family[Source] = Family("source", OnDemand({home.rpartition(".")[2]: (home, name) for home, name in _HOMES.values()}))
"""Every source by its word in files, which is the name of its module."""


def __getattr__(name: str) -> object:
    """Import a source when it is first asked for (PEP 562)."""
    return import_from_home(__name__, _HOMES, name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
