"""Finds the image files that a table names: as they are written, or without their ending, or with it in other case."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property

from fittool.data.images.image_names import is_image_name
from fittool.errors import shown
from fittool.settings import nearest_name

_MOST_COMPARED = 5_000


class ImageLookup:
    """The files below a folder, by the names that a table gives them.

    Args:
        root: Where relative names begin.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._listed: dict[str, dict[str, list[str]]] = {}

    def find(self, name: str) -> list[str]:
        """The files that a name may stand for, relative to the root as the name is; one is the answer, none is missing.

        A name as it is written comes first; then one with blanks around it or Windows's separators; then those files that have an
        ending of an image more, or the same one in other case.
        """
        if self._is_file(name):
            return [name]
        plain = name.strip().replace("\\", os.sep)
        if plain != name and self._is_file(plain):
            return [plain]
        folder, last = os.path.split(plain)
        if not last:
            return []
        found = list(self._by_stem(folder).get(last, ()))
        stem, ending = os.path.splitext(last)
        found += [file for file in self._by_stem(folder).get(stem, ()) if os.path.splitext(file)[1].lower() == ending.lower()]
        return [os.path.join(folder, file) for file in found]

    def resolved(self, name: str) -> str:
        """The only file that a name may stand for; the name itself where there is none, or several."""
        found = self.find(name)
        return found[0] if len(found) == 1 else name

    def problem(self, name: str) -> str | None:
        """The problem with a name, with the file that is most likely meant, or None."""
        found = self.find(name)
        if len(found) == 1:
            return None
        if found:
            return f"{shown(name)} may be {' or '.join(map(shown, found))}. Write the ending."
        return f"there is no file {shown(os.path.join(self.root, name))}.{self._hint(name)}"

    def _is_file(self, name: str) -> bool:
        try:
            return os.path.isfile(os.path.join(self.root, name))
        except ValueError:  # a NUL in it
            return False

    def _by_stem(self, folder: str) -> dict[str, list[str]]:
        """The images in a folder by their names without ending."""
        if folder not in self._listed:
            by_stem: dict[str, list[str]] = {}
            for name in _entries_in(os.path.join(self.root, folder), folders=False):
                if is_image_name(name):
                    by_stem.setdefault(os.path.splitext(name)[0], []).append(name)
            self._listed[folder] = {stem: sorted(names) for stem, names in by_stem.items()}
        return self._listed[folder]

    @cached_property
    def _folders(self) -> list[str]:
        return _entries_in(self.root, folders=True)

    def _hint(self, name: str) -> str:
        """A sentence about a file of that name in a folder beside, or of a similar name, or ""."""
        if not os.path.isabs(name):
            for folder in self._folders:
                if len(found := self.find(os.path.join(folder, name))) == 1:
                    return f" There is {shown(os.path.join(self.root, found[0]))}: do the names begin in {shown(folder)}?"
        folder, last = os.path.split(name)
        others = [file for files in self._by_stem(folder).values() for file in files]
        near = nearest_name(last, others) if len(others) <= _MOST_COMPARED else None
        return f" Did you mean {shown(near)}?" if near else ""


def _entries_in(folder: str, *, folders: bool) -> list[str]:
    """The folders in a folder, or the files, sorted; none where it cannot be read."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                with suppress(OSError):  # a link to itself
                    if entry.is_dir() if folders else entry.is_file():
                        found.append(entry.name)
    except (OSError, ValueError):
        return []
    return sorted(found)


def folder_of_images(table_folder: str, names: list[str]) -> str | None:
    """The folder below that of a table in which the first names are found: "" for the table's own; None where there is none.

    Args:
        table_folder: Where the table is.
        names: Some cells of a column.
    """
    folders = ["", *_entries_in(table_folder or ".", folders=True)]
    counts = {folder: _count(os.path.join(table_folder, folder), names) for folder in folders}
    best = max(folders, key=lambda folder: counts[folder])
    return best if counts[best] * 2 > len(names) else None


def _count(root: str, names: list[str]) -> int:
    lookup = ImageLookup(root)
    return sum(is_image_name(file) for name in names for file in lookup.find(name)[:1])
