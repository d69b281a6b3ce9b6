"""Tar files in the WebDataset layout: which samples they hold and where, from their headers alone."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from fittool.data.files import reading
from fittool.data.images.image_folders import left_out, some_of
from fittool.errors import DataError, shown
from fittool.settings import nearest_name

_JSON = "json"
_LONGEST_TEXT, _LONGEST_JSON = 4096, 1 << 20
_LIKELY_KEYS = ("label", "class", "category", "target", "cls", "y", "name")
_SHOWN = 10


@dataclass(frozen=True)
class LabelForm:
    """The place of a sample's label.

    Attributes:
        ending: Of its member, in lower case.
        keys: The way to it in a JSON file, from the outermost mapping inwards.
    """

    ending: str
    keys: tuple[str, ...] = ()

    @classmethod
    def parse(cls, written: str) -> LabelForm:
        """`cls`, `txt`, or `json.label` for the entry `label` of a JSON file."""
        ending, _, keys = written.strip(" .").partition(".")
        if ending.lower() == _JSON:
            return cls(_JSON, tuple(keys.split(".")) if keys else ())
        return cls(written.strip(" .").lower())

    def read(self, archive: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> str:
        """The label in a member of the shard at `path`.

        Raises:
            DataError: It is too long, no text, or no JSON with such an entry.
        """
        most = _LONGEST_JSON if self.ending == _JSON else _LONGEST_TEXT
        called = f"The label {shown(info.name)}"
        if info.size > most:
            raise DataError(f"{called} has {info.size:,} bytes; a number or a name was expected.", place=shown(path))
        file = archive.extractfile(info)
        try:
            text = (b"" if file is None else file.read()).decode("utf-8").strip()
        except UnicodeDecodeError:
            raise DataError(f"{called} is no text.", place=shown(path)) from None
        if self.ending != _JSON:
            return text
        try:
            return self._entry(json.loads(text))
        except _WrongEntryError as error:
            raise DataError(f"{called} {error}", place=shown(path)) from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{called} is no JSON: {error}.", place=shown(path)) from error

    def _entry(self, value: Any) -> str:
        for depth, key in enumerate(self.keys):
            written = ".".join((_JSON, *self.keys[:depth]))
            if not isinstance(value, dict):
                raise _WrongEntryError(f"holds no mapping at {written}, so that there is no {key} in it.")
            if key not in value:
                raise _WrongEntryError(f"has no entry {key} at {written}. {_look_up(key, value)}")
            value = value[key]
        written = ".".join((_JSON, *self.keys))
        if isinstance(value, dict):
            near = next((key for key in _LIKELY_KEYS if key in value), next(iter(value), "KEY"))
            raise _WrongEntryError(f"holds a mapping at {written}. Set label to an entry of it, such as {written}.{near}.")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, list) or value is None or value != value:
            raise _WrongEntryError(f"holds {_in_words(value)} at {written}; a name or a number was expected.")
        return json.dumps(value) if isinstance(value, bool) else str(value).strip()


class _WrongEntryError(Exception):
    """A JSON file does not hold the label where it should."""


def _look_up(key: str, value: dict[str, Any]) -> str:
    near = nearest_name(key, list(value))
    return f"Did you mean {near}?" if near else f"There are {', '.join(map(shown, list(value)[:_SHOWN])) or 'none'}."


def _in_words(value: object) -> str:
    return "a list" if isinstance(value, list) else "null" if value is None else str(value)


@dataclass(frozen=True)
class Member:
    """A sample in a shard.

    Attributes:
        name: What its files are called, without their endings.
        offset: Where its image begins, in bytes.
        size: The image's length in bytes.
        label: The text of its label, or None where none is read.
    """

    name: str
    offset: int
    size: int
    label: str | None


@dataclass
class ShardContents:
    """The contents of a shard.

    Attributes:
        samples: In their order.
        dotted: Images that are left out, as a name is cut at its first dot.
        unpaired: Labels without an image.
        several: Samples with images of several endings, of which one counts.
    """

    samples: list[Member] = field(default_factory=list)
    dotted: list[str] = field(default_factory=list)
    unpaired: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)


_Images: TypeAlias = dict[str, tarfile.TarInfo]


@dataclass
class _Headers:
    """The members of a shard by what their files are called: up to the first dot, and, of other endings, up to the last."""

    images: _Images = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    dotted_images: _Images = field(default_factory=dict)
    dotted_labels: dict[str, str] = field(default_factory=dict)
    several: list[str] = field(default_factory=list)


def contents_of(path: Path, image: Sequence[str], label: LabelForm | None) -> ShardContents:
    """The samples of a shard; members with other endings are passed over.

    A name is cut at its first dot. One that then has another ending is cut at its last dot, if a label is called so too:
    `v1.0_00018.png` beside `v1.0_00018.cls`.

    Args:
        path: An uncompressed tar file.
        image: Endings of image members ("jpg").
        label: Which members are labels, or None.

    Raises:
        DataError: The file is no tar file, is cut short, or a sample has no label; with shard and sample.
    """
    headers = _read(path, image, label)
    dotted = {key: info for key, info in headers.dotted_images.items() if _is_sample(key, headers, label)}
    images = headers.images | dotted
    if dotted:
        images = dict(sorted(images.items(), key=lambda item: item[1].offset_data))
    labels = headers.labels | {key: text for key, text in headers.dotted_labels.items() if key in dotted}
    end, contents = path.stat().st_size, ShardContents(several=headers.several)
    for key, info in images.items():
        if info.offset_data + info.size > end:
            raise DataError(f"The shard is cut short: {shown(info.name)} reaches beyond its end.", place=shown(path))
        if label is not None and key not in labels:
            raise DataError(f"{shown(info.name)} has no label: there is no {shown(key)}.{label.ending}.", place=shown(path))
        contents.samples.append(Member(key, info.offset_data, info.size, labels.get(key)))
    left = {key: info for key, info in headers.dotted_images.items() if key not in dotted and _first_part(key) not in images}
    contents.dotted = [info.name for info in left.values()]
    known = {*images, *map(_first_part, left)}
    contents.unpaired = [f"{key}.{label.ending}" for key in labels if key not in known] if label is not None else []
    return contents


def _is_sample(key: str, headers: _Headers, label: LabelForm | None) -> bool:
    """True where an image that is called `key` up to its last dot is no second image of another sample, such as a mask."""
    return key in headers.dotted_labels if label is not None else _first_part(key) not in headers.images


def _read(path: Path, image: Sequence[str], label: LabelForm | None) -> _Headers:
    headers = _Headers()
    with reading(path):
        try:
            # Without decompression: images are read at their places later, and a compressed archive has none.
            with tarfile.open(path, "r:") as archive:
                for info in archive:
                    if info.isfile() and not _is_hidden(info.name):
                        _sort(archive, info, path, (image, label), headers)
                _check_end(path, archive.offset)
        except tarfile.ReadError as error:
            raise DataError(_cause(path, error), place=shown(path)) from error
    return headers


def _sort(
    archive: tarfile.TarFile,
    info: tarfile.TarInfo,
    path: Path,
    wanted: tuple[Sequence[str], LabelForm | None],
    headers: _Headers,
) -> None:
    """Note a member where it belongs."""
    image, label = wanted
    for (key, ending), images, labels in (
        (_cut(info.name, first=True), headers.images, headers.labels),
        (_cut(info.name, first=False), headers.dotted_images, headers.dotted_labels),
    ):
        if ending in image:
            if key in images and images[key].name != info.name and images is headers.images:
                headers.several.append(key)
            images[key] = info
            return
        if label is not None and ending == label.ending:
            labels[key] = label.read(archive, info, path)
            return


def _cut(name: str, *, first: bool) -> tuple[str, str]:
    """A member's name up to the first or the last dot of its last part, and its ending in lower case."""
    folder, slash, last = name.rpartition("/")
    stem, _, ending = last.partition(".") if first else last.rpartition(".")
    return f"{folder}{slash}{stem}", ending.lower()


def _first_part(key: str) -> str:
    return _cut(key, first=True)[0]


def _is_hidden(name: str) -> bool:
    """True where a member is hidden, as what macOS adds to archives is."""
    return name.rpartition("/")[2].startswith(".") or name.startswith("__MACOSX/")


def _check_end(path: Path, offset: int) -> None:
    """Refuse a shard whose headers stop before its end: a damaged or cut one would quietly lose the samples behind."""
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
    if block != bytes(tarfile.BLOCKSIZE):
        what = "is damaged" if len(block) == tarfile.BLOCKSIZE else "is cut short"
        text = f"The shard {what}: at byte {offset:,} there is neither a file nor the end mark of a tar file. Write it again."
        raise DataError(text, place=shown(path))


def remarks_on(shards: Sequence[ShardContents]) -> Iterator[str]:
    """Sentences on what is left out of some shards."""
    dotted = [name for shard in shards for name in shard.dotted]
    unpaired = [name for shard in shards for name in shard.unpaired]
    several = [name for shard in shards for name in shard.several]
    if dotted:
        text = left_out(dotted, "image", "images")
        yield f"{text} A sample is called as its files are up to their first dot; write the rest as image, or rename them."
    if unpaired:
        yield left_out(unpaired, "label without an image", "labels without an image")
    if several:
        samples = "1 sample has" if len(several) == 1 else f"{len(several):,} samples have"
        yield f"{samples} several images, of which the last is read: {some_of(several)}."


def _cause(path: Path, error: tarfile.ReadError) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b" or start[:3] == b"BZh" or start == b"\xfd7zX" or start == b"\x28\xb5\x2f\xfd":
        return "The shard is compressed, so that samples cannot be read by themselves. Write it as a plain tar file."
    return f"This is no whole tar file: {error}."
