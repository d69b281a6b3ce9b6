"""The source that reads a path: by the ending of its name, without regard to case and to `.gz`."""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal

from fittool.data.typed_tables.readers import TYPED_ENDINGS

Kind = Literal["npz", "npy", "csv", "idx"]

TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")
_IDX_ENDINGS = ("-ubyte", ".idx", ".idx1", ".idx2", ".idx3", ".idx4")


def kind_of(path: PurePath) -> Kind | None:
    """The word of the source that reads a file, or None where its name does not say."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".npz"):
        return "npz"
    if name.endswith(".npy"):
        return "npy"
    if name.endswith(_IDX_ENDINGS):
        return "idx"
    return "csv" if name.endswith((*TABLE_ENDINGS, *TYPED_ENDINGS)) else None
