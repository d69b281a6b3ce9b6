"""The processes that train a sweep's trials, from the side of the sweep."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fittool.cpu import available_threads
from fittool.errors import MachineError
from fittool.runs.files.json_text import from_json, to_json
from fittool.search.record import Trial

_LOOK = 0.2
"""Seconds after which a sweep looks whether a signal has come."""
_MOST_DEATHS = 3
_SECONDS_TO_END = 600.0


@dataclass(frozen=True)
class Message:
    """Something that a worker said.

    Attributes:
        worker: It.
        trial: The trial that it is at; None where it is at none.
        content: What it said; None where its process has ended.
    """

    worker: Worker
    trial: Trial | None
    content: Mapping[str, Any] | None


class Worker:
    """A process that trains one trial after the other.

    Args:
        task: What it is told at its beginning.
        threads: With how many threads it computes.

    Attributes:
        trial: The one at work, or None.
        is_ready: Whether it can take one.
    """

    def __init__(self, task: Mapping[str, Any], threads: int) -> None:
        self.trial: Trial | None = None
        self.is_ready = False
        self._rest = b""
        environment = {"OMP_NUM_THREADS": str(threads), "FITTOOL_VIEW_METRICS": "false", **os.environ}
        # A session of its own: Ctrl-C goes to the sweep alone, which ends its workers; and -P as no module of the working
        # directory may take the place of one of Python's.
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fittool.search.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self.say(**task)

    def say(self, **message: Any) -> None:
        """Tell it something; a dead one is found out elsewhere."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.write(to_json(message) + b"\n")
            self.process.stdin.flush()

    def read(self) -> list[Mapping[str, Any] | None]:
        """What it has said since the last time; None at the end where it has ended."""
        assert self.process.stdout is not None
        content = os.read(self.process.stdout.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + content).split(b"\n")
        said: list[Mapping[str, Any] | None] = [from_json(line) for line in lines]
        return said if content else [*said, None]

    def dismiss(self) -> None:
        """Let it end: a trial at work stops with a checkpoint."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()

    def wait(self) -> None:
        """Until it has ended; one that hangs is killed."""
        assert self.process.stdout is not None
        try:
            self.process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Workers:
    """All workers of a sweep; those that die are replaced.

    Args:
        task: What each is told at its beginning.
        count: How many there are.
    """

    def __init__(self, task: Mapping[str, Any], count: int) -> None:
        self._task, self._threads = task, max(1, available_threads() // count)
        self._selector = selectors.DefaultSelector()
        self._useless_deaths = 0
        self.all: list[Worker] = []
        for _ in range(count):
            self._start()

    def _start(self) -> None:
        worker = Worker(self._task, self._threads)
        self.all.append(worker)
        assert worker.process.stdout is not None
        self._selector.register(worker.process.stdout, selectors.EVENT_READ, worker)

    @property
    def free(self) -> list[Worker]:
        """Those that can take a trial."""
        return [worker for worker in self.all if worker.is_ready and worker.trial is None]

    @property
    def busy(self) -> list[Worker]:
        """Those at a trial."""
        return [worker for worker in self.all if worker.trial is not None]

    @property
    def starting(self) -> bool:
        """True where some are not ready yet."""
        return any(not worker.is_ready for worker in self.all)

    def give(self, worker: Worker, trial: Trial, directory: Path, command: Sequence[str], asks: bool) -> None:
        """Have a trial trained.

        Args:
            worker: A free one.
            trial: The trial.
            directory: Its run directory.
            command: The call of the sweep, for the record.
            asks: Whether it may be ended early.
        """
        worker.trial = trial
        worker.say(values=dict(trial.values), directory=str(directory), command=list(command), asks=asks)

    def messages(self) -> list[Message]:
        """What workers have said, after waiting for a moment."""
        found = []
        for key, _ in self._selector.select(_LOOK):
            worker: Worker = key.data
            for content in worker.read():
                if content is not None and content.get("ready"):
                    worker.is_ready, self._useless_deaths = True, 0
                    continue
                found.append(Message(worker, worker.trial, content))
                if content is None:
                    self._bury(worker)
                elif "ends" in content:
                    worker.trial = None
        return found

    def _bury(self, worker: Worker) -> None:
        """Take a dead one out, and start another.

        Raises:
            MachineError: Workers die before they can do anything.
        """
        assert worker.process.stdout is not None
        self._selector.unregister(worker.process.stdout)
        worker.dismiss()
        worker.wait()
        self.all.remove(worker)
        self._useless_deaths += not worker.is_ready
        if self._useless_deaths >= _MOST_DEATHS:
            text = f"A process to train trials ended at once, with code {worker.process.returncode}; what it said stands above."
            raise MachineError(text)
        self._start()

    def end(self) -> None:
        """Let all end, and wait for them."""
        for worker in self.all:
            worker.dismiss()
        for worker in self.all:
            worker.wait()
        self._selector.close()
