"""Starting the processes of a training on one machine, as PyTorch's elastic agent starts its workers, and ending with their code.

`torchrun` does the same and always ends with 1; what a process meant by its exit code is lost there.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from torch.distributed.elastic.multiprocessing import LogsDest, LogsSpecs, start_processes

from fittool.cpu import available_threads
from fittool.distributed.board import LOOPBACK, Board, Failure
from fittool.distributed.environment import RankEnvironment
from fittool.errors import OtherProcessError, Problem

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK = 0.05  # seconds between two looks at the processes
_LEFT_TIME = 9.0  # seconds in which the others have to end, after a failure and after the end of the leader, who leaves first
_SHELL_OFFSET = 128
_UNUSED_SIGNAL = "SIGUSR2"  # for PyTorch, which wants to handle at least one


@dataclass(frozen=True)
class Ending:
    """The end of all processes.

    Attributes:
        exit_code: The one that all mean: 0, or that of the process which failed first.
        directory: The run directory, where there was one.
        can_be_repeated: Whether the same call may do better: a process was killed, or met what nobody expected.
    """

    exit_code: int
    directory: Path | None
    can_be_repeated: bool

    @property
    def signal_number(self) -> int | None:
        """The signal by which the training was stopped, or None."""
        return self.exit_code - _SHELL_OFFSET if self.exit_code - _SHELL_OFFSET in STOPS else None


class Launcher:
    """Starts the processes, passes signals on, and sees to it that none outlives another's failure.

    Args:
        count: The number of processes.
        show: Shows a failure that no process could show itself.
        advice: What to add to the message of a process that was killed, given the run directory.
    """

    def __init__(
        self, count: int, show: Callable[[OtherProcessError], None], advice: Callable[[Path | None], str] = lambda _: ""
    ) -> None:
        self._count, self._show, self._advice = count, show, advice
        self._processes: dict[int, Any] = {}
        self._codes: dict[int, int] = {}
        self.received: int | None = None

    def run(self, arguments: Sequence[str], attempt: int = 0) -> Ending:
        """Start `python arguments` once for each rank, and wait for the end of all.

        Args:
            arguments: Without the interpreter.
            attempt: How many times it was done before.
        """
        here = RankEnvironment(0, self._count, 0, LOOPBACK, 0, f"fittool/fittool-launch/{attempt}", is_served=True)
        board = Board.connect(here, serves=True)
        self._codes, deadline = {}, None
        with self._pass_signals_on(), _start(self._count, arguments, board.port, attempt) as context:
            self._processes = {rank: handler.proc for rank, handler in context.subprocess_handlers.items()}
            while len(self._codes) < self._count:
                self._look(board)
                if deadline is None and (board.failure() is not None or 0 in self._codes):
                    deadline = time.monotonic() + _LEFT_TIME
                if deadline is not None and time.monotonic() > deadline:
                    self._send(signal.SIGKILL)
                time.sleep(_LOOK)
        return self._ending(board)

    def _look(self, board: Board) -> None:
        for rank, process in self._processes.items():
            code = None if rank in self._codes else process.poll()
            if code is not None:
                self._codes[rank] = code
                self._hear(board, rank, code)

    def _hear(self, board: Board, rank: int, code: int) -> None:
        """A process has ended. One that left no word is spoken for, so that the others do not wait for it."""
        if code == 0 or board.failure() is not None or board.has_left(0):
            return
        if code > 0 or -code in STOPS:
            board.fail(Failure(rank, code if code > 0 else _SHELL_OFFSET - code))
            return
        name, pid = _signal_name(-code), self._processes[rank].pid
        why = ", for lack of memory perhaps" if -code == signal.SIGKILL else ""
        text = f"Process {pid} was ended by {name}{why}. {self._advice(_path(board.directory()))}".strip()
        failure = board.fail(Failure(rank, _SHELL_OFFSET - code, (Problem(text),)))
        if board.claims_showing(self._count):
            self._show(failure.error())

    def _ending(self, board: Board) -> Ending:
        failure, directory = board.failure(), _path(board.directory())
        if failure is None:
            code = self._codes[0]
            return Ending(code if code >= 0 else _SHELL_OFFSET - code, directory, can_be_repeated=False)
        if failure.problems and not board.is_shown():
            self._show(failure.error())
        killed = failure.exit_code > _SHELL_OFFSET and failure.exit_code - _SHELL_OFFSET not in STOPS
        again = self.received is None and (killed or failure.exit_code == 1)
        return Ending(failure.exit_code, directory, again)

    @contextmanager
    def _pass_signals_on(self) -> Iterator[None]:
        """Within this context each signal that would end this process goes to all processes instead."""
        # SIGUSR1 asks for a checkpoint; it would end this process.
        before = {number: signal.getsignal(number) for number in (*STOPS, signal.SIGUSR1)}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._pass_on)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.received = number if number in STOPS else self.received
        self._send(number)

    def _send(self, number: int) -> None:
        for rank, process in self._processes.items():
            if rank not in self._codes:
                process.send_signal(number)


@contextmanager
def _start(count: int, arguments: Sequence[str], port: int, attempt: int) -> Iterator[Any]:
    """The processes, of which none is left behind this context."""
    ranks = range(count)
    with _variable("TORCHELASTIC_SIGNALS_TO_HANDLE", _UNUSED_SIGNAL):
        context = start_processes(
            name="fittool",
            entrypoint=sys.executable,
            args={rank: tuple(arguments) for rank in ranks},
            envs={rank: _variables(rank, count, port, attempt) for rank in ranks},
            logs_specs=_NoLogs(),
        )
    try:
        yield context
    finally:
        context.close(signal.SIGKILL)


class _NoLogs(LogsSpecs):  # type: ignore[misc,unused-ignore]  # untyped where PyTorch is not installed
    """All processes write where this one does; PyTorch's own choices leave folders behind."""

    def reify(self, envs: dict[int, dict[str, str]]) -> LogsDest:
        """No files."""
        nothing = dict.fromkeys(envs, "")
        return LogsDest(nothing, nothing, {}, {}, nothing)

    @property
    def root_log_dir(self) -> str:
        """None."""
        return ""


def _variables(rank: int, count: int, port: int, attempt: int) -> dict[str, str]:
    place = RankEnvironment(rank, count, rank, LOOPBACK, port, f"/{attempt}", is_served=True)
    threads = max(available_threads() // count, 1)  # else each process would take all cores for itself
    wished = {"OMP_NUM_THREADS": str(threads)}
    own = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    if own:  # what the processes tell each other stays on this machine
        wished |= {"GLOO_SOCKET_IFNAME": own[0], "NCCL_SOCKET_IFNAME": own[0]}
    return {name: os.environ.get(name, value) for name, value in wished.items()} | place.variables()


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """An environment variable for a while."""
    before: Mapping[str, str] = {name: os.environ[name]} if name in os.environ else {}
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        os.environ.update(before)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
