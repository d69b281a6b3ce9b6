"""Reads a safetensors file that nobody vouches for: once, as a whole, and what it announces is checked before memory is taken.

The file: 8 bytes header length (little-endian), JSON header, tensor bytes. The library parses the very bytes that were hashed; it
would map a path and trust that the file stays. It refuses sizes that are none, holes, overlaps and overruns. It accepts a name
that comes twice, unknown keys, booleans of 2 and names that garble a terminal, so these are refused here.
"""

from __future__ import annotations

import math
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fittool.errors import visible
from fittool.runs.files.json_text import from_json

# Model files of other programs are told by their first bytes and not opened any further: they may hold code.
_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras's .h5"),
    (b"\x93NUMPY", "a NumPy .npy array"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"GGUF", "a GGUF model"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
)
_ZIP = b"PK\x03\x04"
_PICKLE_PROTOCOLS = (2, 3, 4, 5)
_FEWEST_BYTES = 2
_TAR, _TAR_PLACE = b"ustar", 257
_LARGEST_EMPTY = 2**48
"""The product of the other axes of a tensor without elements; NumPy cannot count many more."""


def foreign_kind(head: bytes) -> str:
    """The kind of a file that is no safetensors file.

    Args:
        head: The first bytes of the file; 300 are enough.

    Returns:
        A noun phrase such as "a pickle", or "" where nothing is recognised.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(_ZIP):
        return _zip_kind(head)
    if len(head) >= _FEWEST_BYTES and head[0] == 0x80 and head[1] in _PICKLE_PROTOCOLS:  # PROTO, the first opcode
        return "a pickle, as PyTorch's old .pt files and joblib's"
    if head[_TAR_PLACE:].startswith(_TAR):
        return "a tar archive, as PyTorch's files of before 2018"
    return ""


def _zip_kind(head: bytes) -> str:
    """By the name of the first member, which stands behind the 30 bytes of its local header (PKWARE's APPNOTE, 4.3.7)."""
    if len(head) < 30:
        return "a zip archive"
    (length,) = struct.unpack_from("<H", head, 26)
    member = head[30 : 30 + length]
    if member.endswith(b".npy"):
        return "a NumPy .npz archive"
    if member.endswith((b"data.pkl", b".format_version", b".storage_alignment")):
        return "a PyTorch .pt archive (zip with a pickle)"
    if member in (b"metadata.json", b"config.json", b"model.weights.h5"):
        return "a Keras .keras archive"
    return "a zip archive"


LENGTH_BYTES = 8
"""The size of the header length, which begins the file."""
_LONGEST_HEADER, _LONGEST_NAME, _MOST_TENSORS, _HIGHEST_RANK, _MAGIC_BYTES = 16 * 2**20, 512, 100_000, 16, 300
DTYPES = {
    name: np.dtype(code)
    for name, code in {
        "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
        "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
    }.items()
}  # fmt: skip
"""The dtypes that a file may hold, by safetensors's names."""
_BRAIN_FLOAT = "BF16"
"""Read as float32, whose upper half it is; NumPy has no such type, and fittool writes none."""


class RefusedError(ValueError):
    """The file is not what it must be; the text is the cause, a clause without its subject."""


@dataclass(frozen=True)
class SafetensorsFile:
    """A whole file in memory.

    Attributes:
        content: All its bytes.
        header_end: The index of the first byte behind the header.
        metadata: The texts under `__metadata__`.
        names: The tensors' names in the header's order.
    """

    content: bytes
    header_end: int
    metadata: Mapping[str, str]
    names: tuple[str, ...]

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The tensors by name, in the header's order, read-only and aligned.

        Raises:
            RefusedError: Shapes and places do not fit the bytes, or a boolean is neither 0 nor 1.
        """
        from safetensors import SafetensorError, deserialize  # only what opens a checkpoint needs it

        try:
            found = dict(deserialize(self.content))  # type: ignore[no-untyped-call]
        except SafetensorError as error:
            raise RefusedError(f"has a damaged header: {visible(str(error).rpartition('deserializing: ')[2])}") from None
        return {name: _array(name, **found[name]) for name in self.names}


def _array(name: str, dtype: str, shape: list[int], data: bytearray) -> NDArray[Any]:
    if not data and math.prod(size for size in shape if size) > _LARGEST_EMPTY:
        raise RefusedError(f"has the empty tensor {visible(name)} with an impossible shape")
    if dtype == "BOOL" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise RefusedError(f"has a boolean in {visible(name)} that is neither 0 nor 1")
    if dtype == _BRAIN_FLOAT:
        array = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").reshape(shape)
    else:
        array = np.frombuffer(data, DTYPES[dtype]).reshape(shape)
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
        with open(descriptor, "rb") as file:
            size = _size(os.fstat(descriptor))
            end = _header_end(os.pread(descriptor, _MAGIC_BYTES, 0), size)
            header = os.pread(descriptor, end - LENGTH_BYTES, LENGTH_BYTES)
            metadata, names = _check(header, size - end)
            content = file.read(size)
            if len(content) < size or file.read(1) or content[LENGTH_BYTES:end] != header:
                raise RefusedError("changed while it was read")
    except OSError as error:
        raise RefusedError(f"cannot be read: {visible(error.strerror or str(error))}") from error
    return SafetensorsFile(content, end, metadata, names)


def _size(status: os.stat_result) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("is not a regular file")
    if not status.st_size:
        raise RefusedError("is empty: did the machine lose power while it was saved?")
    return status.st_size


def _header_end(head: bytes, size: int) -> int:
    length = int.from_bytes(head[:LENGTH_BYTES], "little")
    if 2 <= length <= min(_LONGEST_HEADER, size - LENGTH_BYTES):
        return LENGTH_BYTES + length
    if not any(head):
        raise RefusedError("begins with zeros: did the machine lose power while it was saved?")
    if kind := foreign_kind(head):
        raise RefusedError(f"is {kind}, which fittool does not open; it reads only its own .safetensors files")
    if size < LENGTH_BYTES:
        raise RefusedError(f"is not a safetensors file: it has {size} bytes")
    if size - LENGTH_BYTES < length <= _LONGEST_HEADER:
        raise RefusedError(f"is cut off: its header alone has {length:,} bytes, the file {size:,}")
    raise RefusedError(f"is not a safetensors file: a header of {length:,} bytes is impossible")


def _check(header: bytes, body_bytes: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """The metadata and the names of a header, without what the library would let pass or would take memory for."""
    if not header.startswith(b"{"):
        raise RefusedError("is not a safetensors file: its header does not begin with {")
    try:
        content = from_json(header)
    except ValueError as error:
        raise RefusedError(f"has a damaged header: {visible(str(error))}") from None
    if not isinstance(content, dict):
        raise RefusedError("has a damaged header: it is not a mapping")
    metadata = content.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise RefusedError("has a damaged header: its __metadata__ is not a mapping of texts")
    if len(content) > _MOST_TENSORS:
        raise RefusedError(f"announces {len(content):,} tensors; at most {_MOST_TENSORS:,} are read")
    announced = max((_end(name, entry) for name, entry in content.items()), default=0)
    if announced != body_bytes:
        cause = "is cut off" if announced > body_bytes else "has something behind its end"
        raise RefusedError(f"{cause}: its header announces {announced:,} tensor bytes, there are {body_bytes:,}")
    return metadata, tuple(content)


def _end(name: str, entry: object) -> int:
    if not name.isprintable() or not 0 < len(name.encode()) <= _LONGEST_NAME:
        raise RefusedError(f"has a tensor with the impossible name {visible(name[:60])}")
    match entry:
        case {"dtype": str(dtype), "shape": [*axes], "data_offsets": [_, int(end)], **rest} if not rest:
            if dtype in {*DTYPES, _BRAIN_FLOAT} and len(axes) <= _HIGHEST_RANK:
                return end
            kind = f"the dtype {visible(dtype[:20])} and {len(axes)} axes"
            raise RefusedError(f"has the tensor {name} with {kind}, which fittool does not open")
    raise RefusedError(f"has a damaged header: {name} must have dtype, shape and two data_offsets, nothing else")
