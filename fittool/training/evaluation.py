"""Walks over data without learning: one for validation, evaluate and predict, from the first batch each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fittool.callbacks.base import Callback
from fittool.callbacks.control import Control, Logs, TrainedModel
from fittool.callbacks.group import CallbackGroup
from fittool.data.batch import Batch
from fittool.process_group import ALONE, ProcessGroup
from fittool.training.display.formatting import values
from fittool.training.display.progress import NullProgress, Progress
from fittool.training.display.view import View
from fittool.training.monitoring.throughput import Throughput
from fittool.training.plan import Plan
from fittool.training.steps import BatchStream, check_enough, run_steps

if TYPE_CHECKING:
    from fittool.data.loading.batch_loader import BatchLoader
    from fittool.engines.base import Engine

Outputs = tuple[NDArray[np.float32], ...]
"""One array (N, …) for each output of a network."""


def nothing() -> None:
    """Nothing happens between two steps."""


def walk(
    loader: BatchLoader,
    steps: int | None,
    *,
    before: Callable[[int], None],
    step: Callable[[Batch], None],
    after: Callable[[int, Batch], bool],
) -> int:
    """Go over the batches of a loader from its first one, and let its workers end whatever happens.

    Args:
        loader: The data.
        steps: The number of batches; None: all of a pass.
        before, step, after: As in `run_steps`.

    Returns:
        The number of batches that there were.
    """
    stream = BatchStream(loader)
    try:
        return run_steps(stream.from_step(0), 0, steps, before=before, step=step, after=after)
    finally:
        stream.close()


def metrics_of_all(engine: Engine, group: ProcessGroup) -> Logs:
    """The running values over the samples of all processes: their sums are added, so that each sample counts once."""
    if group.size > 1:
        engine.load_metrics_state(group.sum(engine.metrics_state()))
    return engine.metrics()


def running_metrics_of_all(engine: Engine, group: ProcessGroup) -> Logs:
    """The same in the middle of a walk, which goes on with each process's own sums."""
    if group.size == 1:
        return engine.metrics()
    own = engine.metrics_state()
    values = metrics_of_all(engine, group)
    engine.load_metrics_state(own)
    return values


class Evaluation:
    """Measures a network on data that it does not learn from.

    Args:
        engine: Does the steps.
        loader: The data.
        steps: The number of batches; None: all of a pass.
        callbacks: Those that listen.
        progress: Shows it.
        step: Adds a batch to the running values; by default the engine's own forward step.
        epochs: The number of the last epoch, for the display.
        between_steps: Called after each step; may raise.
        group: The processes that share the data.
        title: Shown instead of the epoch.
    """

    def __init__(
        self,
        engine: Engine,
        loader: BatchLoader,
        steps: int | None,
        callbacks: CallbackGroup,
        progress: Progress,
        *,
        step: Callable[[Batch], None] | None = None,
        epochs: Callable[[], int] = lambda: 1,
        between_steps: Callable[[], None] = nothing,
        group: ProcessGroup = ALONE,
        title: str = "",
    ) -> None:
        self._engine, self._loader, self._steps = engine, loader, steps
        self._callbacks, self._progress = callbacks, progress
        self._step = engine.test_step if step is None else step
        self._epochs, self._between_steps, self._group = epochs, between_steps, group
        self._epoch, self._title = 0, title
        self._pace = Throughput()

    def run(self, epoch: int) -> Logs:
        """Measure as the validation of an epoch (from 0).

        Returns:
            Loss and metrics, each with `val_` before its name.

        Raises:
            UserCodeError: The data ended early.
        """
        return {f"val_{name}": value for name, value in self.measure(epoch, "validation data").items()}

    def measure(self, epoch: int = 0, what: str = "data") -> Logs:
        """Measure; the values of `run`, under the plain names."""
        self._epoch, self._pace = epoch, Throughput()
        self._engine.reset_metrics()
        self._callbacks.on_test_begin()
        done = walk(
            self._loader, self._steps, before=self._callbacks.on_test_batch_begin, step=self._step, after=self._after_step
        )
        check_enough(done, self._steps, f"{what} in epoch {epoch + 1}")
        logs = metrics_of_all(self._engine, self._group)
        self._callbacks.on_test_end(logs)
        # What is asked for after this belongs to the next epoch's training.
        self._engine.reset_metrics()
        return logs

    def _after_step(self, step: int, batch: Batch) -> bool:
        self._pace.stepped(batch.whole_size)
        if self._callbacks.test_batch_end:
            self._callbacks.on_test_batch_end(step, self._engine.metrics())
        if self._progress.due():
            pace, metrics = self._pace, self._engine.metrics()
            epoch, epochs = self._epoch + 1, self._epochs()
            view = View(epoch, epochs, step + 1, self._steps, pace.seconds, pace.examples, metrics, validating=True)
            self._progress.look(replace(view, title=self._title))
        self._between_steps()
        return False


def evaluate(
    engine: Engine,
    loader: BatchLoader,
    steps: int | None,
    callbacks: Sequence[Callback],
    model: TrainedModel | None,
    progress: Progress,
    *,
    step: Callable[[Batch], None] | None = None,
) -> Logs:
    """Loss and metrics of a network as it is.

    Args:
        engine: The network.
        loader: The data.
        steps: The number of batches; None: all.
        callbacks: Those that listen to tests.
        model: The object that they find as `model`.
        progress: Shows it.
        step: Adds a batch to the running values; by default the engine's own forward step.

    Raises:
        ExperimentError: A ValueError: more batches are asked for than there are.
        UserCodeError: The data ended early.
    """
    plan = Plan(1, validation_steps=steps)
    # The first loader stands for training data that are not there: without `within_pass` only validation steps are checked.
    plan.check(loader, loader)
    group = CallbackGroup(callbacks, Control(engine, model=model))
    steps = plan.steps_of_validation(loader)
    logs = Evaluation(engine, loader, steps, group, progress, step=step, title="evaluating").measure()
    progress.say(f"evaluated  {values(logs)}")
    return logs


def predict(
    engine: Engine,
    loader: BatchLoader,
    steps: int | None = None,
    callbacks: Sequence[Callback] = (),
    model: TrainedModel | None = None,
    *,
    outputs_of: Callable[[Batch], Outputs] | None = None,
    progress: Progress | None = None,
) -> list[NDArray[np.float32]]:
    """The outputs of a network for all samples.

    Args:
        engine: The network.
        loader: The data; targets are passed over.
        steps: The number of batches; None: all.
        callbacks: Those that listen to predictions.
        model: The object that they find as `model`.
        outputs_of: Gives the outputs for a batch, each (N, …); by default the engine's own.
        progress: Shows how far it is; by default nobody.

    Returns:
        One array (N, …) for each output.
    """
    group = CallbackGroup(callbacks, Control(engine, model=model))
    parts: list[Outputs] = []
    step = outputs_of or (lambda batch: engine.predict_step(batch.inputs))
    length = loader.steps_per_pass
    # Too many steps give what there is; where no length is known, the steps are the only limit.
    count = length if steps is None else min(steps, length or steps)
    _tell(group, "on_predict_begin")
    walk(
        loader,
        count,
        before=partial(_tell, group, "on_predict_batch_begin"),
        step=lambda batch: parts.append(step(batch)),
        after=partial(_after_prediction, group, progress or NullProgress(), Throughput(), count),
    )
    _tell(group, "on_predict_end")
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _tell(group: CallbackGroup, hook: str, *step: int) -> None:
    """Call a hook on all callbacks."""
    for callback in group.callbacks:
        getattr(callback, hook)(*step, {})


def _after_prediction(
    group: CallbackGroup, progress: Progress, pace: Throughput, steps: int | None, step: int, batch: Batch
) -> bool:
    """Nothing that a callback does ends the walk."""
    pace.stepped(batch.size)
    _tell(group, "on_predict_batch_end", step)
    if progress.due():
        progress.look(View(1, 1, step + 1, steps, pace.seconds, pace.examples, {}, title="predicting"))
    return False
