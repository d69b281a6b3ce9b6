"""A worker process as its parent sees it: jobs go there, results come back, and its death or silence is found."""

from __future__ import annotations

import mmap
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from fittool.data.loading.prefetch import duration, wait_for
from fittool.data.workers.shared_memory import Place, leased, map_into, unnamed_memory
from fittool.data.workers.worker_main import STACK_SIGNAL, STOP_SIGNALS, Failure
from fittool.data.workers.worker_output import OUTPUT
from fittool.errors import FittoolError, UserCodeError

_START = 120.0  # seconds to start Python and import what user code needs
_GRACE = 1.0  # seconds to end by itself
_LONGEST_OUTPUT = 1 << 20
_TAIL = 4096


class WorkerProcess:
    """One worker.

    Args:
        number: From 0.
        task: Descriptor of the memory that holds what it does.
        place: Where in there.
        main: What it needs of the program's main file.
        descriptors: Of other memory that it needs.
    """

    def __init__(self, number: int, task: int, place: Place, main: dict[str, str], descriptors: list[int]) -> None:
        self._number = number
        self._memory: memoryview | None = None
        self._ready = False
        self._released: list[int] = []
        self._shown = 0
        self._arena = unnamed_memory()
        self._output = tempfile.TemporaryFile("ab+")  # noqa: SIM115  (closed by `end`)
        ours, theirs = socket.socketpair()
        self._channel = Connection(ours.detach())
        self._poll = select.poll()
        self._poll.register(self._channel, select.POLLIN)
        with theirs:
            given = (theirs.fileno(), self._arena, task)
            call = f"main({', '.join(map(str, given))}, Place(0, {place.lengths}), {os.getpid()})"
            self._popen = self._start(call, main, (*given, *descriptors))

    def _start(self, call: str, main: dict[str, str], descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from fittool.data.workers.main_module import begin; begin({main!r}); "
            f"from fittool.data.workers.worker_main import Place, main; {call}"
        )
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)  # inherited: nothing stops a worker before it is ready
        try:
            return subprocess.Popen(
                [sys.executable, *subprocess._args_from_interpreter_flags(), "-c", code],  # type: ignore[attr-defined]
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=descriptors,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def send(self, job: object) -> None:
        """Have a job done; a process that is no longer there is found by `receive`."""
        with suppress(BrokenPipeError, ConnectionResetError):
            # Results are let go of whenever nobody has them, even between these two lines, so only what was copied is taken off.
            released = self._released[:]
            del self._released[: len(released)]
            self._channel.send_bytes(pickle.dumps((job, released)))

    def receive(self, timeout: float, what: Callable[[], str]) -> Any:
        """The result of the earliest job that was not asked for yet.

        Raises:
            FittoolError: What the job raised.
            UserCodeError: The process died, or hangs.
        """
        if not self._ready:
            self._message(max(timeout, _START), lambda: f"The start of a worker for {what()}")
            self._ready = True
        place = Place(*self._message(timeout, what))
        if self._memory is None or place.end > len(self._memory):
            # The worker made its memory larger. Results in the old mapping keep that one alive, so they stay valid.
            self._memory = map_into(self._arena, mmap.ACCESS_WRITE)
        result = leased(self._memory, place, self._released.append)
        self._pass_on_output()
        if isinstance(result, Failure):
            raise result.error()
        return result

    def _message(self, timeout: float, what: Callable[[], str]) -> Any:
        try:
            if not wait_for(lambda seconds: bool(self._poll.poll(1000 * seconds)), timeout):
                raise self._hangs(what(), timeout)
            return pickle.loads(self._channel.recv_bytes())
        except (EOFError, ConnectionResetError):
            raise self._say_death(what()) from None

    def _say_death(self, what: str) -> FittoolError:
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_GRACE)
        code = self._popen.poll()
        how = "closed its channel" if code is None else f"ended by itself with exit code {code}"
        if code is not None and code < 0:
            how = f"was killed by signal {-code} ({_signal_name(-code)}{'; out of memory?' if code == -signal.SIGKILL else ''})"
        said = self._tail()
        error = UserCodeError(f"{self._name} {how} while it made {what}.{f' Its last words: {said[-1]}' if said else ''}")
        error.add_note("The worker's output:\n" + "\n".join(said))
        return error

    def _hangs(self, what: str, timeout: float) -> UserCodeError:
        start = self._size()
        with suppress(ProcessLookupError):
            self._popen.send_signal(STACK_SIGNAL)
        wait_for(self._wrote_since(start), _GRACE)
        frames = [line.strip() for line in self._lines(start) if line.lstrip().startswith("File ")]
        own = [frame for frame in frames if "/fittool/" not in frame and f"{os.path.dirname(os.__file__)}/" not in frame]
        place = (own or frames or ["an unknown place"])[0]
        text = f"{self._name} did not make {what} within {duration(timeout)}. It hangs at {place}."
        error = UserCodeError(f"{text} Mend that, or raise data.timeout.")
        error.add_note("The worker's stack, innermost call first:\n" + "\n".join(frames))
        self._popen.kill()
        return error

    def _wrote_since(self, start: int) -> Callable[[float], bool]:
        """True where the process has written something, a moment ago or in some seconds."""

        def wrote(seconds: float) -> bool:
            time.sleep(seconds)
            return self._size() > start

        return wrote

    @property
    def _name(self) -> str:
        return f"Worker {self._number} (process {self._popen.pid})"

    def _size(self) -> int:
        return os.fstat(self._output.fileno()).st_size

    def _lines(self, start: int, size: int = _LONGEST_OUTPUT) -> list[str]:
        return os.pread(self._output.fileno(), size, start).decode("utf-8", "replace").splitlines()

    def _tail(self) -> list[str]:
        return [line.strip() for line in self._lines(max(0, self._size() - _TAIL)) if line.strip()]

    def _pass_on_output(self) -> None:
        """Log the lines that are complete by now, and keep the file short."""
        size = self._size()
        if size <= self._shown:
            return
        text = os.pread(self._output.fileno(), size - self._shown, self._shown)
        complete = text[: text.rfind(b"\n") + 1]
        for line in complete.decode("utf-8", "replace").splitlines():
            OUTPUT.warning("worker %d: %s", self._number, line)
        self._shown += len(complete)
        if self._shown == size > _LONGEST_OUTPUT:
            # The file is open for appending, so the worker goes on at its new end and leaves no gap.
            os.ftruncate(self._output.fileno(), 0)
            self._shown = 0

    def hang_up(self) -> None:
        """Let it end once it has done the job it is at."""
        self._channel.close()

    def end(self) -> None:
        """See to it that it has ended, and let go of everything."""
        try:
            self._popen.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        self._pass_on_output()
        self._memory = None
        self._output.close()
        os.close(self._arena)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "a signal without a name"
