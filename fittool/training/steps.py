"""Walking over batches: the one loop that trains and validates, and the stream of batches that goes on across epochs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fittool.data.batch import Batch
from fittool.errors import UserCodeError

if TYPE_CHECKING:
    from fittool.data.loading.batch_loader import BatchLoader


def run_steps(
    batches: Iterator[Batch],
    first: int,
    steps: int | None,
    *,
    before: Callable[[int], None],
    step: Callable[[Batch], None],
    after: Callable[[int, Batch], bool],
) -> int:
    """Apply a step to one batch after the other.

    Args:
        batches: Where they come from.
        first: How many steps are done already.
        steps: How many there are in all; None: as many as there are batches.
        before: Called with the number of the step, from 0.
        step: What is done with the batch.
        after: Called with the step's number and the batch; True ends the walk.

    Returns:
        How many steps are done now.
    """
    done = first
    while steps is None or done < steps:
        # Drawn before `before`, so that callbacks never hear of a step for which there is no batch.
        batch = next(batches, None)
        if batch is None:
            break
        before(done)
        step(batch)
        done += 1
        if after(done - 1, batch):
            break
    return done


class BatchStream:
    """The batches of a loader in the order of their steps; epochs that follow each other share one walk over the loader.

    Args:
        loader: The source of the batches.
        put: Begins to bring a batch to a device, one step before it is needed; None: batches are taken as they are.

    Attributes:
        waited: Seconds that the last batch was waited for.
    """

    def __init__(self, loader: BatchLoader, put: Callable[[Batch], Batch] | None = None) -> None:
        self.waited = 0.0
        self._loader, self._put = loader, put
        self._batches: Iterator[Batch] | None = None
        self._ahead: Batch | None = None
        self._step = 0

    def __iter__(self) -> BatchStream:
        """The stream itself."""
        return self

    def __next__(self) -> Batch:
        """The batch of the next step."""
        if self._batches is None:
            raise StopIteration
        start = time.perf_counter()
        batch = self._draw() if self._put is None else self._draw_ahead(self._put)
        if batch is None:
            self.close()
            raise StopIteration
        self.waited = time.perf_counter() - start
        self._step += 1
        return batch

    def _draw(self) -> Batch | None:
        return None if self._batches is None else next(self._batches, None)

    def _draw_ahead(self, put: Callable[[Batch], Batch]) -> Batch | None:
        """The batch that was put last time; the one after it is on its way to the device while the step computes."""
        batch = self._ahead
        if batch is None and (drawn := self._draw()) is not None:
            batch = put(drawn)
        following = None if batch is None else self._draw()
        self._ahead = None if following is None else put(following)
        return batch

    def from_step(self, step: int) -> BatchStream:
        """Go on where the stream stands if that is before this step, else begin there."""
        if self._batches is None or self._step != step:
            self.close()
            self._batches, self._step = iter(self._loader.batches(step)), step
        return self

    def close(self) -> None:
        """Let the loader's workers end."""
        close = getattr(self._batches, "close", None)
        # A batch that was drawn ahead belongs to the walk that ends: in the next one it would be trained on as another step's.
        self._batches = self._ahead = None
        if close is not None:
            close()


def check_enough(done: int, steps: int | None, what: str) -> None:
    """Find data that ended too early.

    Args:
        done: How many batches there were.
        steps: How many were asked for, or None.
        what: `training data in epoch 2`.

    Raises:
        UserCodeError: Names both numbers.
    """
    if steps is not None and done < steps:
        raise UserCodeError(
            f"The {what} ended after {done} of {steps} batches. Ask for fewer steps, or give a generator that goes on longer."
        )
    if not done:
        raise UserCodeError(
            f"There was no batch of {what}. A generator can be walked over only once: give one that does not end, with "
            "steps_per_epoch, or a function that makes a new one."
        )
