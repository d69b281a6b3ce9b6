"""The processes that train one network together: who this one is, sums over all, and one decision for all.

A training alone is a group of one, for which everything here is the identity; nobody else has to ask whether it is alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from numpy.typing import NDArray

from fittool.errors import FittoolError

Value = TypeVar("Value")


class ProcessGroup(Protocol):
    """Processes that do the same steps at the same time; each call is made by all of them, in the same order."""

    @property
    def rank(self) -> int:
        """The number of this process, from 0; the one with 0 leads: it writes, shows and locks."""

    @property
    def size(self) -> int:
        """The number of processes."""

    def sum(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Arrays added up over all processes, name by name, always in the order of the ranks."""

    def sum_in_place(self, tensor: Any) -> None:
        """Add a tensor of an engine up over all processes where it lies, without a wait of the host for a device."""

    def broadcast(self, value: Value) -> Value:
        """The leader's value, for all."""

    def agree(self, value: Value | None) -> Value | None:
        """One decision for all: the value of the first process that has one, or None. Cheap where nobody has one."""

    def fail(self, error: BaseException) -> None:
        """Tell the others that this process cannot go on, so that none of them waits for it; they end as it does.

        This alone is called by one process. What all have agreed on is no failure of one, and is not told.
        """

    def interruption(self) -> FittoolError | None:
        """The error that ends the training, with a checkpoint, where whoever started the processes is gone; else None."""

    def note_directory(self, path: str) -> None:
        """Tell whoever started the processes where the run is, so that they can be started again."""


class Alone:
    """A group of one."""

    rank = 0
    size = 1

    def sum(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The arrays themselves."""
        return dict(arrays)

    def sum_in_place(self, tensor: Any) -> None:
        """The tensor is the sum."""

    def broadcast(self, value: Value) -> Value:
        """The value."""
        return value

    def agree(self, value: Value | None) -> Value | None:
        """The value."""
        return value

    def fail(self, error: BaseException) -> None:
        """Nobody is there to be told."""

    def interruption(self) -> FittoolError | None:
        """None."""
        return None

    def note_directory(self, path: str) -> None:
        """Nobody is there to be told."""


ALONE: ProcessGroup = Alone()


@dataclass(frozen=True)
class Member:
    """The place of a process among those of its group: plain data, for those who only cut shares.

    Attributes:
        rank: Its number, from 0.
        size: The number of processes.
    """

    rank: int = 0
    size: int = 1


def share_of(samples: int, group: ProcessGroup | Member) -> slice:
    """The samples of a batch that fall to this process: neighbours, as many as each other process has, or one more or less."""
    return slice(samples * group.rank // group.size, samples * (group.rank + 1) // group.size)
