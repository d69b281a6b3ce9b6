"""The life of a worker process: do jobs in the order in which they come, and put the results where the parent reads them.

The process is started afresh, never forked; it knows nothing but what it is sent. Its output goes to a file of the
parent's, as two processes that write to one terminal would tear each other's lines.
"""

from __future__ import annotations

import faulthandler
import mmap
import os
import pickle
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from fittool.data.workers.shared_memory import Packed, Place, map_into, unpack
from fittool.errors import FittoolError, Problem, UserCodeError

STACK_SIGNAL = signal.SIGUSR1
"""Makes a worker write down where it is."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Sent to the whole group of processes; what they mean is for the parent to decide."""

_DEATH_OF_PARENT = 1  # PR_SET_PDEATHSIG of <sys/prctl.h>
_STRETCH = 1 << 20


@dataclass(frozen=True)
class Failure:
    """An exception on its way to the parent.

    Attributes:
        kind: The class of a `FittoolError`, else None.
        problems: What it holds.
        trace: The traceback in the worker.
    """

    kind: type[FittoolError] | None
    problems: tuple[Problem, ...]
    trace: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Of an exception that a job raised."""
        trace = "".join(traceback.format_exception(error))
        if isinstance(error, FittoolError):
            return cls(type(error), error.problems, trace)
        if isinstance(error, Exception):
            return cls(None, (Problem(f"{type(error).__name__}: {error}"),), trace)
        left = f"A worker was left by {type(error).__name__}: {error or 'no message'}."
        return cls(UserCodeError, (Problem(left),), trace)

    def error(self) -> Exception:
        """The exception for the parent to raise; that of the worker stands in its notes."""
        error = RuntimeError(str(self.problems[0])) if self.kind is None else self.kind(self.problems)
        error.add_note(f"In the worker:\n{self.trace}")
        return error


class Arena:
    """Memory for results that the parent has not read yet; grows as it must.

    Args:
        descriptor: Of memory that both processes map.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._memory: memoryview | None = None
        self._in_use: list[Place] = []

    def release(self, starts: list[int]) -> None:
        """The parent has let go of the results that begin there."""
        if starts:
            self._in_use = [place for place in self._in_use if place.start not in starts]

    def put(self, value: object) -> Place:
        """Write a result where nothing lies that is still wanted."""
        packed = Packed(value)
        place = packed.place(self._free(packed.place(0).end))
        if self._memory is None or place.end > len(self._memory):
            self._grow(place.end)
        assert self._memory is not None
        packed.write(self._memory, place)
        self._in_use.append(place)
        self._in_use.sort(key=_start)
        return place

    def _free(self, length: int) -> int:
        """The first gap of some length."""
        start = 0
        for place in self._in_use:
            if place.start - start >= length:
                break
            start = place.end
        return start

    def _grow(self, size: int) -> None:
        before = 0 if self._memory is None else len(self._memory)
        os.ftruncate(self._descriptor, max(2 * before, -(-size // _STRETCH) * _STRETCH))  # what is not used takes no memory
        self._memory = map_into(self._descriptor, mmap.ACCESS_WRITE)


def main(channel: int, arena: int, task: int, place: Place, parent: int) -> None:
    """Do jobs until the parent closes the channel or dies.

    Args:
        channel: Descriptor that jobs come from and places of results go to.
        arena: Descriptor of the memory for results.
        task: Descriptor of the memory that holds the function that does a job, shared by all workers.
        place: Where in there.
        parent: The process that started this one.
    """
    _end_with(parent)
    for number in STOP_SIGNALS:
        # Ctrl-C in a terminal reaches every process of the group; a worker that died of it would be told as a failure.
        signal.signal(number, signal.SIG_IGN)
    # The parent started this process with them blocked; now that they are ignored, none that waits can end it.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    warnings.filterwarnings("ignore", module=r"PIL\.")  # damaged files are told by fittool
    faulthandler.enable(sys.__stderr__ or 2)
    faulthandler.register(STACK_SIGNAL, sys.__stderr__ or 2)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        _serve(Connection(channel), Arena(arena), unpack(map_into(task, mmap.ACCESS_COPY), place))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of user code do not keep a worker alive


def _serve(channel: Connection, arena: Arena, make: Callable[[Any], Any]) -> None:
    channel.send_bytes(pickle.dumps("ready"))
    while True:
        job, released = pickle.loads(channel.recv_bytes())
        arena.release(released)
        try:
            place = arena.put(make(job))
        # User code may leave by `sys.exit` or `KeyboardInterrupt`; the parent is to hear of that, not of a worker that is gone.
        except BaseException as error:
            place = arena.put(Failure.of(error))
        channel.send_bytes(pickle.dumps((place.start, place.lengths)))


def _start(place: Place) -> int:
    return place.start


def _end_with(parent: int) -> None:
    """Die when the parent dies, however it does."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)
    # A parent that died before the call above sends no signal any more.
    if os.getppid() != parent:
        os._exit(1)
