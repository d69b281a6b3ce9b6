"""The source `folder`: image files, a folder for each class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from fittool.data.images.image_folders import ClassFolders, Listing, class_folders_in, images_below, merge, same_folders, some_of
from fittool.data.sources.base import Source, SourceContext
from fittool.errors import DataError, ExperimentError, Problem, shown
from fittool.settings import Boolean, Field, Text, nearest_name, setting

if TYPE_CHECKING:
    from fittool.data.dataset import Dataset
    from fittool.data.images.image_files import ImageFiles


@setting
class FolderSource(Source):
    """Image files in one folder a class; the folder's name is the class's."""

    reads_images: ClassVar[bool] = True

    path: Text = Field(min_length=1, description="The folder that holds the folders of classes.")
    classes: list[Text] | None = Field(
        default=None, min_length=1, description="Folders of classes in the order of their numbers; by default all, sorted."
    )
    follow_links: Boolean = Field(
        default=False,
        description="Whether links to folders within class folders are followed; class folders and files that are links always "
        "are.",
    )

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
        found = class_folders_in(root)
        names = self._class_names(root, found, context)
        if names is None:
            listing, targets = images_below(root, "", self.follow_links), no_targets(context.class_mode)
            _check_not_empty(root, [""], [listing])
            listings, odd = [listing], []
        else:
            listings = [images_below(root, name, self.follow_links) for name in names]
            _check_not_empty(root, names, listings)
            numbers = [(context.class_names or names).index(name) for name in names]
            labels = np.repeat(np.array(numbers, np.int64), [len(listing.images) for listing in listings])
            targets = from_class_numbers(labels, context.class_names or names, context.class_mode, shown(root))
            odd = [*found.told(), *same_folders(root, names)]
        images = [image for listing in listings for image in listing.images]
        files = files_of(str(root), images, targets, None, context, grouped_by_class=names is not None)
        files.remarks = (*odd, *merge(listings).told(), *files.remarks)
        return files

    def groups(self, group: str, dataset: Dataset, context: SourceContext) -> NDArray[np.str_]:
        """(N,) the part of each file's path, below the folder, that a pattern finds: its first parentheses, else all of it.

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

    def _class_names(self, root: Path, folders: ClassFolders, context: SourceContext) -> tuple[str, ...] | None:
        """The class folders, or None where labels are not needed."""
        from fittool.data.targets import reads_labels

        if not reads_labels(context.class_mode):
            return None
        found = folders.names
        if not found:
            raise DataError(_no_class_folders(root, folders), place=shown(root))
        names = found if self.classes is None else tuple(self.classes)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ExperimentError(f"folder: classes names {twice!r} more than once. Each class has one number; name it once.")
        _check_known(root, names, found, "There is no folder for the class {name!r}.")
        if context.class_names is not None:
            _check_known(root, names, context.class_names, "The training data have no class {name!r}.")
        elif len(names) == 1:
            text = f"There is one class only, {names[0]!r}, so there is nothing to learn. {_mend_of_one_class(root, folders)}"
            raise DataError(text, place=shown(root))
        return names


def class_folders(root: Path) -> tuple[str, ...]:
    """The names of the folders in a folder, and of links to folders; sorted by bytes, without leftovers of other systems."""
    return class_folders_in(root).names


def files_below(root: Path, folder: str, follow_links: bool) -> list[str]:
    """The image files in a folder and all folders in it, relative to `root`, sorted by bytes."""
    return images_below(root, folder, follow_links).images


def _no_class_folders(root: Path, folders: ClassFolders) -> str:
    told = "".join(f" {text}" for text in folders.beside.told())
    if folders.beside.images:
        return (
            "The folder holds files, but no class folders. Put the images of each class into a folder with the class's name."
            f"{told}"
        )
    found = "holds no folders" if folders.beside.others else "is empty"
    return f"The folder {found}; a folder with images for each class was expected.{told}"


def _mend_of_one_class(root: Path, folders: ClassFolders) -> str:
    """The advice where there is one class only: what is below it may be the classes, and a link beside it may lead nowhere."""
    if len(folders.names) == 1:
        below = class_folders_in(root / folders.names[0]).names
        if len(below) > 1:
            inside = shown(root / folders.names[0])
            return f"Is {inside} meant, which holds the folders {some_of(below)}? Set path to it."
    told = "".join(f" {text}" for text in folders.told())
    return f"Add a folder for another class.{told}"


def _check_known(root: Path, names: Sequence[str], known: Sequence[str], text: str) -> None:
    problems = []
    for name in names:
        if name not in known:
            near = nearest_name(name, list(known))
            mend = f"Did you mean {near}?" if near else f"Known are {', '.join(known[:10])}{', …' if len(known) > 10 else ''}."
            problems.append(Problem(f"{text.format(name=name)} {mend}", shown(root)))
    if problems:
        raise DataError(problems)


def _check_not_empty(root: Path, names: Sequence[str], listings: Sequence[Listing]) -> None:
    """Refuse folders without an image.

    Raises:
        DataError: One problem for each, which says what is in it instead.
    """
    problems = [
        Problem(f"{_empty(name, listing)} Put images into it, or remove it.", shown(root / name))
        for name, listing in zip(names, listings, strict=True)
        if not listing.images
    ]
    if problems:
        raise DataError(problems)


def _empty(name: str, listing: Listing) -> str:
    what = "class folder" if name else "folder"
    told = listing.told()
    return f"The {what} holds no images. {' '.join(told)}" if told else f"The {what} is empty."
