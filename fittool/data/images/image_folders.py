"""The contents of folders of images: the images, and everything that is left out, so that it can be told.

Links to class folders are followed, as Keras does; links to folders within them where that is asked for. No link is followed that
leads to a folder which holds it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, TypeAlias

from fittool.data.images.image_names import is_image_file, is_image_name
from fittool.errors import DataError, shown

_LEFTOVERS = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
_HIDDEN_LEFTOVERS = ("._", ".DS_Store", ".ipynb_checkpoints", ".git", ".Trash", ".directory", ".thumbnails")
_TRAINING = frozenset({"train", "training", "trainset", "train_set"})
_OTHER_PARTS = frozenset({"val", "valid", "validation", "validate", "dev", "test", "testing", "eval", "evaluation", "holdout"})
_SHOWN = 3

_Identity: TypeAlias = tuple[int, int]


@dataclass
class Listing:
    """The files in a folder and all folders in it, relative to the root, each list sorted by bytes.

    Attributes:
        images: Those that count.
        others: Files that are no images.
        nowhere: Links that lead to nothing.
        not_followed: Links to folders that were not asked to be followed.
        loops: Links to folders that hold them.
        hidden: Images and folders whose names begin with a dot.
        special: Pipes, devices and sockets that are called like images.
    """

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    nowhere: list[str] = field(default_factory=list)
    not_followed: list[str] = field(default_factory=list)
    loops: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)

    def sort(self) -> Listing:
        """The same listing, once its lists are sorted."""
        for one in fields(self):
            getattr(self, one.name).sort(key=os.fsencode)
        return self

    def told(self) -> list[str]:
        """A sentence for each kind of thing that is left out."""
        kinds = [
            (self.others, "file that is no image", "files that are no images", "by the ending of its name"),
            (self.nowhere, "link that leads nowhere", "links that lead nowhere", ""),
            (self.loops, "link to a folder that holds it", "links to folders that hold them", ""),
            (self.hidden, "hidden image or folder", "hidden images or folders", "its name begins with a dot"),
            (self.special, "pipe, device or socket", "pipes, devices or sockets", ""),
        ]
        texts = [left_out(names, one, several, why) for names, one, several, why in kinds if names]
        if self.not_followed:
            links = "1 link to a folder is" if len(self.not_followed) == 1 else f"{len(self.not_followed):,} links to folders are"
            texts.append(f"{links} not followed: {some_of(self.not_followed)}. Set follow_links to true to have it followed.")
        return texts


def left_out(names: Sequence[str], one: str, several: str, why: str = "") -> str:
    """A sentence such as `2 files that are no images are left out: a/notes.txt, b/labels.json`."""
    amount = f"1 {one} is" if len(names) == 1 else f"{len(names):,} {several} are"
    return f"{amount} left out{f' ({why})' if why and len(names) == 1 else ''}: {some_of(names)}."


def some_of(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(map(shown, names[:_SHOWN])) + more


def merge(listings: Sequence[Listing]) -> Listing:
    """Several listings as one, in their order."""
    whole = Listing()
    for listing in listings:
        for one in fields(listing):
            getattr(whole, one.name).extend(getattr(listing, one.name))
    return whole


@dataclass(frozen=True)
class ClassFolders:
    """The folders in a folder.

    Attributes:
        names: Of folders, and of links to such, sorted by bytes.
        beside: What else is in it: images that belong to no class, other files, links that lead nowhere or to a folder that
            holds them.
    """

    names: tuple[str, ...]
    beside: Listing

    def told(self) -> list[str]:
        """A sentence for each kind of thing that is left out, or odd."""
        texts = [left_out(self.beside.images, "image beside the class folders", "images beside the class folders")]
        rest = Listing(nowhere=self.beside.nowhere, loops=self.beside.loops, hidden=self.beside.hidden)
        return [*(texts if self.beside.images else []), *rest.told(), *parts_as_classes(self.names)]


def class_folders_in(root: Path) -> ClassFolders:
    """The class folders in a folder; leftovers of other systems are passed over."""
    above = _holders(str(root))
    names: list[str] = []
    beside = Listing()
    for entry in _entries(str(root), "", beside):
        kind = _kind(entry)
        if kind == "folder":
            (beside.loops if _identity(entry.path) in above else names).append(entry.name)
        elif kind == "nothing":
            beside.nowhere.append(entry.name)
        elif kind == "file":
            (beside.images if is_image_name(entry.name) else beside.others).append(entry.name)
    return ClassFolders(tuple(sorted(names, key=os.fsencode)), beside.sort())


def images_below(root: Path, folder: str, follow_links: bool) -> Listing:
    """The images in a folder and all folders in it.

    Args:
        root: Where the names begin.
        folder: In `root`; "" for itself, whose own links to folders are followed as those of class folders are.
        follow_links: Whether links to folders are followed in all others too.

    Raises:
        DataError: A folder cannot be read.
    """
    listing = Listing()
    _walk(str(root), folder, follow_links, _holders(str(root)), listing)
    return listing.sort()


def _walk(root: str, folder: str, follow_links: bool, above: frozenset[_Identity], listing: Listing) -> None:
    # Those on the way down, not all that were seen: two links to one folder are no loop.
    above |= {_identity(os.path.join(root, folder))}
    for entry in _entries(root, folder, listing):
        name, kind = os.path.join(folder, entry.name), _kind(entry)
        if kind == "folder":
            if entry.is_symlink() and _identity(entry.path) in above:
                listing.loops.append(name)
            elif entry.is_symlink() and folder and not follow_links:
                listing.not_followed.append(name)
            else:
                _walk(root, name, follow_links, above, listing)
        elif kind == "file":
            (listing.images if is_image_file(entry.path) else listing.others).append(name)
        elif kind == "nothing":
            listing.nowhere.append(name)
        elif is_image_name(name):
            listing.special.append(name)


def _entries(root: str, folder: str, listing: Listing) -> Iterator[os.DirEntry[str]]:
    """The contents of a folder, but for leftovers; what is hidden beside them is noted."""
    path = os.path.join(root, folder)
    try:
        with os.scandir(path) as entries:
            # Read to the end before the walk goes deeper, so that no descriptor stays open for each level.
            found = list(entries)
    except OSError as error:
        raise DataError(f"The folder cannot be read: {error.strerror}.", place=shown(path)) from error
    for entry in found:
        if not entry.name.startswith("."):
            if entry.name not in _LEFTOVERS:
                yield entry
        elif not entry.name.startswith(_HIDDEN_LEFTOVERS) and (entry.is_dir() or is_image_name(entry.name)):
            listing.hidden.append(os.path.join(folder, entry.name))


def _kind(entry: os.DirEntry[str]) -> Literal["folder", "file", "nothing", "special"]:
    """The kind of an entry, or of what its link leads to; `nothing` also where the link leads to itself."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
        return "special" if os.path.exists(entry.path) else "nothing"
    except OSError:
        return "nothing"


def _holders(root: str) -> frozenset[_Identity]:
    """A folder and all that it lies in."""
    path = os.path.realpath(root)
    found = {_identity(path)}
    while (parent := os.path.dirname(path)) != path:
        path = parent
        found.add(_identity(path))
    return frozenset(found)


def _identity(path: str) -> _Identity:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def parts_as_classes(names: Sequence[str]) -> list[str]:
    """A sentence where folders of classes are called as parts of the data, or none."""
    training = [name for name in names if name.lower() in _TRAINING]
    others = [name for name in names if name.lower() in _OTHER_PARTS]
    if not training or not others:
        return []
    return [
        f"The folders {', '.join(map(shown, (*training, *others)))} count as classes here, but are called as parts of the data. "
        f"Set the path to {shown(training[0])} in it, and give {shown(others[0])} to data.validation."
    ]


def same_folders(root: Path, names: Sequence[str]) -> list[str]:
    """A sentence where two class folders are one and the same, through a link, or none."""
    known: dict[_Identity, str] = {}
    texts = []
    for name in names:
        first = known.setdefault(_identity(str(root / name)), name)
        if first != name:
            texts.append(
                f"The class folders {shown(first)} and {shown(name)} are the same folder, so each image has two classes."
            )
    return texts
