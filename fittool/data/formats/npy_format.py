"""NumPy's files, read without trust: no pickles, and no memory asked for before the header was held against the file."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as numpy_format
from numpy.typing import NDArray

from fittool.data.files import existing_file
from fittool.errors import DataError, shown
from fittool.settings import nearest_name

_BOMB_RATIO = 100
_BOMB_BYTES = 256 << 20
_MOST_MEMBERS = 10_000
_OBJECTS = "holds Python objects, which are never loaded, as they can run code. Save arrays of numbers, with allow_pickle=False."


@dataclass(frozen=True)
class Header:
    """The facts that the beginning of an array file gives about the rest.

    Attributes:
        shape: Of the array.
        fortran: Whether the first axis runs fastest.
        dtype: Of its values.
        offset: Where the values begin, in bytes.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int


def read_header(stream: IO[bytes], size: int, name: str) -> Header:
    """The header of an array file of `size` bytes.

    Raises:
        DataError: It is no array file, holds Python objects, or promises more or fewer bytes than there are.
    """
    with _refusals(name):
        version = numpy_format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise DataError(f"{name} has version {version[0]}.{version[1]} of NumPy's format; versions 1.0 and 2.0 are read.")
        read = numpy_format.read_array_header_1_0 if version == (1, 0) else numpy_format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise DataError(f"{name} {_OBJECTS}")
    offset = stream.tell()
    needed = math.prod(shape) * dtype.itemsize
    if any(length < 0 for length in shape) or needed != size - offset:
        raise DataError(
            f"{name} is cut short or damaged: "
            f"its header promises {needed:,} bytes for shape {shape}, but {size - offset:,} follow."
        )
    return Header(shape, fortran, dtype, offset)


def map_array(path: Path, name: str) -> NDArray[Any]:
    """The array in an `.npy` file, in the shape of its header, mapped into memory for reading.

    Raises:
        DataError: There is no such file, or it is refused.
    """
    with existing_file(path).open("rb") as stream, _refusals(name):
        header = read_header(stream, path.stat().st_size, name)
    # The operating system maps no file part of zero bytes.
    if math.prod(header.shape) == 0:
        return np.empty(header.shape, header.dtype)
    order: Any = "F" if header.fortran else "C"
    return np.memmap(path, header.dtype, "r", header.offset, header.shape, order)


class NpzFile:
    """The arrays of an `.npz` file by name.

    Args:
        path: The file.

    Raises:
        DataError: There is no such file, or it is no `.npz` file, or one made to fill the memory.
    """

    def __init__(self, path: Path) -> None:
        self.path = existing_file(path)
        with _refusals(shown(path)), zipfile.ZipFile(path) as archive:
            self._members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if len(archive.infolist()) > _MOST_MEMBERS:
                raise DataError(f"The file holds more than {_MOST_MEMBERS:,} arrays.", place=shown(path))
            # A zip file may hold a name twice, and which of both a reader takes is chance.
            if len(self._members) < len(archive.infolist()):
                raise DataError("The file holds several arrays of the same name.", place=shown(path))

    @property
    def names(self) -> list[str]:
        """The names of the arrays, in the file's order."""
        return list(self._members)

    def read(self, name: str) -> NDArray[Any]:
        """One array, (…), in the shape that its header says.

        Raises:
            DataError: There is none of that name (the nearest is named), or it is refused.
        """
        info = self._members.get(name)
        if info is None:
            near = nearest_name(name, list(self._members))
            known = ", ".join(sorted(map(shown, self._members))[:20]) or "none"
            mend = f"Did you mean {near}?" if near else f"Arrays: {known}."
            raise DataError(f"There is no array {name}. {mend}", place=shown(self.path))
        called = f"{shown(self.path)}: {name}"
        if info.file_size > _BOMB_BYTES and info.file_size > _BOMB_RATIO * info.compress_size:
            growth = f"from {info.compress_size:,} to {info.file_size:,} bytes"
            raise DataError(f"{called} would grow {growth}, which looks like a trap. Save it with numpy.savez.")
        with _refusals(called), zipfile.ZipFile(self.path) as archive:
            with archive.open(info) as stream:
                # Before the reading in earnest, which asks for as much memory as the header promises.
                read_header(stream, info.file_size, called)
            with archive.open(info) as stream:
                array: NDArray[Any] = numpy_format.read_array(stream, allow_pickle=False)
        return array


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turns whatever a damaged file makes the readers raise into a `DataError`; files of Python 2 are read without a warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}.") from error
    except (DataError, MemoryError):
        raise
    except Exception as error:  # NumPy parses a header as Python text, so damage makes it raise anything
        raise DataError(f"{name} is no readable NumPy file: {' '.join(str(error).split()) or type(error).__name__}.") from error
