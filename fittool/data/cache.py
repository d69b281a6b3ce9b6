"""`cache: disk`: decoded samples in a file that later runs and other processes use too.

A sample is written when it is first loaded, with a checksum. It is believed only if the checksum is right, so that runs may
fill the same file at once, be killed, or lose power at any moment: the worst that can happen is that a sample is decoded
again. The file is read, never mapped, as a mapped file that is cut short would kill the process.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, runtime_checkable
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from fittool.data.batch import Array
from fittool.data.dataset import ArrayDataset, Dataset, Samples, Subset
from fittool.data.formats.memory_mapped import MemoryMappedArray
from fittool.errors import shown

_MAGIC = b"fittool cache 1\n"
_HEADER_BYTES = 4096
_CHECK_BYTES = 8
_PRESENT = 1 << 32


@runtime_checkable
class Dated(Protocol):
    """A dataset of files that can tell when they were last changed."""

    def dated_fingerprint(self) -> str:
        """Of the files' names, sizes and times, and of how they are read."""


def cache_folder() -> Path:
    """`fittool` in `XDG_CACHE_HOME`, which is `~/.cache` unless it is set to an absolute path; it may be deleted at any time."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()) / "fittool"


def keep_on_disk(dataset: Dataset) -> tuple[Dataset, str]:
    """A dataset whose samples are decoded once.

    Args:
        dataset: Any; one whose samples are arrays already comes back as it is.

    Returns:
        The dataset, and why it cannot be kept on disk (then it is the one that was given), or "".
    """
    if isinstance(dataset, ArrayDataset | MemoryMappedArray):
        return dataset, ""
    if type(dataset) is Subset:
        whole, trouble = keep_on_disk(dataset.dataset)
        return Subset(whole, dataset.indices), trouble
    try:
        return DiskCache(dataset), ""
    except (OSError, RuntimeError) as error:  # no room, no home, a read-only disk
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return (
            dataset,
            f"cache: disk has no effect, as {shown(cache_folder())} cannot be used: {reason}. Samples are decoded anew.",
        )


def place_of(dataset: Dataset, *, planned: bool = False) -> tuple[Path, int] | None:
    """The file that keeps a dataset's samples, and its bytes; None for one that has none.

    Args:
        dataset: Some data.
        planned: Whether the file that would keep them counts.
    """
    if isinstance(dataset, DiskCache):
        return None if dataset.layout is None else (dataset.layout.path, dataset.layout.size)
    if isinstance(dataset, ArrayDataset | MemoryMappedArray):
        return None
    if type(dataset) is Subset:
        return place_of(dataset.dataset, planned=planned)
    if not planned:
        return None
    layout = _Layout.of(dataset)
    return layout.path, layout.size


class DiskCache(Subset):
    """A dataset that keeps each sample on disk once it was loaded.

    Args:
        dataset: The samples; one is loaded to know their form.

    Raises:
        OSError: There is no room for all of them, or no right to write.
    """

    def __init__(self, dataset: Dataset) -> None:
        super().__init__(dataset, np.arange(len(dataset)))
        layout = _Layout.of(dataset)
        self._form = layout.form
        self._file: _RowFile | None = _RowFile(layout)

    @property
    def layout(self) -> _Layout | None:
        """Of the file; None once it could not be used any more."""
        return None if self._file is None else self._file.layout

    @property
    def path(self) -> Path | None:
        """The file; None once it could not be used any more."""
        return None if self.layout is None else self.layout.path

    def load(self, indices: NDArray[np.int64]) -> Samples:
        """The samples at (N,) indices: from the file where they are in it, else from the dataset."""
        if self._file is None:
            return self.dataset.load(indices)
        samples = self._form.empty(len(indices))
        missing = self._file.read(indices, samples)
        if len(missing):
            loaded = self.dataset.load(indices[missing])
            for target, part in zip(_arrays(samples), _arrays(loaded), strict=True):
                target[missing] = part
            self._write(self._file, indices[missing], loaded)
        return samples

    def _write(self, file: _RowFile, indices: NDArray[np.int64], loaded: Samples) -> None:
        try:
            file.write(indices, loaded)
        except OSError as error:
            # A disk that fills up or fails ends the keeping of samples, not the training: they are decoded again instead.
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG):
                raise
            self._file = None

    def fingerprint(self) -> str:
        """That of the dataset."""
        return self.dataset.fingerprint()


class _Form:
    """The parts of a sample: the shapes and types of its arrays."""

    def __init__(self, inputs: list[Any], targets: list[Any] | None, weight: Any) -> None:
        self.inputs, self.targets, self.weight = inputs, targets, weight

    @classmethod
    def of(cls, samples: Samples) -> _Form:
        inputs, targets, weight = samples
        own = None if targets is inputs else [_shape(array) for array in targets]
        return cls([_shape(array) for array in inputs], own, None if weight is None else _shape(weight))

    def text(self) -> list[Any]:
        return [self.inputs, self.targets, self.weight]

    def empty(self, count: int) -> Samples:
        inputs = tuple(_empty(count, form) for form in self.inputs)
        targets = inputs if self.targets is None else tuple(_empty(count, form) for form in self.targets)
        return inputs, targets, None if self.weight is None else _empty(count, self.weight)

    def nbytes(self) -> int:
        return sum(array.nbytes for array in _arrays(self.empty(1)))


class _Layout:
    """The file that keeps some samples, and its layout.

    Args:
        content: A hash of what the samples are.
        samples: How many.
        form: What each consists of.
    """

    def __init__(self, content: str, samples: int, form: _Form) -> None:
        text = json.dumps([content, samples, *form.text()])
        self.form, self.samples = form, samples
        self.header = (_MAGIC + text.encode()).ljust(_HEADER_BYTES, b"\0")
        self.record = _CHECK_BYTES + form.nbytes()
        self.size = len(self.header) + samples * self.record
        self.path = cache_folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.samples"

    @classmethod
    def of(cls, dataset: Dataset) -> _Layout:
        """That for a dataset, of which one sample is loaded."""
        form = _Form.of(dataset.load(np.zeros(1, np.int64)))
        content = dataset.dated_fingerprint() if isinstance(dataset, Dated) else dataset.fingerprint()
        return cls(content, len(dataset), form)


class _RowFile:
    """A header, and a record for each sample: its checksum, or zero where it was never written, and its bytes.

    Args:
        layout: Where, and how large.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, layout: _Layout) -> None:
        self.layout = layout
        self._known = np.zeros(layout.samples, bool)
        self._open()

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the open file."""
        return {name: value for name, value in vars(self).items() if name != "_descriptor"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Open the file again."""
        vars(self).update(state)
        self._open()

    def _open(self) -> None:
        self._descriptor = self._open_kept()
        finalize(self, os.close, self._descriptor)

    def _open_kept(self) -> int:
        """The file, made anew where there is none, or one that is not what it should be."""
        with suppress(FileNotFoundError):
            descriptor = os.open(self.layout.path, os.O_RDWR | os.O_CLOEXEC)
            if (
                os.fstat(descriptor).st_size == self.layout.size
                and os.pread(descriptor, len(self.layout.header), 0) == self.layout.header
            ):
                return descriptor
            os.close(descriptor)
            with suppress(FileNotFoundError):
                self.layout.path.unlink()
        return self._make()

    def _make(self) -> int:
        """A file in which no sample is written yet; its room is taken at once."""
        self.layout.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f"{self.layout.path.stem}.", suffix=".new", dir=self.layout.path.parent)
        try:
            if hasattr(os, "posix_fallocate"):
                # A file with holes can be made on a full disk too; that there is no room is to be told at the start.
                os.posix_fallocate(descriptor, 0, self.layout.size)
            else:
                os.ftruncate(descriptor, self.layout.size)  # macOS
            os.pwrite(descriptor, self.layout.header, 0)
            self._publish(name)
        except BaseException:
            os.close(descriptor)
            os.unlink(name)
            raise
        return descriptor

    def _publish(self, name: str) -> None:
        """Give the new file its name, unless another process was as fast: then this one is used by this process alone."""
        try:
            # A link, unlike a renaming, never replaces the file that another process is filling by now.
            os.link(name, self.layout.path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            os.replace(name, self.layout.path)
            return
        os.unlink(name)

    def read(self, indices: NDArray[np.int64], samples: Samples) -> NDArray[np.int64]:
        """Read samples at (N,) indices into arrays; gives which of these N are not there."""
        views = [_bytes(array) for array in _arrays(samples)]
        check: Any = np.zeros(1, np.uint64)
        missing = []
        for row, index in enumerate(indices.tolist()):
            parts = [view[row] for view in views]
            read = os.preadv(self._descriptor, [check, *parts], _HEADER_BYTES + index * self.layout.record)
            # A sample is held against its checksum when it is first read; later epochs do not pay for it again.
            if read == self.layout.record and check[0] and (self._known[index] or check[0] == _checksum(index, parts)):
                self._known[index] = True
            else:
                missing.append(row)
        return np.array(missing, np.int64)

    def write(self, indices: NDArray[np.int64], samples: Samples) -> None:
        """Write samples at (N,) indices."""
        views = [_bytes(array) for array in _arrays(samples)]
        for row, index in enumerate(indices.tolist()):
            parts = [view[row] for view in views]
            check: Any = np.array([_checksum(index, parts)], np.uint64)
            # A write that is cut short needs no care: its checksum is wrong, and the sample is decoded again.
            os.pwritev(self._descriptor, [check, *parts], _HEADER_BYTES + index * self.layout.record)


def _checksum(index: int, parts: list[Any]) -> int:
    """CRC-32 of a sample that begins with its index, so that one in the wrong place is found; never zero."""
    value = index & 0xFFFFFFFF
    for part in parts:
        value = zlib.crc32(part, value)
    return value | _PRESENT


def _arrays(samples: Samples) -> list[Array]:
    inputs, targets, weight = samples
    return [*inputs, *(() if targets is inputs else targets), *(() if weight is None else (weight,))]


def _bytes(array: Array) -> NDArray[Any]:
    """(N, bytes): the bytes of each sample."""
    return np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)


def _shape(array: Array) -> list[Any]:
    return [array.dtype.str, *array.shape[1:]]


def _empty(count: int, form: list[Any]) -> Array:
    return np.empty((count, *form[1:]), form[0])
