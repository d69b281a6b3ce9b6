"""Work done ahead by processes that are started afresh, handed out in order; results come back through shared memory.

A process that dies or hangs is an error that names it, never a wait without end.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from itertools import count, islice, repeat, tee
from pickle import PicklingError
from typing import TypeVar

from fittool.data.batch import Batch
from fittool.data.user_code.batch_function import PassWalker
from fittool.data.user_code.generator_data import GeneratorData
from fittool.data.workers.main_module import in_worker, main_of
from fittool.data.workers.shared_memory import Packed, unnamed_memory
from fittool.data.workers.worker_process import WorkerProcess
from fittool.errors import ExperimentError, MachineError

Job = TypeVar("Job")
Result = TypeVar("Result")

_MOST_SENT = 64  # jobs that one process is told of ahead; their messages always fit into the channel


def in_order_by_processes(
    make: Callable[[Job], Result],
    jobs: Iterator[Job],
    workers: int,
    in_flight: int,
    *,
    timeout: float,
    describe: Callable[[Job], str],
) -> Generator[Result, None, None]:
    """As `loader.in_order`, by processes.

    Args:
        make: Does one job; is sent to each process once, large arrays in memory that all share.
        jobs: As many as it gives; may be endless.
        workers: Processes, at least 1. Job after job goes to the next of them.
        in_flight: How many jobs may be under way or done and not yet asked for, at least 1.
        timeout: Seconds that the consumer waits for one result.
        describe: Names a job in messages.

    Raises:
        ExperimentError: `make` cannot be sent to a process.
        UserCodeError: A process died or hangs; names it, its signal and the job.
    """
    pool = _pool(make, workers)
    pending: deque[tuple[WorkerProcess, Job]] = deque()
    turns = count()

    def send(amount: int) -> None:
        for job in islice(jobs, amount):
            process = pool[next(turns) % workers]
            process.send(job)
            pending.append((process, job))

    try:
        send(max(1, min(in_flight, _MOST_SENT * workers)))
        while pending:
            process, job = pending.popleft()
            result = process.receive(timeout, lambda job=job: describe(job))  # type: ignore[misc]
            send(1)
            yield result
    finally:
        _end(pool)


def _end(pool: list[WorkerProcess]) -> None:
    for process in pool:
        # All are told before any is waited for, so that they end side by side.
        process.hang_up()
    for process in pool:
        process.end()


def _pool(make: Callable[[Job], Result], workers: int) -> list[WorkerProcess]:
    """The processes, started side by side."""
    # A script without a guard trains when it is imported; each worker would start workers, without end.
    if in_worker():
        text = "A worker process was about to start workers of its own, as it runs the program's main file once more."
        raise ExperimentError(f'{text} Put what trains below `if __name__ == "__main__":` there.')
    try:
        packed = Packed(make)
    except (PicklingError, TypeError, AttributeError) as error:
        text = f"use_multiprocessing: the data cannot be sent to another process: {error}."
        raise ExperimentError(
            f"{text} Give a function that makes a generator, or a sequence of batches; or use threads."
        ) from error
    task = unnamed_memory()
    pool: list[WorkerProcess] = []
    try:
        place = packed.write_file(task)
        main = main_of() if packed.names_main else {}
        pool.extend(WorkerProcess(number, task, place, main, packed.descriptors) for number in range(workers))
        return pool
    except OSError as error:
        _end(pool)
        raise MachineError(f"The worker processes cannot be started: {error.strerror or error}. Use fewer workers.") from error
    finally:
        # Processes that were started have descriptors of their own, and the memory goes with the last of them.
        os.close(task)


Place = tuple[int, int]
"""A pass, and a batch of it, both from 0."""


class ProcessPasses:
    """The batches of a source, made by processes.

    Args:
        source: The user's code; the form of its first batch is what others are held against.
        workers: Processes, at least 1; a generator needs one alone, as does a sequence with the hook `on_epoch_end`.
        max_queue_size: How many batches are under way or wait, ready made.
        timeout: Seconds to wait for one batch.
    """

    def __init__(self, source: GeneratorData, workers: int, max_queue_size: int, timeout: float) -> None:
        self._source = source
        self._workers = workers
        self._max_queue_size = max_queue_size
        self._timeout = timeout

    def batches(self, places: Iterator[Place]) -> Generator[Batch | None, None, None]:
        """The batches at some places, each pass in order; None behind the end of a pass.

        Raises:
            ExperimentError: The user's code cannot be sent to another process.
            UserCodeError: It raised, died or hangs there, or a batch has the wrong form.
        """
        workers = self._workers if self._source.first and self._source.function.addressed else 1
        self._source.let_go()
        asked, told = tee(places)
        made = in_order_by_processes(
            PassWalker(self._source.function),
            asked,
            workers,
            self._max_queue_size,
            timeout=self._timeout,
            describe=self._with_names,
        )
        try:
            for (_, number), item in zip(told, made, strict=False):
                yield self._source.checked(item[0], number) if item else None
        finally:
            made.close()

    def one_pass(self, pass_number: int) -> Generator[Batch, None, None]:
        """The batches of a pass of unknown length; errors as for `batches`."""
        batches = self.batches(zip(repeat(pass_number), count(), strict=False))
        try:
            for batch in batches:
                if batch is None:
                    return
                yield batch
        finally:
            batches.close()

    def _with_names(self, place: Place) -> str:
        return f"batch {place[1] + 1} of pass {place[0] + 1} of {self._source.name}"
