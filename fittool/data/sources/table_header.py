"""The header of a table in whatever file: the names of its columns, and how it is written."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fittool.data.files import existing_file
from fittool.data.formats.csv_form import CsvForm, find_form
from fittool.data.formats.csv_table import Header, read_header, refuse_twice
from fittool.data.typed_tables.readers import read_typed, typed_kind
from fittool.errors import shown


def header_of(path: Path, delimiter: str | None, encoding: str | None, header: bool | None, names: tuple[str, ...]) -> Header:
    """The header of a file; what is None is found by looking.

    Args:
        path: The file.
        delimiter, encoding, header: What is known of a CSV file.
        names: Names of columns that are going to be asked for.

    Raises:
        DataError: The file is missing, damaged, or no table.
    """
    found = existing_file(path).stat()
    state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return _header_of(path, delimiter, encoding, header, names, state)


@lru_cache(maxsize=4)
def _header_of(
    path: Path,
    delimiter: str | None,
    encoding: str | None,
    header: bool | None,
    names: tuple[str, ...],
    state: tuple[int, ...],
) -> Header:
    """The form and the names of the columns of a file in some state, which are asked for several times over."""
    kind = typed_kind(path)
    if kind is not None:
        table = read_typed(path, kind)
        refuse_twice(table.names, shown(path))
        return Header(path, CsvForm(), table.names, block=table, left_out=table.left_out)
    return read_header(path, find_form(path, delimiter=delimiter, encoding=encoding, header=header, names=names))
