"""Names of temporary files, by which a later process knows those that a kill has left behind.

A name tells who writes: the process, and where its number counts (a start of a machine, a namespace of processes). So a
process in another container, or on another machine with the same disk, is never taken for a dead one.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

_NAME = re.compile(r"\.fittool-(\d+)-[0-9a-f]{8}(?:-([0-9a-f]{8}))?\.tmp")
_SURELY_LEFT = 86400.0  # seconds after which nobody writes any more, wherever the writer was
_looked_at: set[str] = set()


def temporary_name() -> str:
    """A name that no other process gives."""
    return f".fittool-{os.getpid()}-{os.urandom(4).hex()}-{_place()}.tmp"


def is_temporary(name: str) -> bool:
    """True for the name of a file that a killed process left of a write."""
    return _NAME.fullmatch(name) is not None


def remove_left_behind(folder: Path) -> None:
    """Remove what killed processes left in a directory that others may write to as well; looks once in the life of a process."""
    if (path := os.path.abspath(folder)) in _looked_at:
        return
    _looked_at.add(path)
    with suppress(OSError), os.scandir(path) as entries:  # they cost room, and nothing else
        for entry in entries:
            if (found := _NAME.fullmatch(entry.name)) is not None and _is_left(entry, int(found[1]), found[2]):
                os.unlink(entry.path)


def _is_left(entry: os.DirEntry[str], process: int, place: str | None) -> bool:
    """True where the writer is dead, or was here too long ago."""
    if place == _place():
        return not _lives(process)
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _SURELY_LEFT


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return True


@cache
def _place() -> str:
    """8 hex digits of where numbers of processes count."""
    known = [platform.node()]
    with suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    with suppress(OSError):
        known.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\0".join(known).encode("utf-8", "surrogateescape")).hexdigest()[:8]
