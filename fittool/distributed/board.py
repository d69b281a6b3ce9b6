"""The board on which the processes of a job leave word for each other: who is there, who has failed, who has left.

It is PyTorch's store of keys and bytes, served by the launcher, so that it outlives the process that fails. Words are JSON:
nothing that is read from the network is run.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # documented there, not marked as exported

from fittool.distributed.environment import RankEnvironment
from fittool.errors import FittoolError, OtherProcessError, Problem

LOOPBACK = "127.0.0.1"
"""The address under which a machine reaches itself, and nobody else does."""
_LOOK = 0.05  # seconds between two looks at a key
_REACH = timedelta(seconds=300)  # to reach the store of a job whose machines start one after the other


@dataclass(frozen=True)
class Failure:
    """The end of one process, as the others are told.

    Attributes:
        rank: Whose.
        exit_code: What all end with.
        problems: What there is to show; nothing where a signal came before there was anything to save.
        details: A traceback, where it was a bug; else "".
        next_command: The command with which a user goes on, or "".
    """

    rank: int
    exit_code: int
    problems: tuple[Problem, ...] = ()
    details: str = ""
    next_command: str = ""

    @classmethod
    def of(cls, rank: int, error: FittoolError) -> Failure:
        """That of a process which met an error."""
        return cls(rank, error.exit_code, error.problems, next_command=error.next_command)

    def encode(self) -> str:
        """Text that `decode` reads."""
        problems = [[one.text, one.place, one.excerpt] for one in self.problems]
        return json.dumps([self.rank, self.exit_code, problems, self.details, self.next_command])

    @classmethod
    def decode(cls, text: bytes | str) -> Failure:
        """The failure that `encode` wrote."""
        rank, exit_code, problems, details, next_command = json.loads(text)
        return cls(rank, exit_code, tuple(Problem(*one) for one in problems), details, next_command)

    def error(self, *, named: bool = True) -> OtherProcessError:
        """The error with which the others end; `named`: it says which process it was."""
        problems = [named_problem(one, self.rank) for one in self.problems] if named else list(self.problems)
        error = OtherProcessError(problems, self.exit_code, self.details)
        error.next_command = self.next_command
        return error


def named_problem(problem: Problem, rank: int) -> Problem:
    """A problem that says which process met it."""
    if problem.place:
        return Problem(problem.text, f"rank {rank}: {problem.place}", problem.excerpt, problem.exit_code, problem.key)
    return Problem(f"rank {rank}: {problem.text}", "", problem.excerpt, problem.exit_code, problem.key)


class Board:
    """The words of one attempt of a job.

    Args:
        store: The connection; one thread alone may use it.
        job: The beginning of its keys.

    All methods raise `ConnectionError` where the store is gone, and with it whoever served it.
    """

    def __init__(self, store: TCPStore, job: str) -> None:
        self.store: Any = PrefixStore(job, store)
        self._server = store  # served as long as this object lives

    @classmethod
    def connect(cls, place: RankEnvironment, *, serves: bool = False) -> Board:
        """A connection of its own to the store of a job.

        Args:
            place: Says where it is.
            serves: Whether this process serves it to the others.

        Raises:
            ConnectionError: Nobody answers there.
        """
        options: dict[str, Any] = {"is_master": serves, "wait_for_workers": False, "timeout": _REACH}
        port = place.port
        if serves and place.address == LOOPBACK:
            # PyTorch would listen on all networks; a job of one machine is nobody else's matter.
            listening = socket.create_server((LOOPBACK, port))
            port = listening.getsockname()[1]
            options["master_listen_fd"] = listening.detach()
        try:
            store = TCPStore(place.address, port, **options)
        except RuntimeError as error:
            raise ConnectionError(f"Nobody answers at {place.address}, port {place.port}: {_first_line(error)}") from error
        return cls(store, place.job)

    @property
    def port(self) -> int:
        """Where the store listens."""
        return int(self._server.port)

    def fail(self, failure: Failure) -> Failure:
        """Leave word of a failure, unless another process was first; the one that counts."""
        return Failure.decode(self._first("failure", failure.encode()))

    def failure(self) -> Failure | None:
        """The failure that counts, or None."""
        return Failure.decode(self._get("failure")) if self._has("failure") else None

    def failure_within(self, seconds: float) -> Failure | None:
        """The failure that counts, waited for."""
        self._wait(["failure"], seconds)
        return self.failure()

    def claims_showing(self, rank: int) -> bool:
        """True for the one process that shows the failure."""
        return self._first("shown", str(rank)) == str(rank).encode()

    def is_shown(self, seconds: float = 0.0) -> bool:
        """True once a process shows it, waited for."""
        return self._wait(["shown"], seconds)

    def note_error(self, rank: int, text: str) -> None:
        """Leave word of the error that this process met itself."""
        self._set(f"error/{rank}", text)

    def is_met_by_others(self, rank: int, size: int, text: str, seconds: float) -> bool:
        """True where another process met the same error, waited for."""
        end = time.monotonic() + seconds
        others = [other for other in range(size) if other != rank]
        while True:
            if any(self._has(f"error/{other}") and self._get(f"error/{other}") == text.encode() for other in others):
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK)

    def arrive(self, rank: int) -> None:
        """This process is there."""
        self._set(f"here/{rank}", "")

    def is_complete(self, size: int) -> bool:
        """True where all processes are there."""
        return self._has(*(f"here/{rank}" for rank in range(size)))

    def beat(self, rank: int, number: int) -> None:
        """This process lives."""
        self._set(f"beat/{rank}", str(number))

    def beats(self, size: int) -> list[bytes]:
        """The last sign of life of each process; empty where one has given none yet."""
        keys = [f"beat/{rank}" for rank in range(size)]
        if not self._has(*keys):
            return []
        with _asking():
            return [bytes(value) for value in self.store.multi_get(keys)]

    def leave(self, rank: int) -> None:
        """This process has done all that others may wait for."""
        self._set(f"left/{rank}", "")

    def has_left(self, rank: int) -> bool:
        """True where a process has."""
        return self._has(f"left/{rank}")

    def note_directory(self, path: str) -> None:
        """Leave word of the run directory, for a launcher that starts the processes again."""
        self._set("directory", path)

    def directory(self) -> str | None:
        """The run directory, once there is one."""
        return self._get("directory").decode() if self._has("directory") else None

    def _set(self, key: str, value: str) -> None:
        with _asking():
            self.store.set(key, value)

    def _get(self, key: str) -> bytes:
        with _asking():
            return bytes(self.store.get(key))

    def _has(self, *keys: str) -> bool:
        with _asking():
            return bool(self.store.check(list(keys)))

    def _first(self, key: str, value: str) -> bytes:
        """The value of a key that is set once."""
        with _asking():
            return bytes(self.store.compare_set(key, "", value))

    def _wait(self, keys: Sequence[str], seconds: float) -> bool:
        """Look until the keys are there; in Python, so that signals are heard."""
        end = time.monotonic() + seconds
        while not self._has(*keys):
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK)
        return True


class _asking:  # noqa: N801  (read as a function)
    """Names the store's errors: whoever served it is gone."""

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RuntimeError):
            raise ConnectionError(_first_line(error)) from error


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
