"""The validation part of an epoch: the same walk over batches, without learning, from the first batch each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fittool.callbacks.control import Logs
from fittool.callbacks.group import CallbackGroup
from fittool.data.batch import Batch
from fittool.training.display.progress import Progress, View
from fittool.training.monitoring.throughput import Throughput
from fittool.training.plan import Plan
from fittool.training.steps import BatchStream, check_enough, run_steps

if TYPE_CHECKING:
    from fittool.data.loading.batch_loader import BatchLoader
    from fittool.engines.base import Engine


class Validation:
    """Measures the network on data that it does not learn from.

    Args:
        engine: Does the steps.
        loader: The validation data.
        plan: When and for how many steps.
        callbacks: Those that listen.
        progress: Shows it.
        between_steps: Called after each step; may raise.
    """

    def __init__(
        self,
        engine: Engine,
        loader: BatchLoader,
        plan: Plan,
        callbacks: CallbackGroup,
        progress: Progress,
        between_steps: Callable[[], None],
    ) -> None:
        self._engine, self._loader, self._plan = engine, loader, plan
        self._callbacks, self._progress, self._between_steps = callbacks, progress, between_steps
        self._steps = plan.steps_of_validation(loader)
        self._epoch = 0
        self._pace = Throughput()

    def run(self, epoch: int) -> Logs:
        """Walk over the data.

        Args:
            epoch: The epoch that this belongs to, from 0.

        Returns:
            Loss and metrics, each with `val_` before its name.

        Raises:
            UserCodeError: The data ended early.
        """
        return {f"val_{name}": value for name, value in self.measure(epoch).items()}

    def measure(self, epoch: int = 0) -> Logs:
        """Walk over the data; what `run` gives, under the plain names."""
        self._epoch, self._pace = epoch, Throughput()
        self._engine.reset_metrics()
        self._callbacks.on_test_begin()
        check_enough(self._walk(), self._steps, f"validation data in epoch {epoch + 1}")
        logs = self._engine.metrics()
        self._callbacks.on_test_end(logs)
        self._engine.reset_metrics()
        return logs

    def _walk(self) -> int:
        stream = BatchStream(self._loader)
        try:
            return run_steps(
                stream.from_step(0),
                0,
                self._steps,
                before=self._callbacks.on_test_batch_begin,
                step=self._engine.test_step,
                after=self._after_step,
            )
        finally:
            stream.close()

    def _after_step(self, step: int, batch: Batch) -> bool:
        self._pace.stepped(batch.size)
        if self._callbacks.test_batch_end:
            self._callbacks.on_test_batch_end(step, self._engine.metrics())
        if self._progress.due():
            pace, metrics = self._pace, self._engine.metrics()
            epoch, epochs = self._epoch + 1, self._plan.epochs
            self._progress.look(View(epoch, epochs, step + 1, self._steps, pace.seconds, pace.examples, metrics, validating=True))
        self._between_steps()
        return False
