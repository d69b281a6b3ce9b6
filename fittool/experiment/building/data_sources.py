"""The source that reads a path which a user gives for a trained run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fittool.data.sources import CsvSource, FolderSource, IdxSource, NpySource, NpzSource, Source
from fittool.data.sources.by_path import kind_of
from fittool.errors import UsageError


def source_like(trained_on: Source, path: Path) -> Source:
    """A source for other data of the kind that a run was trained on.

    Args:
        trained_on: The run's own source, whose columns and names of arrays are kept.
        path: A folder, CSV or npz.

    Raises:
        UsageError: The path is none of these.
    """
    name, kind = str(path.absolute()), kind_of(path)
    if path.is_dir():
        return replace(trained_on, path=name) if isinstance(trained_on, FolderSource) else FolderSource(name)
    if kind == "npz":
        return replace(trained_on, path=name) if isinstance(trained_on, NpzSource) else NpzSource(name)
    if kind == "csv" and isinstance(trained_on, CsvSource):
        return trained_on.in_another_file(name)
    if not path.exists():
        raise UsageError(f"There is no file or folder {path}.")
    raise UsageError(f"{path} is neither a folder nor an npz{' nor a CSV file' if isinstance(trained_on, CsvSource) else ''}.")


def source_of_inputs(trained_on: Source, path: Path) -> Source | None:
    """A source of inputs without targets; None for a single image file."""
    kind = kind_of(path)
    if kind == "npy":
        return NpySource(str(path.absolute()))
    if kind == "idx":
        return IdxSource(str(path.absolute()))
    is_table = kind == "csv" and (isinstance(trained_on, CsvSource) or path.suffix.lower() in (".csv", ".tsv"))
    if path.is_dir() or kind == "npz" or is_table:
        source = source_like(trained_on, path)
        if isinstance(source, CsvSource):
            features = source.features if source.image else None  # beside images there are none unless they are listed
            return replace(source, label=None, features=features, weight=None)
        return source
    return None
