"""A group of processes whose processes are threads of this one, for everything that can be tested without starting any."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from fittool.process_group import ProcessGroup


class Threads:
    """A group whose processes are threads of this one.

    Args:
        size: The number of members.
    """

    def __init__(self, size: int) -> None:
        self.size, self._barrier, self._slots = size, threading.Barrier(size, timeout=30), [None] * size

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self._slots[rank] = value
        self._barrier.wait()
        values = list(self._slots)
        self._barrier.wait()
        return values


class Member:
    """One of them."""

    def __init__(self, threads: Threads, rank: int) -> None:
        self.rank, self.size, self._threads = rank, threads.size, threads

    def sum(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        every = self._threads.exchange(self.rank, arrays)
        return {name: sum((one[name] for one in every[1:]), every[0][name]) for name in arrays}

    def sum_in_place(self, tensor: Any) -> None:
        every = self._threads.exchange(self.rank, tensor + 0)
        tensor[...] = sum(every[1:], every[0])

    def broadcast(self, value: Any) -> Any:
        return self._threads.exchange(self.rank, value)[0]

    def agree(self, value: Any) -> Any:
        return next((one for one in self._threads.exchange(self.rank, value) if one is not None), None)

    def fail(self, error: BaseException) -> None:
        self._threads.failed = error

    def interruption(self) -> None:
        return None

    def note_directory(self, path: str) -> None:
        pass


def together(size: int, work: Callable[[ProcessGroup], Any]) -> list[Any]:
    """The results of all members, in the order of their ranks; what one raises is its result."""
    threads, results = Threads(size), [None] * size

    def run(rank: int) -> None:
        try:
            results[rank] = work(Member(threads, rank))
        except Exception as error:
            results[rank] = error

    running = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return results
