"""The source `idx`: the format in which MNIST is published.

Two zero bytes, a byte for the type, a byte for the number of axes, each axis as four bytes, then the values, all big-endian
(Y. LeCun, C. Cortes, C. Burges: The MNIST database of handwritten digits).
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.data.sources.base import Source, SourceContext
from fittool.errors import DataError, ExperimentError, shown
from fittool.settings import Field, Text, setting

if TYPE_CHECKING:
    from fittool.data.dataset import ArrayDataset

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"
_MOST_DEFLATED = 1100  # deflate packs at most 1,032 bytes into one


@setting
class IdxSource(Source):
    """Images and labels in MNIST's format, packed with gzip or not."""

    images: Text = Field(min_length=1, description="The file of images.")
    labels: Text | None = Field(
        default=None, min_length=1, description="The file of labels; needed unless class_mode is input or null."
    )

    @classmethod
    def public_name(cls) -> str:
        """The word in files."""
        return "idx"

    def open(self, context: SourceContext) -> ArrayDataset:
        """Read both files.

        Raises:
            ExperimentError: Labels are needed, and `labels` is not set.
            DataError: A file is missing or damaged, lengths differ, or labels do not fit the class mode.
        """
        from fittool.data.sources.arrays import NamedArray, dataset_of
        from fittool.data.targets import reads_labels

        def named(path: Path) -> NamedArray:
            return NamedArray(shown(path), read_idx(path))

        labels = None
        if reads_labels(context.class_mode):
            if self.labels is None:
                raise ExperimentError("idx: labels is missing. Name the file of labels, or set data.class_mode to input or null.")
            labels = named(context.path(self.labels))
        return dataset_of(named(context.path(self.images)), labels, None, context)


def read_idx(path: Path) -> NDArray[Any]:
    """The array in an IDX file, in the shape of its header: (N, …).

    Raises:
        DataError: The file is missing, is no IDX file, or its length is not what its header says.
    """
    from fittool.data.files import existing_file, reading

    with reading(existing_file(path)), path.open("rb") as file:
        size = path.stat().st_size
        packed = file.read(2) == _GZIP
        file.seek(0)
        try:
            return _read(gzip.GzipFile(fileobj=file), path, size * _MOST_DEFLATED) if packed else _read(file, path, size)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"The gzip file is cut short or damaged: {error}.", place=shown(path)) from error


def _read(stream: IO[bytes] | gzip.GzipFile, path: Path, most: int) -> NDArray[Any]:
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES or start[3] == 0:
        text = "This is no IDX file: it does not begin with two zero bytes, a type and a number of axes."
        raise DataError(text, place=shown(path))
    dtype, axes = np.dtype(_TYPES[start[2]]), start[3]
    header = stream.read(4 * axes)
    if len(header) < 4 * axes:
        raise DataError("The file ends within its header.", place=shown(path))
    shape = struct.unpack(f">{axes}I", header)
    expected = math.prod(shape) * dtype.itemsize
    # What the file cannot hold is not read, else the header alone would decide on the memory; the byte more finds a longer file.
    values = stream.read(expected + 1) if expected <= most else b""
    if len(values) != expected:
        found = "more" if len(values) > expected else "fewer"
        raise DataError(f"The header promises {expected:,} bytes for shape {shape}, but {found} follow.", place=shown(path))
    return np.frombuffer(values, dtype).reshape(shape)
