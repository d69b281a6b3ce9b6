"""The source `folder`: image files, a folder for each class."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.sources.base import Source, SourceContext
from fittool.errors import DataError, ExperimentError, Problem, shown
from fittool.settings import Boolean, Field, Text, nearest_name, setting

if TYPE_CHECKING:
    from fittool.data.dataset import Dataset
    from fittool.data.images.image_files import ImageFiles

_IGNORED = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})


@setting
class FolderSource(Source):
    """Image files in one folder a class; the folder's name is the class's."""

    reads_images: ClassVar[bool] = True

    path: Text = Field(min_length=1, description="The folder that holds the folders of classes.")
    classes: list[Text] | None = Field(
        default=None, min_length=1, description="Folders of classes in the order of their numbers; by default all, sorted."
    )
    follow_links: Boolean = Field(default=False, description="Whether links to folders are followed; links to files always are.")

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "folder"

    def open(self, context: SourceContext) -> ImageFiles:
        """List the files; each is decoded when it is asked for, or here once with `on_bad_file: skip`.

        Raises:
            DataError: The folder is missing, has no class folders, or one of them is empty or unknown to training.
            ExperimentError: `classes` names one twice.
        """
        from fittool.data.files import existing_folder
        from fittool.data.images.image_files import files_of
        from fittool.data.targets import from_class_numbers, no_targets

        root = existing_folder(context.path(self.path))
        names = self._class_names(root, context)
        if names is None:
            files, targets = files_below(root, "", self.follow_links), no_targets(context.class_mode)
            if not files:
                raise DataError("The folder holds no files.", place=shown(root))
        else:
            listed = [files_below(root, name, self.follow_links) for name in names]
            _check_not_empty(root, names, listed)
            files = [file for members in listed for file in members]
            numbers = [(context.class_names or names).index(name) for name in names]
            labels = np.repeat(np.array(numbers, np.int64), [len(members) for members in listed])
            targets = from_class_numbers(labels, context.class_names or names, context.class_mode, shown(root))
        return files_of(str(root), files, targets, None, context, grouped_by_class=names is not None)

    def groups(self, group: str, dataset: Dataset, context: SourceContext) -> NDArray[np.str_]:
        """The part of each file's path, below the folder, that a pattern finds: its first parentheses, else all of it.

        Raises:
            DataError: The pattern is none, or finds nothing in a path.
        """
        from fittool.data.images.image_files import ImageFiles

        assert isinstance(dataset, ImageFiles)
        try:
            pattern = re.compile(group)
        except re.error as error:
            raise DataError(f"group: {group!r} is no regular expression: {error}.") from None
        found = []
        for name in dataset.names:
            match = pattern.search(name)
            if match is None or match[pattern.groups and 1] is None:
                raise DataError(f"group: {group!r} finds nothing in {shown(name)}. Each path must belong to a group.")
            found.append(match[1] if pattern.groups else match[0])
        return np.array(found)

    def _class_names(self, root: Path, context: SourceContext) -> tuple[str, ...] | None:
        """The class folders, or None where labels are not needed."""
        from fittool.data.targets import reads_labels

        if not reads_labels(context.class_mode):
            return None
        found = class_folders(root, self.follow_links)
        if not found:
            raise DataError(_no_class_folders(root, self.follow_links), place=shown(root))
        names = found if self.classes is None else tuple(self.classes)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ExperimentError(f"folder: classes names {twice!r} more than once. Each class has one number; name it once.")
        _check_known(root, names, found, "There is no folder for the class {name!r}.")
        if context.class_names is not None:
            _check_known(root, names, context.class_names, "The training data have no class {name!r}.")
        elif len(names) == 1:
            text = f"There is one class only, {names[0]!r}, so there is nothing to learn. Add a folder for another class."
            raise DataError(text, place=shown(root))
        return names


def class_folders(root: Path, follow_links: bool) -> tuple[str, ...]:
    """The names of the folders in a folder, sorted by bytes; hidden ones and leftovers of other systems are ignored."""
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if _counts(entry.name) and entry.is_dir(follow_symlinks=follow_links)]
    return tuple(sorted(names, key=os.fsencode))


def files_below(root: Path, folder: str, follow_links: bool) -> list[str]:
    """The regular files in a folder and all folders in it, relative to `root`, sorted by bytes."""
    found = list(_walk(str(root), folder, follow_links, frozenset()))
    return sorted(found, key=os.fsencode)


def _walk(root: str, folder: str, follow_links: bool, above: frozenset[tuple[int, int]]) -> Iterator[str]:
    path = os.path.join(root, folder)
    if follow_links:
        status = os.stat(path)
        here = (status.st_dev, status.st_ino)
        if here in above:
            return
        above |= {here}
    try:
        with os.scandir(path) as entries:
            listed = [entry for entry in entries if _counts(entry.name)]
    except OSError as error:
        raise DataError(f"The folder cannot be read: {error.strerror}.", place=shown(path)) from error
    for entry in listed:
        if entry.is_dir(follow_symlinks=follow_links):
            yield from _walk(root, os.path.join(folder, entry.name), follow_links, above)
        elif entry.is_file():
            yield os.path.join(folder, entry.name)


def _counts(name: str) -> bool:
    return not name.startswith(".") and name not in _IGNORED


def _no_class_folders(root: Path, follow_links: bool) -> str:
    if files_below(root, "", follow_links):
        return "The folder holds files, but no class folders. Put the images of each class into a folder with the class's name."
    return "The folder is empty; a folder with images for each class was expected."


def _check_known(root: Path, names: Sequence[str], known: Sequence[str], text: str) -> None:
    problems = []
    for name in names:
        if name not in known:
            near = nearest_name(name, list(known))
            mend = f"Did you mean {near}?" if near else f"Known are {', '.join(known[:10])}{', …' if len(known) > 10 else ''}."
            problems.append(Problem(f"{text.format(name=name)} {mend}", shown(root)))
    if problems:
        raise DataError(problems)


def _check_not_empty(root: Path, names: Sequence[str], listed: Sequence[list[str]]) -> None:
    empty = [name for name, members in zip(names, listed, strict=True) if not members]
    if empty:
        text = "The class folder is empty. Put images into it, or remove it."
        raise DataError([Problem(text, shown(root / name)) for name in empty])
