"""Reads a safetensors file that nobody vouches for: everything is checked before memory is taken, and it is read once.

The file: 8 bytes header length (little-endian), JSON header, tensor bytes. The safetensors library would map the file and
trust that it stays; here the bytes that are checked are the bytes that are used.
"""

from __future__ import annotations

import math
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fittool.errors import visible
from fittool.runs.files.file_types import foreign_kind
from fittool.runs.files.json_text import from_json

LENGTH_BYTES = 8
"""The size of the header length, which begins the file."""
_LONGEST_HEADER = 16 * 2**20
_MOST_TENSORS = 100_000
_LONGEST_NAME = 512
_HIGHEST_RANK = 16
_LARGEST_INTEGER = 2**53
_MAGIC_BYTES = 300

DTYPES = {
    name: np.dtype(code)
    for name, code in {
        "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
        "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
    }.items()
}  # fmt: skip
"""The dtypes that a file may hold, by safetensors's names."""


class RefusedError(ValueError):
    """The file is not what it must be; the text is the cause, a clause without its subject."""


@dataclass(frozen=True)
class TensorEntry:
    """One tensor as the header announces it; `begin` and `end` are bytes from the end of the header."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class SafetensorsFile:
    """A whole file in memory, its header checked against its length.

    Attributes:
        header: The header's bytes, as they are hashed.
        metadata: The texts under `__metadata__`.
        entries: The tensors in the order of their bytes.
        body: (B,) uint8, all tensor bytes.
    """

    header: bytes
    metadata: Mapping[str, str]
    entries: tuple[TensorEntry, ...]
    body: NDArray[np.uint8]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors by name, read-only; views of the body wherever the bytes are aligned.

        Raises:
            RefusedError: A boolean is neither 0 nor 1.
        """
        return {entry.name: self._tensor(entry) for entry in self.entries}

    def _tensor(self, entry: TensorEntry) -> NDArray[Any]:
        raw = self.body[entry.begin : entry.end]
        if entry.dtype == np.bool_ and raw.max(initial=0) > 1:
            raise RefusedError(f"has a boolean in {visible(entry.name)} that is neither 0 nor 1")
        array = np.require(raw.view(entry.dtype).reshape(entry.shape), requirements="A")
        array.flags.writeable = False
        return array


def read_safetensors(path: Path) -> SafetensorsFile:
    """Read a file as a whole.

    Raises:
        RefusedError: It is no whole safetensors file, or cannot be read.
    """
    try:
        # Non-blocking, because opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb", buffering=0) as file:
            return _read(file, _size(os.fstat(descriptor)))
    except OSError as error:
        raise RefusedError(f"cannot be read: {visible(error.strerror or str(error))}") from error


def _size(status: os.stat_result) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("is not a regular file")
    if not status.st_size:
        raise RefusedError("is empty: did the machine lose power while it was saved?")
    return status.st_size


def _read(file: BinaryIO, size: int) -> SafetensorsFile:
    head = _exactly(file, min(LENGTH_BYTES, size)).tobytes()
    (length,) = struct.unpack("<Q", head.ljust(LENGTH_BYTES, b"\0"))
    if not 2 <= length <= min(_LONGEST_HEADER, size - LENGTH_BYTES):
        more = _exactly(file, min(_MAGIC_BYTES, size) - len(head))
        raise RefusedError(_no_header(head + more.tobytes(), length, size))
    header = _exactly(file, length).tobytes()
    metadata, entries = parse_header(header, size - LENGTH_BYTES - length)
    body = _exactly(file, size - LENGTH_BYTES - length)
    if file.read(1):
        raise RefusedError("grew while it was read")
    return SafetensorsFile(header, metadata, entries, body)


def _exactly(file: BinaryIO, count: int) -> NDArray[np.uint8]:
    array = np.empty(count, np.uint8)
    rest = array.data
    while len(rest):
        got = file.readinto(rest)  # type: ignore[attr-defined]  # an unbuffered file has it; typeshed's BinaryIO does not
        if not got:
            raise RefusedError("became shorter while it was read")
        rest = rest[got:]
    return array


def _no_header(head: bytes, length: int, size: int) -> str:
    if not any(head):
        return "begins with zeros: did the machine lose power while it was saved?"
    if kind := foreign_kind(head):
        return f"is {kind}, which fittool does not open; it reads only its own .safetensors files"
    if size < LENGTH_BYTES:
        return f"is not a safetensors file: it has {size} bytes"
    if length > size - LENGTH_BYTES and length <= _LONGEST_HEADER:
        return f"is cut off: its header alone has {length:,} bytes, the file {size:,}"
    return f"is not a safetensors file: a header of {length:,} bytes is impossible"


def parse_header(header: bytes, body_bytes: int) -> tuple[dict[str, str], tuple[TensorEntry, ...]]:
    """Check a header against the number of tensor bytes behind it.

    Raises:
        RefusedError: Anything in it is not as safetensors's format says.
    """
    if not header.startswith(b"{"):
        raise RefusedError("is not a safetensors file: its header does not begin with {")
    try:
        content = from_json(header)
    except ValueError as error:
        raise RefusedError(f"has a damaged header: {visible(str(error))}") from None
    if not isinstance(content, dict):
        raise RefusedError("has a damaged header: it is not a mapping")
    metadata = _metadata(content.pop("__metadata__", {}))
    if len(content) > _MOST_TENSORS:
        raise RefusedError(f"announces {len(content):,} tensors; at most {_MOST_TENSORS:,} are read")
    entries = sorted((_entry(name, entry) for name, entry in content.items()), key=lambda entry: (entry.begin, entry.end))
    _check_contiguous(entries, body_bytes)
    return metadata, tuple(entries)


def _metadata(found: object) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise RefusedError("has a damaged header: its __metadata__ is not a mapping of texts")
    return found


def _entry(name: str, found: object) -> TensorEntry:
    if not name.isprintable() or not 0 < len(name.encode()) <= _LONGEST_NAME:
        raise RefusedError(f"has a tensor with the impossible name {visible(name[:60])}")
    if not isinstance(found, dict) or set(found) != {"dtype", "shape", "data_offsets"}:
        raise RefusedError(f"has a damaged header: {name} must have dtype, shape and data_offsets, nothing else")
    dtype = DTYPES.get(found["dtype"]) if isinstance(found["dtype"], str) else None
    if dtype is None:
        raise RefusedError(f"has the tensor {name} in the dtype {visible(str(found['dtype'])[:20])}, which fittool does not know")
    shape, offsets = _integers(name, "shape", found["shape"]), _integers(name, "data_offsets", found["data_offsets"])
    if len(shape) > _HIGHEST_RANK or len(offsets) != 2:
        raise RefusedError(f"has a damaged header: {name} has {len(shape)} axes and {len(offsets)} offsets")
    needed, given = math.prod(shape) * dtype.itemsize, offsets[1] - offsets[0]
    if needed != given:
        raise RefusedError(f"has a damaged header: {name} needs {needed} bytes, not {given}")
    return TensorEntry(name, dtype, shape, *offsets)


def _integers(name: str, key: str, found: object) -> tuple[int, ...]:
    if not isinstance(found, list) or not all(type(number) is int and 0 <= number < _LARGEST_INTEGER for number in found):
        raise RefusedError(f"has a damaged header: {key} of {name} must be a list of whole numbers that are not negative")
    return tuple(found)


def _check_contiguous(entries: list[TensorEntry], body_bytes: int) -> None:
    position = 0
    for entry in entries:
        if entry.begin != position:
            raise RefusedError(f"has a damaged header: {entry.name} begins at byte {entry.begin}, expected {position}")
        position = entry.end
    if position != body_bytes:
        what = "is cut off" if position > body_bytes else "has something behind its end"
        raise RefusedError(f"{what}: its header announces {position:,} tensor bytes, there are {body_bytes:,}")
