"""Work done ahead by threads, handed out in order, with a bound on what waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_order(make: Callable[[Job], Result], jobs: Iterator[Job], workers: int, in_flight: int) -> Generator[Result, None, None]:
    """`map(make, jobs)`, done ahead by threads.

    `jobs` is drawn from in the thread of the consumer alone. An exception of `make` is raised where its result would have
    come. Closing the iterator, or an exception in the consumer, cancels what waits and joins the threads.

    Args:
        make: Does one job.
        jobs: As many as it gives; may be endless.
        workers: Threads; 0 does each job when its result is asked for.
        in_flight: How many jobs may be under way or done and not yet asked for, at least 1.
    """
    if workers == 0:
        yield from map(make, jobs)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="fittool-data")
    pending: deque[Future[Result]] = deque()
    try:
        pending.extend(pool.submit(make, job) for job in islice(jobs, max(in_flight, 1)))
        while pending:
            result = pending.popleft().result()
            pending.extend(pool.submit(make, job) for job in islice(jobs, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
