"""The user's own loop over the batches of an epoch. Everything around it, and its steps themselves, are the trainer's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fittool.callbacks.control import Logs
from fittool.data.batch import Array, Batch
from fittool.data.user_code.functions import blame, file_of
from fittool.errors import UserCodeError
from fittool.process_group import ALONE, ProcessGroup
from fittool.training.evaluation import running_metrics_of_all

if TYPE_CHECKING:
    from fittool.callbacks.control import Control
    from fittool.engines.base import Engine


class LoopBatches:
    """The batches of one epoch, `(inputs, targets)` or `(inputs, targets, sample_weight)`; ends when training is to end.

    Args:
        batches: Where they come from.
        steps: How many there still are in the epoch; None: as many as come.
        stopping: Whether training is to end.
        begun: Called once for each batch, when the loop works on it or leaves it.
        settled: Called when the loop is done with a batch, as it gets the next one; may save, or raise. In the middle of a
            batch nothing may be saved, since the loop could train on it once more.
    """

    def __init__(
        self,
        batches: Iterator[Batch],
        steps: int | None,
        *,
        stopping: Callable[[], bool],
        begun: Callable[[], None],
        settled: Callable[[], object],
    ) -> None:
        self._batches, self._steps, self._stopping, self._begun, self._settled = batches, steps, stopping, begun, settled
        self._drawn = 0
        self.last: Batch | None = None
        self._last_parts: tuple[Any, ...] = ()
        self._counts = True  # data of the loop's own, where it draws none, are counted step by step

    def __iter__(self) -> LoopBatches:
        """The batches that are left."""
        return self

    def __next__(self) -> tuple[Any, ...]:
        """The next batch."""
        self.pass_by()
        if self._stopping() or (self._steps is not None and self._drawn >= self._steps):
            raise StopIteration
        self.last = batch = next(self._batches)
        if self._drawn:  # behind the last batch the loop may still train on it; what is saved there is saved once it returned
            self._settled()
        self._drawn += 1
        self._counts = True
        parts = (_unpack(batch.inputs), _unpack(batch.targets))
        self._last_parts = parts if batch.sample_weight is None else (*parts, batch.sample_weight)
        return self._last_parts

    @property
    def is_counted(self) -> bool:
        """True where the loop has worked on the batch that was drawn last, so that the position is behind it."""
        return not self._counts

    def gave(self, x: Any, y: Any, sample_weight: Any) -> bool:
        """True for the arrays of the last batch themselves."""
        given = (x, y) if sample_weight is None else (x, y, sample_weight)
        # By identity: these arrays were checked as the batch was made, and equal ones would have to be compared number by number.
        return len(given) == len(self._last_parts) and all(a is b for a, b in zip(given, self._last_parts, strict=True))

    def work(self) -> None:
        """A training step is done on the batch that was drawn, or on data of the loop's own."""
        if self._counts:
            self._begun()
        # Further steps on the batch that was drawn are no further batches of the data.
        self._counts = not self._drawn

    def done(self) -> None:
        """A training step and what follows it are done; on data of the loop's own each is a batch."""
        if not self._drawn:
            self._settled()

    def pass_by(self) -> None:
        """A batch was drawn and nothing done with it."""
        if self._drawn:
            self.work()


class LoopSteps:
    """The steps that a user's loop asks `model.train_on_batch` for, with everything that the trainer does around them.

    Args:
        engine: Does the steps.
        batches: Those of the epoch.
        step: The trainer's step on one batch.
        after: Called with the batch once the epoch's running values hold it: callbacks, checkpoints.
        group: The processes that train together, in each of which the loop runs.
    """

    def __init__(
        self,
        engine: Engine,
        batches: LoopBatches,
        step: Callable[[Batch], None],
        after: Callable[[Batch], None],
        group: ProcessGroup = ALONE,
    ) -> None:
        self._engine, self._batches, self._step, self._after, self._group = engine, batches, step, after, group

    def batch_of(self, x: Any, y: Any, sample_weight: Any) -> Batch | None:
        """The batch that the loop drew last, if these are its own arrays, which need no second look; else None."""
        return self._batches.last if self._batches.gave(x, y, sample_weight) else None

    def train(self, batch: Batch) -> Logs:
        """One training step.

        Returns:
            Loss and metrics of this batch alone.
        """
        before = self._engine.metrics_state()
        self._engine.reset_metrics()
        try:
            self._step(batch)
            logs = running_metrics_of_all(self._engine, self._group)
        finally:
            # The batch counts for the epoch too: sums add up, so no metric has to be computed twice.
            after = self._engine.metrics_state()
            self._engine.load_metrics_state({name: sums + after[name] for name, sums in before.items()})
        self._after(batch)
        return logs


def run_loop(
    loop: Callable[[Any, Iterator[Any], int], object],
    name: str,
    epoch: int,
    batches: LoopBatches,
    control: Control,
    engine: Engine,
    *,
    first: int,
    before: Callable[[int], None],
    step: Callable[[Batch], None],
    after: Callable[[int, Batch], object],
    group: ProcessGroup = ALONE,
) -> None:
    """Call the user's loop for one epoch.

    Args:
        loop: The user's function.
        name: What it is called in messages.
        epoch: From 0.
        batches: What it walks over.
        control: The training, whose model it gets.
        engine: Does the steps.
        first: The number of its first step.
        before: Called with the number of the step.
        step: What is done with the batch.
        after: Called with the step's number and the batch.
        group: The processes that train together.

    Raises:
        UserCodeError: The loop raised, or trained on nothing.
    """
    done = first

    def numbered_step(batch: Batch) -> None:
        before(done)
        step(batch)
        batches.work()

    def after_step(batch: Batch) -> None:
        nonlocal done
        done += 1
        after(done - 1, batch)
        batches.done()

    control.loop = LoopSteps(engine, batches, numbered_step, after_step, group)
    try:
        with blame(f"{name} failed in epoch {epoch + 1}", file_of(loop)):
            loop(control.model, batches, epoch)
    finally:
        control.loop = None
    # A batch that the loop drew last and left counts too, or the position would stand one behind the data.
    batches.pass_by()
    # A resumed loop may have no step left, but did some before: `done` begins at `first`.
    if done == 0:
        raise UserCodeError(f"{name} did not call model.train_on_batch in epoch {epoch + 1}.")


def _unpack(arrays: tuple[Array, ...]) -> Any:
    return arrays[0] if len(arrays) == 1 else arrays
