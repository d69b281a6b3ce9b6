"""Tar files in the WebDataset layout: which samples they hold and where, from their headers alone."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fittool.data.files import reading
from fittool.errors import DataError, shown

_LONGEST_LABEL = 4096


@dataclass(frozen=True)
class Member:
    """A sample in a shard.

    Attributes:
        name: What its files are called up to the first dot.
        offset: Where its image begins, in bytes.
        size: The image's length in bytes.
        label: The text of its label, or None where none is read.
    """

    name: str
    offset: int
    size: int
    label: str | None


def members_of(path: Path, image: Sequence[str], label: str | None) -> Iterator[Member]:
    """The samples of a shard in their order; members with other endings are passed over.

    Args:
        path: An uncompressed tar file.
        image: Endings of image members ("jpg").
        label: Ending of label members ("cls"), or None.

    Raises:
        DataError: The file is no tar file, is cut short, or a sample has no label; with shard and sample.
    """
    images: dict[str, tarfile.TarInfo] = {}
    labels: dict[str, str] = {}
    with reading(path):
        try:
            with tarfile.open(path, "r:") as archive:
                for info in archive:
                    key, _, ending = _parts(info.name)
                    if not info.isfile() or not ending:
                        continue
                    if ending in image:
                        images[key] = info
                    elif ending == label:
                        labels[key] = _label(archive, info, path)
                _check_end(path, archive.offset)
        except tarfile.ReadError as error:
            raise DataError(_cause(path, error), place=shown(path)) from error
    end = path.stat().st_size
    for key, info in images.items():
        if info.offset_data + info.size > end:
            raise DataError(f"The shard is cut short: {shown(info.name)} reaches beyond its end.", place=shown(path))
        if label is not None and key not in labels:
            raise DataError(f"{shown(info.name)} has no label: there is no {shown(key)}.{label}.", place=shown(path))
        yield Member(key, info.offset_data, info.size, labels.get(key))


def _check_end(path: Path, offset: int) -> None:
    """Refuse a shard whose headers stop before its end: a damaged or cut one would quietly lose the samples behind."""
    with path.open("rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
    if block != bytes(tarfile.BLOCKSIZE):
        what = "is damaged" if len(block) == tarfile.BLOCKSIZE else "is cut short"
        text = f"The shard {what}: at byte {offset:,} there is neither a file nor the end mark of a tar file. Write it again."
        raise DataError(text, place=shown(path))


def _parts(name: str) -> tuple[str, str, str]:
    """A member's name up to the first dot of its last part, the dot, and its ending in lower case."""
    folder, slash, last = name.rpartition("/")
    stem, dot, ending = last.partition(".")
    return f"{folder}{slash}{stem}", dot, ending.lower()


def _label(archive: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> str:
    if info.size > _LONGEST_LABEL:
        raise DataError(
            f"The label {shown(info.name)} has {info.size:,} bytes; a number or a name was expected.", place=shown(path)
        )
    file = archive.extractfile(info)
    content = b"" if file is None else file.read()
    try:
        return content.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise DataError(f"The label {shown(info.name)} is no text.", place=shown(path)) from None


def _cause(path: Path, error: tarfile.ReadError) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] == b"\x1f\x8b" or start[:3] == b"BZh" or start == b"\xfd7zX" or start == b"\x28\xb5\x2f\xfd":
        return "The shard is compressed, so that samples cannot be read by themselves. Write it as a plain tar file."
    return f"This is no whole tar file: {error}."
