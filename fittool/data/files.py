"""Files that hold data: their names in messages, and the errors where they are missing or cannot be read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fittool.errors import DataError, shown

_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


def existing_file(path: Path) -> Path:
    """The same path, once it is known to be a regular file.

    Raises:
        DataError: It does not exist, or is a folder, pipe or device.
    """
    if path.is_file():
        return path
    if path.is_dir():
        raise DataError("This is a folder; a file was expected.", place=shown(path))
    if path.exists():
        raise DataError("This is no regular file; pipes and devices cannot be read as data.", place=shown(path))
    raise DataError(f"There is no such file.{_nearest_neighbour(path)}", place=shown(path))


def existing_folder(path: Path) -> Path:
    """The same path, once it is known to be a folder.

    Raises:
        DataError: It does not exist, or is a file.
    """
    if path.is_dir():
        return path
    if path.exists():
        raise DataError("This is a file; a folder was expected.", place=shown(path))
    raise DataError(f"There is no such folder.{_nearest_neighbour(path)}", place=shown(path))


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns the operating system's refusals into a `DataError` that names the file."""
    try:
        yield
    except OSError as error:
        raise DataError(f"The file cannot be read: {error.strerror or error}.", place=shown(path)) from error


def numbered(name: str) -> list[str]:
    """The names that one with `{000..127}` stands for; the name itself where there are no such braces.

    Raises:
        DataError: It counts down.
    """
    braces = _BRACES.search(name)
    if braces is None:
        return [name]
    first, last = braces.groups()
    if int(first) > int(last):
        raise DataError(f"{braces[0]} counts down. Write {{{last}..{first}}}.", place=shown(name))
    numbers = range(int(first), int(last) + 1)
    return [f"{name[: braces.start()]}{number:0{len(first)}}{name[braces.end() :]}" for number in numbers]


def _nearest_neighbour(path: Path) -> str:
    """A sentence about what was most likely meant, or ""."""
    from difflib import get_close_matches  # only needed once something is wrong

    folder = path.parent
    if not folder.is_dir():
        return f" Its folder {shown(folder)} does not exist either."
    near = get_close_matches(path.name, os.listdir(folder), n=1)
    return f" Did you mean {shown(near[0])}?" if near else ""
