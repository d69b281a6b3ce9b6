"""Objects that cross from one process to another: arrays through memory without a name, so that nothing is ever left behind.

An object is pickled, with the bytes of its arrays kept apart; both go into a block of memory that both processes map.
Arrays in files are not copied at all: the other process opens the file.
"""

from __future__ import annotations

import io
import math
import mmap
import os
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fittool.data.user_code.functions import origin, user_object

_ALIGNMENT = 64
_MAPPED_FROM = 4096  # bytes; smaller arrays are copied, whatever they are views of


def unnamed_memory() -> int:
    """A descriptor of memory that has no name and is gone with its last user; a file without a name where there is no such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("fittool")
    with tempfile.TemporaryFile() as file:  # macOS
        return os.dup(file.fileno())


@dataclass(frozen=True)
class Place:
    """The place of a packed object.

    Attributes:
        start: The first byte.
        lengths: Bytes of the pickle, and of each array in it; each begins at the next multiple of 64.
    """

    start: int
    lengths: tuple[int, ...]

    @property
    def end(self) -> int:
        """The byte behind the object, aligned."""
        return self.start + sum(map(_align, self.lengths))

    def cut(self, memory: memoryview) -> list[memoryview]:
        """The parts of the object in a block of memory."""
        parts, at = [], self.start
        for length in self.lengths:
            parts.append(memory[at : at + length])
            at += _align(length)
        return parts


class Packed:
    """An object ready to be written to memory.

    Args:
        value: Anything that can be pickled; functions and classes of user code are found again by file and name.

    Attributes:
        descriptors: Of the memory of shared arrays in it; the process that unpacks it must be given these.
    """

    def __init__(self, value: object) -> None:
        stream, buffers = io.BytesIO(), list[pickle.PickleBuffer]()
        pickler = _Pickler(stream, pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append)
        pickler.dump(value)
        self.descriptors = pickler.descriptors
        self._parts: list[Any] = [stream.getbuffer(), *(buffer.raw() for buffer in buffers)]

    @property
    def names_main(self) -> bool:
        """True where something in it is defined in the program's main file."""
        return b"__main__" in bytes(self._parts[0])

    def place(self, start: int) -> Place:
        """The place where it would lie if it began at `start`."""
        return Place(start, tuple(len(part) for part in self._parts))

    def write(self, memory: memoryview, place: Place) -> None:
        """Copy it there."""
        for target, part in zip(place.cut(memory), self._parts, strict=True):
            target[:] = part

    def write_file(self, descriptor: int) -> Place:
        """Copy it to the beginning of a file."""
        place, at = self.place(0), 0
        os.ftruncate(descriptor, place.end)
        for part in self._parts:
            written = 0
            while written < len(part):
                written += os.pwrite(descriptor, part[written:], at + written)
            at += _align(len(part))
        return place


def shared_array(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """(*shape) zeros in memory that other processes see, and change, once the array was sent to them."""
    descriptor = unnamed_memory()
    os.ftruncate(descriptor, max(1, math.prod(shape) * np.dtype(dtype).itemsize))
    return _share(descriptor, shape, dtype)


def _share(descriptor: int, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    array: NDArray[Any] = np.ndarray(shape, dtype, map_into(descriptor, mmap.ACCESS_WRITE))
    _descriptors[id(array)] = descriptor
    finalize(array, _forget, id(array))
    return array


def _forget(array: int) -> None:
    os.close(_descriptors.pop(array))


_descriptors: dict[int, int] = {}
"""The memory of each shared array that is alive, by the array's `id`."""


def unpack(memory: memoryview, place: Place) -> Any:
    """The object at a place, whose arrays stay there."""
    head, *buffers = place.cut(memory)
    return pickle.loads(head, buffers=buffers)


def leased(memory: memoryview, place: Place, release: Callable[[int], object]) -> Any:
    """The object at a place, whose arrays stay there; `release` is told the place's start once nobody has them any more."""
    lease = np.ndarray((place.end - place.start,), np.uint8, memory, place.start)
    finalize(lease, release, place.start).atexit = False
    return unpack(memoryview(lease), Place(0, place.lengths))  # type: ignore[arg-type]  # arrays are buffers


def map_into(descriptor: int, access: int = mmap.ACCESS_READ) -> memoryview:
    """The whole of a file as memory.

    Args:
        descriptor: Of the file.
        access: `mmap.ACCESS_READ`, `ACCESS_WRITE` for changes that all see, `ACCESS_COPY` for changes that nobody else does.
    """
    return memoryview(mmap.mmap(descriptor, os.fstat(descriptor).st_size, access=access))


class _Pickler(pickle.Pickler):
    """Knows what cannot be pickled as it is: arrays in files, arrays that are shared, and what user code defines."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.descriptors: list[int] = []

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            descriptor = _descriptors.get(id(value))
            if descriptor is not None:
                self.descriptors.append(descriptor)
                return _share, (descriptor, value.shape, value.dtype)
            file = _file_of(value)
            return NotImplemented if file is None else (_open, file)
        place = origin(value)
        return NotImplemented if place is None else (user_object, place)


def _file_of(array: NDArray[Any]) -> tuple[Any, ...] | None:
    """Of an array in a file: its name, and what is needed to map it again; None for one in memory."""
    root: Any = array
    while isinstance(root, np.ndarray) and not isinstance(root, np.memmap):
        root = root.base
    if not isinstance(root, np.memmap) or root.filename is None or array.nbytes < _MAPPED_FROM:
        return None
    # A slice takes over the offset of the map that it was cut from, so only that of the outermost goes with its address.
    while isinstance(root.base, np.memmap):
        root = root.base
    offset = root.offset + array.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    if array.flags.c_contiguous:
        return os.fspath(root.filename), array.dtype, offset, array.shape, "C"
    return (os.fspath(root.filename), array.dtype, offset, array.shape, "F") if array.flags.f_contiguous else None


def _open(name: str, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    return np.memmap(name, dtype, "r", offset, shape, order)


def _align(length: int) -> int:
    return -(-length // _ALIGNMENT) * _ALIGNMENT
