"""Batches of user code that processes make: one process, or several where batches can be asked for by number."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import count, repeat, tee

from fittool.data.batch import Batch
from fittool.data.user_code.batch_function import PassWalker
from fittool.data.user_code.generator_data import GeneratorData

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
        from fittool.data.workers.process_pool import in_order_by_processes  # not needed where threads are enough

        workers = self._workers if self._source.first and self._source.function.addressed else 1
        self._source.let_go()
        asked, told = tee(places)
        made = in_order_by_processes(
            PassWalker(self._source.function), asked, workers, self._max_queue_size, timeout=self._timeout, describe=self._named
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

    def _named(self, place: Place) -> str:
        return f"batch {place[1] + 1} of pass {place[0] + 1} of {self._source.name}"
