"""columns.json of a run: what the training part has fixed of a table's columns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fittool.errors import CheckpointError, shown
from fittool.runs.directory import RunDirectory
from fittool.runs.environment import read_json
from fittool.runs.files.atomic import atomic_write
from fittool.runs.files.json_text import to_json


def write_columns(directory: RunDirectory, columns: Mapping[str, Any]) -> str | None:
    """Write columns.json; returns a warning or None."""
    return atomic_write(directory.paths.columns, [to_json(columns, indent=1) + b"\n"])


def read_columns(directory: RunDirectory) -> dict[str, Any] | None:
    """The columns; None where the run has none, as it learnt from no table or is an older one.

    Raises:
        CheckpointError: The file is damaged.
    """
    if not directory.paths.columns.exists():
        return None
    found = read_json(directory.paths.columns)
    if not isinstance(found, dict) or not isinstance(found.get("columns"), list):
        raise CheckpointError("does not say what the columns of a table are.", place=shown(directory.paths.columns))
    return found


def digest_of_columns(columns: Mapping[str, Any]) -> str:
    """A hash of the columns, by which a checkpoint knows those that it was trained with."""
    return hashlib.sha256(to_json(columns)).hexdigest()
