"""Noticing that memory or file handles grow from epoch to epoch, as they do where a user's generator keeps what it made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

_WARM = 2
_STEADY = 5


@dataclass(frozen=True)
class Amount:
    """Something that a process holds.

    Attributes:
        name: What it is called.
        now: Gives how much there is now; None where the machine does not tell.
        least: The growth from which on it is worth a word.
        shown: Writes an amount.
    """

    name: str
    now: Callable[[], int | None]
    least: int
    shown: Callable[[int], str]


class ResourceMonitor:
    """Looks once an epoch, and tells each amount once.

    The first two epochs of a stage fill caches and do not count: layers that begin to learn need memory of their own. After
    them an amount leaks if it has risen in each of the last five epochs, and by at least `least` in these: 64 MiB of memory, 25
    file handles.

    Args:
        amounts: What is looked at.
    """

    def __init__(self, amounts: Sequence[Amount] | None = None) -> None:
        self._amounts = list(_AMOUNTS if amounts is None else amounts)
        self._seen: dict[str, list[int]] = {}
        self._epochs, self._stage = 0, 0

    def look(self, stage: int = 0) -> Iterator[str]:
        """The warnings after this epoch, of the stage of this number."""
        if stage != self._stage:
            self._seen, self._epochs, self._stage = {}, 0, stage
        self._epochs += 1
        for amount in tuple(self._amounts) if self._epochs > _WARM else ():
            value = amount.now()
            if value is None:
                continue
            seen = self._seen[amount.name] = [*self._seen.get(amount.name, [])[-_STEADY:], value]
            rising = all(before < after for before, after in pairwise(seen))
            if len(seen) > _STEADY and rising and seen[-1] - seen[0] >= amount.least:
                self._amounts.remove(amount)
                grown = (
                    f"grew from {amount.shown(seen[0])} to {amount.shown(seen[-1])} in the last {_STEADY} epochs, in each of them"
                )
                yield f"{amount.name} {grown}. Does a generator or callback keep things?"


def _memory() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def _handles() -> int | None:
    with suppress(OSError):
        return len(os.listdir("/proc/self/fd"))
    return None


_AMOUNTS = (
    Amount("Memory", _memory, 64 << 20, lambda size: f"{size / 2**20:,.0f} MiB"),
    Amount("The number of open files", _handles, 25, "{:,}".format),
)
