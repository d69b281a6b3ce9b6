"""Turns the operating system's errors into fittool's, which say which file, why, and what to do about it."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fittool.errors import CheckpointError, FittoolError, MachineError, StorageError, shown, visible

_CAUSES = {
    errno.EACCES: "permission is denied. Make it writable for this user",
    errno.EPERM: "the operation is not permitted. Make it writable for this user",
    errno.EROFS: "the file system is read-only. Mount it writable or choose another directory",
    errno.EIO: "the disk reports an input/output error. Check the disk (dmesg says more)",
    errno.EDQUOT: "the disk quota is used up. Delete something or ask for more",
    errno.ENOENT: "its directory is not there. It must stay while the run goes on",
    errno.ENOTDIR: "a part of the path is a file, not a directory. Choose another path",
    errno.ELOOP: "it is a symbolic link, which fittool does not write through. Remove the link",
    errno.EISDIR: "it is a directory. Remove it or choose another path",
    errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
    errno.ENOLCK: "the file system grants no locks. Put the run on a local disk",
}


def storage_error(error: OSError, path: Path, needed: int | None = None) -> FittoolError:
    """The error that tells a user why a file could not be stored: a `StorageError`, or a `MachineError` without file handles.

    Args:
        error: What the operating system said.
        path: The file that should have been written.
        needed: The bytes that it needs, where known.
    """
    place = shown(path)
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return MachineError("cannot be opened: this process has too many open files. Raise the limit (`ulimit -n`).", place=place)
    return StorageError(f"cannot be written: {_cause(error, path, needed)}.", place=place)


def _cause(error: OSError, path: Path, needed: int | None) -> str:
    if error.errno == errno.ENOSPC:
        return _full(path, needed)
    if error.errno == errno.EFBIG:
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        return f"it would exceed the file size limit of this process, {limit:,} bytes. Raise the limit (`ulimit -f`)"
    return _CAUSES.get(error.errno or 0, visible(error.strerror or str(error)))


def _full(path: Path, needed: int | None) -> str:
    wanted = "" if needed is None else f", {needed:,} bytes are needed"
    try:
        volume = os.statvfs(path.parent)
    except OSError:
        return f"the disk is full{wanted}. Free some space"
    if volume.f_files and not volume.f_favail:
        return "the file system has no inodes left (too many files, not too many bytes). Delete some files"
    return f"the disk is full{wanted}, {volume.f_bavail * volume.f_frsize:,} are free. Free some space"


@contextmanager
def storing(path: Path, needed: int | None = None) -> Iterator[None]:
    """Raise every operating system error of the block as the `StorageError` about `path`."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path, needed) from error


def read_whole(path: Path) -> bytes:
    """The content of a file of a run.

    Raises:
        CheckpointError: It is missing or cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe in its place would block for ever
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CheckpointError("is no regular file. Remove it.", place=shown(path))
            return file.read()
    except OSError as error:
        raise CheckpointError(f"cannot be read: {visible(error.strerror or str(error))}.", place=shown(path)) from error
