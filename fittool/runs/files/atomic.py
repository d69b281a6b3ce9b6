"""Replacing a file so that a kill or a power cut at any instant leaves the old or the new one, whole.

Temporary file beside the target, flush, fsync, rename over the target, fsync of the directory; nothing less survives
a power cut. A failed fsync is never repeated on the same file: the kernel may have dropped the data already.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from fittool.errors import shown, visible
from fittool.runs.files.storage_errors import storing
from fittool.runs.files.temporary_names import is_temporary, remove_left_behind, temporary_name

Chunk = bytes | bytearray | memoryview

_FIRST_ORDINARY_DESCRIPTOR = 3


def open_descriptor(path: str | Path, flags: int, folder: int | None = None) -> int:
    """Open a file: closed on exec, following no link, its mode left to the umask, and never as descriptor 0, 1 or 2.

    Where a process was started with its standard streams closed, the next file opened takes their place, and a stray
    print would go into it.
    """
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    if descriptor >= _FIRST_ORDINARY_DESCRIPTOR:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_ORDINARY_DESCRIPTOR)
    finally:
        os.close(descriptor)


def open_folder(path: Path) -> int:
    """A descriptor of a directory, which may be reached through links."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


class Staging:
    """Files that are whole and on disk under temporary names, to be moved into place; the rest is removed on leaving.

    The methods raise OSError; callers wrap them in `storing`.

    Args:
        folder: The directory of the targets; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder
        self._left: set[str] = set()

    def __enter__(self) -> Staging:
        """Open the directory, and remove what killed processes left in it."""
        self._folder = open_folder(self._path)
        remove_left_behind(self._path)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove what was not moved into place."""
        for name in self._left:
            with suppress(OSError):
                os.unlink(name, dir_fd=self._folder)
        os.close(self._folder)

    def _temporary_name(self) -> str:
        name = temporary_name()
        self._left.add(name)
        return name

    def write(self, chunks: Sequence[Chunk]) -> str:
        """Store the chunks, one after the other, under a temporary name, which is returned; the bytes are on disk then.

        An input/output error is answered by one more try with a new file.
        """
        try:
            return self._write(chunks)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return self._write(chunks)

    def _write(self, chunks: Sequence[Chunk]) -> str:
        name = self._temporary_name()
        descriptor = open_descriptor(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._folder)
        with open(descriptor, "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        return name

    def link(self, name: str) -> str:
        """Give an existing file a second, temporary name, which is returned."""
        if not self._is_there(name):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        temporary = self._temporary_name()
        os.link(name, temporary, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        return temporary

    def move(self, name: str, target: str) -> None:
        """Put a file in the place of `target`, at one instant."""
        self._is_there(target)
        # Between two names of one file rename does nothing, so `name` stays marked for removal in any case.
        os.rename(name, target, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def _is_there(self, name: str) -> bool:
        """True where there is such a file; a link, directory or pipe in its place is someone else's doing and refused."""
        try:
            mode = os.stat(name, dir_fd=self._folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return False
        if stat.S_ISLNK(mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EEXIST, "it is not a regular file. Remove it or choose another path")
        return True

    def sync(self) -> str | None:
        """Make the moves certain.

        Returns:
            A warning where the directory could not be synchronised: the files are in place, but a power cut may bring the
            old ones back.
        """
        try:
            os.fsync(self._folder)
        except OSError as error:
            cause = visible(error.strerror or str(error))
            return f"{shown(self._path)}: saved, but not certain to survive a power cut: {cause}."
        return None


def atomic_write(path: Path, chunks: Sequence[Chunk]) -> str | None:
    """Replace or create a file, durably: after the return its new content is on disk.

    Args:
        path: The file; its directory must exist. Anything there but a regular file is refused.
        chunks: The content, in pieces.

    Returns:
        A warning where the directory could not be synchronised, else None.

    Raises:
        StorageError: The old file is untouched and no temporary file is left.
    """
    with storing(path, sum(map(len, chunks))), Staging(path.parent) as staging:
        staging.move(staging.write(chunks), path.name)
        return staging.sync()


def overwritten(path: Path, content: bytes) -> bool:
    """Write a small file in its old place, the last resort on a full disk: not at one instant, but without new room.

    Returns:
        Whether it could be done.
    """
    try:
        descriptor = open_descriptor(path, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.pwrite(descriptor, content, 0)
            os.ftruncate(descriptor, len(content))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        return False
    return True


def make_folder(path: Path) -> None:
    """Create a directory and its missing parents, durably, so that no power cut takes the files in it away.

    Raises:
        StorageError: It cannot be created.
    """
    with storing(path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            with suppress(FileExistsError):
                folder.mkdir()
            sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Bring the names in a directory to disk; raises OSError."""
    descriptor = open_folder(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_temporary_files(folder: Path) -> None:
    """Remove what a killed process left behind, in the folders below as well; only for the one process that may write there."""
    with storing(folder):
        for place, _, names in os.walk(folder):  # which follows no links
            for name in filter(is_temporary, names):
                os.unlink(os.path.join(place, name))
