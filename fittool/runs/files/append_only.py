"""Files that only grow, line by line. A line costs one write and no fsync; `sync` makes all lines so far durable."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from fittool.runs.files.atomic import atomic_write, open_descriptor, sync_folder
from fittool.runs.files.storage_errors import storing


def take_apart(path: Path) -> None:
    """Give a file that has several names a copy of its own under this one: snapshots made of hard links must stay as they are.

    Raises:
        StorageError: It cannot be copied.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
        with storing(path):
            content = path.read_bytes()
        atomic_write(path, [content])


def append_line(path: Path, line: bytes) -> None:
    """Add a line with one write, so that several processes may write to one file; creates the file.

    Args:
        path: The file; anything but a regular file is refused.
        line: The line, without its end.

    Raises:
        StorageError: The file is as long as before; nothing torn is left.
    """
    with storing(path, len(line) + 1):
        # Non-blocking, because opening a pipe that nobody reads would wait for ever.
        descriptor = open_descriptor(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK)
        try:
            _refuse_other_kinds(descriptor)
            _write_or_undo(descriptor, line + b"\n", os.fstat(descriptor).st_size)
        finally:
            os.close(descriptor)


def _refuse_other_kinds(descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EEXIST, "it is not a regular file. Remove it")


def _write_or_undo(descriptor: int, rest: bytes, length_before: int) -> None:
    try:
        while rest:  # a disk that fills up takes a part first; the next call says why
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(descriptor, length_before)
        raise


def sync(path: Path) -> int:
    """Bring a file and its name to disk.

    Returns:
        The length in bytes; 0 where the file does not exist yet.

    Raises:
        StorageError: It is not certain that the file is on disk.
    """
    with storing(path):
        try:
            descriptor = open_descriptor(path, os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            os.fsync(descriptor)
            length = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        sync_folder(path.parent)
        return length


def truncate(path: Path, length: int) -> None:
    """Cut a file to a length in bytes, durably.

    Raises:
        StorageError: It cannot be changed.
    """
    with storing(path):
        descriptor = open_descriptor(path, os.O_WRONLY)
        try:
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def drop_torn_line(path: Path) -> int:
    """Cut what a kill or a power cut left behind the last whole line: half a line, or zeros.

    Returns:
        The number of bytes that were cut.

    Raises:
        StorageError: The file cannot be read or changed.
    """
    with storing(path):
        try:
            descriptor = open_descriptor(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return 0
        with open(descriptor, "rb") as file:
            _refuse_other_kinds(descriptor)
            content = file.read()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        truncate(path, whole)
    return len(content) - whole
