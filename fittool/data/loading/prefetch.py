"""Work done ahead by threads or processes, handed out in order, with a bound on what waits."""

from __future__ import annotations

import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from fittool.data.loading import FOREVER
from fittool.data.workers.worker_output import THREADS
from fittool.errors import PACKAGE, UserCodeError, shown

# Limits count only time in which this process ran, so a stopped or suspended machine trips nothing.
_TICK = 0.25


def wait_for(wait: Callable[[float], bool], seconds: float) -> bool:
    """Wait for something.

    Args:
        wait: Waits for it so many seconds at most, and says whether it has come.
        seconds: How long in all. Each of the many short waits counts as no more than was asked for, so that the time in
            which the process was stopped does not count.

    Returns:
        Whether it has come.
    """
    waited = 0.0
    while waited < seconds:
        tick = min(_TICK, seconds - waited)
        if wait(tick):
            return True
        waited += tick
    return wait(0)


def duration(seconds: float) -> str:
    """`600 s`."""
    return f"{seconds:g} s"


def stack_of(thread: int | None) -> list[traceback.FrameSummary]:
    """The place where a thread is, from its outermost call to its innermost; empty if it has ended."""
    frame = sys._current_frames().get(thread) if thread is not None else None
    return [] if frame is None else list(traceback.extract_stack(frame))


def where(frames: list[traceback.FrameSummary]) -> str:
    """The innermost place that is neither in this package nor in Python's own library: `my_data.py:12 in batches`."""
    library = str(Path(traceback.__file__).parent)
    own = [frame for frame in frames if not frame.filename.startswith((PACKAGE, library, "<frozen"))]
    place = (own or frames)[-1:]
    return f"{shown(place[0].filename)}:{place[0].lineno} in {place[0].name}" if place else "a place that cannot be told"


Job = TypeVar("Job")
Result = TypeVar("Result")

_GRACE = 5.0  # seconds for a thread to finish the job it is at when no more results are wanted


def in_order(
    make: Callable[[Job], Result],
    jobs: Iterator[Job],
    workers: int,
    in_flight: int,
    *,
    timeout: float = FOREVER,
    describe: Callable[[Job], str] = "item {}".format,
) -> Generator[Result, None, None]:
    """`map(make, jobs)`, done ahead by threads.

    `jobs` is drawn from in the thread of the consumer alone. An exception of `make` is raised where its result would have
    come. Closing the iterator, or an exception in the consumer, drops what waits and joins the threads.

    Args:
        make: Does one job.
        jobs: As many as it gives; may be endless.
        workers: Threads; 0 does each job when its result is asked for.
        in_flight: How many jobs may be under way or done and not yet asked for, at least 1.
        timeout: Seconds that the consumer waits for one result of a thread.
        describe: Names a job in messages.

    Raises:
        UserCodeError: A thread hangs; says where. It cannot be ended, but does not keep the process from ending.
    """
    if workers == 0:
        yield from map(make, jobs)
        return
    threads = _Threads(make, workers)
    pending: deque[tuple[Job, Future[Result]]] = deque()
    try:
        pending.extend((job, threads.submit(job)) for job in islice(jobs, max(in_flight, 1)))
        while pending:
            job, future = pending.popleft()
            result = threads.result(future, timeout, describe, job)
            # Handed in before the consumer has this result, so that the threads work while it does.
            pending.extend((job, threads.submit(job)) for job in islice(jobs, 1))
            yield result
    finally:
        for _, future in pending:
            future.cancel()
        threads.close()


class _Threads(Generic[Job, Result]):
    """Threads that do jobs; none of them keeps the process from ending."""

    def __init__(self, make: Callable[[Job], Result], workers: int) -> None:
        self._make = make
        self._waiting: SimpleQueue[tuple[Future[Result], Job] | None] = SimpleQueue()
        self._at_work: dict[Future[Result], int] = {}
        self._hang = False
        names = (f"{THREADS}_{number}" for number in range(workers))
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> Future[Result]:
        """Have a job done."""
        future: Future[Result] = Future()
        self._waiting.put((future, job))
        return future

    def result(self, future: Future[Result], timeout: float, describe: Callable[[Job], str], job: Job) -> Result:
        """The result of a job, or its exception."""
        if not future.done() and not wait_for(lambda seconds: _is_done(future, seconds), timeout):
            self._hang = True
            raise _hangs(describe(job), timeout, self._at_work.get(future))
        return future.result()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            future, job = item
            if future.set_running_or_notify_cancel():
                self._at_work[future] = threading.get_ident()
                self._do(future, job)
                del self._at_work[future]
            del item, future, job  # a result must not outlive its use while the thread waits

    def _do(self, future: Future[Result], job: Job) -> None:
        try:
            future.set_result(self._make(job))
        except Exception as error:
            future.set_exception(error)
        except BaseException as error:  # user code may raise KeyboardInterrupt or SystemExit, which would end the run as if asked
            failure = UserCodeError(f"A worker was left by {type(error).__name__}: {error or 'no message'}.")
            failure.__cause__ = error
            future.set_exception(failure)

    def close(self) -> None:
        """Let the threads end; one that hangs is left alone."""
        for _ in self._threads:
            self._waiting.put(None)
        if not self._hang:
            for thread in self._threads:
                wait_for(lambda seconds, thread=thread: _has_ended(thread, seconds), _GRACE)  # type: ignore[misc]


def _is_done(future: Future[Any], seconds: float) -> bool:
    try:
        future.exception(seconds)
    except TimeoutError:
        return future.done()
    return True


def _has_ended(thread: threading.Thread, seconds: float) -> bool:
    thread.join(seconds)
    return not thread.is_alive()


def _hangs(what: str, timeout: float, thread: int | None) -> UserCodeError:
    frames = stack_of(thread)
    text = f"{what} was not made within {duration(timeout)}. It hangs at {where(frames)}."
    error = UserCodeError(f"{text} Mend that, or raise data.timeout.")
    error.add_note("The thread that hangs:\n" + "".join(traceback.format_list(frames)))
    return error
