"""A few threads that run lists of NumPy calls side by side. Which thread runs what is fixed, so its caches stay warm."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from fittool.engines.numpy_engine.floating_point import FloatingPointMonitor
from fittool.kernels.arithmetic import Arithmetic, put_in_force

Task = Callable[[], object]
TaskChain = Sequence[Task]
"""Calls that one thread makes one after the other."""


class ThreadPool:
    """`threads - 1` daemon threads and the caller; chain i is run by thread i modulo `threads`.

    Args:
        threads: How many threads compute, the caller included.
        monitor: Counts the floating-point errors of the daemon threads; by default they are forgotten.
        arithmetic: What the daemon threads compute by; by default NumPy.
    """

    def __init__(self, threads: int, monitor: FloatingPointMonitor | None = None, arithmetic: Arithmetic | None = None) -> None:
        self.threads, self._arithmetic = threads, Arithmetic() if arithmetic is None else arithmetic
        self._monitor = FloatingPointMonitor() if monitor is None else monitor
        self._queues: list[SimpleQueue[Sequence[TaskChain] | None]] = [SimpleQueue() for _ in range(threads - 1)]
        self._finished: SimpleQueue[BaseException | None] = SimpleQueue()
        for queue in self._queues:
            # Daemons, so that a process whose engine nobody closed can end.
            threading.Thread(target=self._work, args=(queue,), daemon=True, name="fittool-engine").start()

    def run(self, chains: Sequence[TaskChain]) -> None:
        """Run all chains and return when the last has ended; an exception in any chain is raised here."""
        # A single chain wakes nobody: most steps of a small network are such, and a message costs more than they do.
        if self.threads == 1 or len(chains) == 1:
            for chain in chains:
                for task in chain:
                    task()
            return
        busy = min(self.threads, len(chains)) - 1
        for worker in range(busy):
            self._queues[worker].put(chains[worker + 1 :: self.threads])
        failure: BaseException | None = None
        try:
            for chain in chains[:: self.threads]:
                for task in chain:
                    task()
        finally:
            # Also where the caller's own chain failed: the others write into arrays that the next step will use.
            for _ in range(busy):
                failure = self._finished.get() or failure
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Let the threads end; the pool cannot be used afterwards."""
        for queue in self._queues:
            queue.put(None)

    def _work(self, queue: SimpleQueue[Sequence[TaskChain] | None]) -> None:
        self._monitor.watch_this_thread()
        put_in_force(self._arithmetic)
        while (chains := queue.get()) is not None:
            try:
                for chain in chains:
                    for task in chain:
                        task()
                self._finished.put(None)
            except BaseException as error:  # whatever it is, the caller waits for a word from this thread
                self._finished.put(error)
