"""One live process per run directory.

The kernel holds the lock (`flock`) and frees it when the process dies, however it dies, so no lock is ever stale. The
directory itself is locked, which holds even if someone deletes `.lock`; the file `.lock` is locked too, which network
file systems pass on to other hosts, and says who the holder is.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from weakref import WeakSet

from fittool.errors import RunInUseError, shown, visible
from fittool.runs.files.atomic import open_descriptor, open_folder
from fittool.runs.files.storage_errors import storage_error, storing
from fittool.runs.status import utc_text

_FILE = ".lock"
_PATIENCE = 0.3
"""Seconds to wait for a holder that has just taken the lock to write its name."""
_PAUSES = (0.01, 0.03)
"""Seconds between attempts: `is_held` looks for an instant, and must keep nobody out."""
_MOST_BYTES = 4096


class RunLock:
    """The right to write into a run directory, from the making of this object to `release`.

    Args:
        run: The run directory.

    Raises:
        RunInUseError: A live process has it; the text names it.
        StorageError: The directory cannot be locked, for instance because it is read-only.
    """

    def __init__(self, run: Path) -> None:
        self._descriptors: list[int] = []
        try:
            folder = self._hold(open_folder(run))
            self._sign(self._hold(_file_in(folder)))
        except BlockingIOError:
            self._close()
            raise _in_use(run) from None
        except OSError as error:
            self._close()
            raise storage_error(error, run / _FILE) from error
        _held.add(self)

    def _hold(self, descriptor: int) -> int:
        self._descriptors.append(descriptor)
        for pause in (*_PAUSES, None):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if pause is None:
                    raise
                time.sleep(pause)
        return descriptor

    def _sign(self, file: int) -> None:
        holder = {"pid": os.getpid(), "host": os.uname().nodename, "since": utc_text()}
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(holder).encode(), 0)

    def release(self) -> None:
        """Let others have the directory; doing it twice is harmless."""
        if self._descriptors:
            folder, file = self._descriptors
            with suppress(OSError):  # the disk may be read-only by now; the name is information only
                os.ftruncate(file, 0)
            for descriptor in (file, folder):
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        self._close()

    def _close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def __enter__(self) -> RunLock:
        """The lock is held since it was made."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Release."""
        self.release()


def _file_in(folder: int) -> int:
    """The file of a locked directory; one that a snapshot made of hard links shares is left to the snapshot."""
    descriptor = open_descriptor(_FILE, os.O_RDWR | os.O_CREAT, folder)
    if os.fstat(descriptor).st_nlink == 1:
        return descriptor
    os.close(descriptor)
    os.unlink(_FILE, dir_fd=folder)
    return open_descriptor(_FILE, os.O_RDWR | os.O_CREAT, folder)


def is_held(run: Path) -> bool:
    """True where a live process has a run directory; changes nothing there.

    Raises:
        OSError: Nobody can tell.
    """
    folder = open_folder(run)
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(folder)
    return False


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Hold a file against other processes that write it in this way, for a moment; one that is missing is made, empty.

    The file may be replaced meanwhile: the lock is on the file that has the name when it is held.
    """
    with storing(path):
        descriptor = _lock_by_name(path)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock_by_name(path: Path) -> int:
    while True:
        descriptor = open_descriptor(path, os.O_RDWR | os.O_CREAT)
        with suppress(OSError):  # a file system without locks: nobody is kept out, as before
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        os.close(descriptor)  # it was replaced while this process waited


_held: WeakSet[RunLock] = WeakSet()


def _close_in_child() -> None:
    """A forked worker shares the lock and would keep it after its parent's death, so it closes its copy first thing."""
    for lock in list(_held):
        lock._close()


os.register_at_fork(after_in_child=_close_in_child)


def _in_use(run: Path) -> RunInUseError:
    deadline = time.monotonic() + _PATIENCE
    while not (holder := _holder(run)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return RunInUseError(
        f"is in use by {holder or 'another process'}. Wait for it, or choose another run directory.", place=shown(run)
    )


def _holder(run: Path) -> str:
    """The holder named in the lock; empty where nobody holds it, or the one who did is dead."""
    try:
        with open(run / _FILE, "rb") as file:
            said = json.loads(file.read(_MOST_BYTES))
        pid, host, since = int(said["pid"]), str(said["host"]), str(said["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if host == os.uname().nodename and not _alive(pid):
        return ""
    return visible(f"process {pid} on host {host} since {since}")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
