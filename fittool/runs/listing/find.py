"""Run directories anywhere below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

_MARKS = {"experiment.yaml", "environment.json"}
"""The files without which nothing is a run (`RunDirectory.open`)."""


@dataclass(frozen=True)
class FoundRun:
    """A run directory.

    Attributes:
        path: As it is reached from the folder that was asked for.
        name: The same from that folder on; its own name where it is the folder itself.
        size: Bytes in its files.
    """

    path: str
    name: str
    size: int


def find_runs(folder: str | os.PathLike[str]) -> Iterator[FoundRun]:
    """Every run in a folder, at any depth, in no order.

    Links to directories are not followed, so that `latest` is not a second run and no link leads out of the folder; hidden
    directories are passed over. Directories that cannot be read hold nothing.

    Args:
        folder: Where to look; may be a run, or a link to a directory.
    """
    root = os.fspath(folder)
    for path, entries in _walk(root):
        name = os.path.relpath(path, root) if path != root else _own_name(root)
        yield FoundRun(path, name, _size(entries))


def run_paths(folder: str | os.PathLike[str]) -> Iterator[str]:
    """The paths alone of the same runs, as they are reached from the folder; their files are not looked at."""
    return (path for path, _ in _walk(os.fspath(folder)))


def _walk(root: str) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Each run with what is in it."""
    pending = [root]
    while pending:
        path = pending.pop()
        entries = _entries(path)
        if _is_run(entries):
            yield path, entries
        else:
            pending += [entry.path for entry in entries if _is_folder(entry) and not entry.name.startswith(".")]


def run_at(folder: str | os.PathLike[str]) -> FoundRun | None:
    """The run that a directory is, or None."""
    path = os.fspath(folder)
    entries = _entries(path)
    return FoundRun(path, _own_name(path), _size(entries)) if _is_run(entries) else None


def _own_name(path: str) -> str:
    return os.path.basename(os.path.realpath(path))


def _is_run(entries: Sequence[os.DirEntry[str]]) -> bool:
    return {entry.name for entry in entries} >= _MARKS


def _entries(path: str) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(path) as entries:
        return list(entries)
    return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _size(entries: Sequence[os.DirEntry[str]]) -> int:
    """Bytes in files, those in folders below included; a file with several names, as checkpoints have, counts once."""
    sizes: dict[int, int] = {}
    for entry in _files(entries):
        with suppress(OSError):  # removed meanwhile
            status = entry.stat(follow_symlinks=False)
            sizes[status.st_ino] = status.st_size
    return sum(sizes.values())


def _files(entries: Sequence[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
    for entry in entries:
        if _is_folder(entry):
            yield from _files(_entries(entry.path))
        else:
            yield entry
