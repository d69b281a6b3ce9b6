"""The columns of a table as a run has kept them, so that it never asks the data again what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fittool.data.formats.reading import Reading
from fittool.errors import CheckpointError, shown
from fittool.runs.columns_file import digest_of_columns, read_columns
from fittool.runs.directory import RunDirectory

if TYPE_CHECKING:
    from fittool.data.tables.encoder import TableEncoder


def encoder_of(directory: RunDirectory, architecture: Mapping[str, Any]) -> TableEncoder | None:
    """What makes features of a table's columns in a run; None where it has not learnt from a table.

    Args:
        directory: The run.
        architecture: What its checkpoint says of its network. Releases before 0.2.0 kept the names of columns of numbers alone.

    Raises:
        CheckpointError: The file of the columns is missing, damaged or another one than the checkpoint was trained with.
    """
    names, table = architecture.get("features"), architecture.get("table", {})
    if names is None:
        return None
    from fittool.data.tables.encoder import TableEncoder

    columns, place = read_columns(directory), shown(directory.paths.columns)
    if columns is None:
        if "columns" in table:
            raise CheckpointError("is missing, and without it a table cannot be read as in training.", place=place)
        return TableEncoder.of_numbers(names, Reading.of(table).percent)
    if table.get("columns", digest_of_columns(columns)) != digest_of_columns(columns):
        raise CheckpointError("is not what the checkpoint was trained with: it was changed.", place=place)
    try:
        return TableEncoder.of(columns)
    except ValueError as error:
        raise CheckpointError(f"is damaged: {error}.", place=place) from error


def encoder_to_go_on_with(directory: RunDirectory) -> TableEncoder | None:
    """The same for a run that goes on, by its newest checkpoint; raises as `encoder_of`."""
    return encoder_of(directory, directory.checkpoints.load_newest()[0].facts.architecture or {})
