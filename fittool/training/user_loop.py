"""The user's own loop over the batches of an epoch, and the model that it gets. Everything around it is the trainer's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.control import Logs
from fittool.data.batch import Array, Batch
from fittool.data.class_weights import ClassWeight, class_factors, classes_of, per_sample
from fittool.data.user_code.functions import blamed, file_of
from fittool.data.user_code.generator_data import as_batch
from fittool.errors import DataError, UserCodeError

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
        settled: Callable[[], None],
    ) -> None:
        self._batches, self._steps, self._stopping, self._begun, self._settled = batches, steps, stopping, begun, settled
        self._drawn = 0
        self._counts = True  # data of the loop's own, where it draws none, are counted step by step

    def __iter__(self) -> LoopBatches:
        """The batches that are left."""
        return self

    def __next__(self) -> tuple[Any, ...]:
        """The next batch."""
        self.pass_by()
        if self._stopping() or (self._steps is not None and self._drawn >= self._steps):
            raise StopIteration
        batch = next(self._batches)
        if self._drawn:  # behind the last batch the loop may still train on it; what is saved there is saved once it returned
            self._settled()
        self._drawn += 1
        self._counts = True
        parts = (_unpacked(batch.inputs), _unpacked(batch.targets))
        return parts if batch.sample_weight is None else (*parts, batch.sample_weight)

    def work(self) -> None:
        """A training step is done on the batch that was drawn, or on data of the loop's own."""
        if self._counts:
            self._begun()
        self._counts = not self._drawn

    def done(self) -> None:
        """A training step and what follows it are done; on data of the loop's own each is a batch."""
        if not self._drawn:
            self._settled()

    def pass_by(self) -> None:
        """A batch was drawn and nothing done with it."""
        if self._drawn:
            self.work()


class LoopModel:
    """What the user's loop gets as `model`: Keras's methods for single batches.

    Args:
        engine: Does the steps.
        control: The training.
        step: The trainer's step on one batch.
        after: What follows it, once the epoch's running values hold the batch: callbacks, checkpoints.
    """

    def __init__(self, engine: Engine, control: Control, step: Callable[[Batch], None], after: Callable[[Batch], None]) -> None:
        self._engine, self._control, self._step, self._after = engine, control, step, after

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: ClassWeight | None = None) -> Logs:
        """One training step.

        Args:
            x: (N, …), or a list of such for several inputs.
            y: (N, …) targets, or a list.
            sample_weight: (N,) or None.
            class_weight: The weight of each class number.

        Returns:
            Loss and metrics of this batch alone.
        """
        batch = _batch(x, y, sample_weight, class_weight)
        logs = self._alone(self._step, batch, keep=True)
        self._after(batch)
        return logs

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> Logs:
        """Loss and metrics of a batch, without learning; the epoch's values do not see it."""
        return self._alone(self._engine.test_step, _batch(x, y, sample_weight), keep=False)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for inputs (N, …): an array (N, …), or a list of them."""
        outputs = self._engine.predict_step(_batch(x).inputs)
        return outputs[0] if len(outputs) == 1 else list(outputs)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self._engine.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._engine.learning_rate = rate

    @property
    def stop_training(self) -> bool:
        """Whether training is to end after this batch; may be set."""
        return self._control.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._control.stop_training = value

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that a batch gives."""
        return list(self._engine.metrics())

    def get_weights(self) -> list[NDArray[Any]]:
        """Copies of the weights, in Keras's order and layout."""
        return list(self._control.get_weights().values())

    def set_weights(self, weights: Sequence[NDArray[Any]]) -> None:
        """Take over weights in the order of `get_weights`.

        Raises:
            ValueError: There are more or fewer.
            CheckpointError: A shape differs.
        """
        own = self._control.get_weights()
        if len(weights) != len(own):
            raise ValueError(f"The network has {len(own)} arrays of weights, got {len(weights)}.")
        given = zip(own.items(), weights, strict=True)
        self._control.set_weights({name: np.asarray(array, before.dtype) for (name, before), array in given})

    def _alone(self, step: Callable[[Batch], None], batch: Batch, *, keep: bool) -> Logs:
        """The values of one batch; the running sums are put aside, and afterwards added if it is to count for the epoch."""
        before = _sums(self._engine)
        self._engine.reset_metrics()
        try:
            step(batch)
            return self._engine.metrics()
        finally:
            after = _sums(self._engine) if keep else {}
            self._engine.load_state({name: sums + after.get(name, 0) for name, sums in before.items()})


def run_loop(
    loop: Callable[[Any, Iterator[Any], int], object],
    name: str,
    epoch: int,
    batches: LoopBatches,
    model: Callable[[Callable[[Batch], None], Callable[[Batch], None]], LoopModel],
    *,
    first: int,
    before: Callable[[int], None],
    step: Callable[[Batch], None],
    after: Callable[[int, Batch], object],
) -> None:
    """Call the user's loop for one epoch.

    Args:
        loop: The user's function.
        name: What it is called in messages.
        epoch: From 0.
        batches: What it walks over.
        model: Makes the model that it gets from what is to be done with a batch, and after it.
        first: The number of its first step.
        before: Called with the number of the step.
        step: What is done with the batch.
        after: Called with the step's number and the batch.

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

    with blamed(f"{name} failed in epoch {epoch + 1}", file_of(loop)):
        loop(model(numbered_step, after_step), batches, epoch)
    batches.pass_by()
    if done == 0:
        raise UserCodeError(f"{name} did not call model.train_on_batch in epoch {epoch + 1}.")


def _sums(engine: Engine) -> Mapping[str, NDArray[Any]]:
    return {name: array for name, array in engine.state().items() if name.startswith("metrics/")}


def _unpacked(arrays: tuple[Array, ...]) -> Any:
    return arrays[0] if len(arrays) == 1 else arrays


def _batch(x: Any, y: Any = None, sample_weight: Any = None, class_weight: ClassWeight | None = None) -> Batch:
    """A batch as the loop gives it.

    Raises:
        UserCodeError: It has the wrong form.
    """
    item = (x,) if y is None else (x, y) if sample_weight is None else (x, y, sample_weight)
    try:
        batch = as_batch(item, "a batch of the loop", None if y is None else "auto")
    except DataError as error:
        raise UserCodeError(error.problems) from error
    if class_weight is None:
        return batch
    labels = classes_of(batch.targets[0]) if len(batch.targets) == 1 else None
    if labels is None:
        raise UserCodeError("class_weight needs targets that are classes, but the loop gives others.")
    return replace(batch, sample_weight=per_sample(class_factors(class_weight, None, labels), labels, batch.sample_weight))
