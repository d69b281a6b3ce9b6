"""The memory this process may use: the machine's, unless a control group (a container) or a limit allows less."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Available:
    """An amount of memory, and where it comes from.

    Attributes:
        bytes: How much.
        source: The beginning of a sentence: "this machine has".
    """

    bytes: int
    source: str

    def __str__(self) -> str:
        """`this machine has 7.6 GiB`."""
        return f"{self.source} {size_in_words(self.bytes)}"


def size_in_words(size: int) -> str:
    """`7.6 GiB`, or `12 MiB`."""
    return f"{size / 2**30:,.1f} GiB" if size >= 2**30 else f"{-(-size // 2**20):,} MiB"


def available_memory(root: Path = Path("/")) -> Available:
    """The least of what the machine has, what control groups allow, and what `ulimit -v` leaves.

    Args:
        root: Where `proc` and `sys` are.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    known = [Available(machine, "this machine has"), *_groups(root), *_address_space(root)]
    return min(known, key=lambda one: one.bytes)


def _groups(root: Path) -> Iterator[Available]:
    """The limits of the control groups that this process is in, and of those around them (cgroup v2, and v1)."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        # Version 2 has one line without controllers; version 1 has a line for each.
        if controllers and "memory" not in controllers.split(","):
            continue
        mount, name = ("sys/fs/cgroup/memory", "memory.limit_in_bytes") if controllers else ("sys/fs/cgroup", "memory.max")
        group = PurePosixPath(path)
        for place in (group, *group.parents):  # in a container the group may stand where the outermost one is looked for
            limit = _text(root / mount / str(place).lstrip("/") / name).strip()
            if limit.isdecimal():  # "max" is none
                yield Available(int(limit), "the control group of this process allows")


def _address_space(root: Path) -> Iterator[Available]:
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        # The limit is on addresses, so the first number counts, the size of all that is mapped, not the resident one.
        pages = _text(root / "proc/self/statm").split()
        used = int(pages[0]) * os.sysconf("SC_PAGE_SIZE") if pages else 0
        yield Available(max(soft - used, 0), "the limit of this process (ulimit -v) leaves")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
